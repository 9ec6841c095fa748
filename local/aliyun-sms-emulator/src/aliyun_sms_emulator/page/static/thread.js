// One conversation: messages and replies as on the phone, the phone's state, the reply box.

import { byId, el, sync } from "./dom.js";
import { attempt, call, query } from "./api.js";
import { keepOneStop, setUpArrows } from "./keys.js";
import { messageItem, replyItem } from "./message.js";
import { grouped, partOf } from "./numbers.js";
import { go } from "./place.js";
import { dayOf } from "./times.js";

const FIRST = 50;
const MOST = 1000; // what the JSON API answers at once
const STOPS = ".badge";
const list = byId("messages");
const talk = byId("talk");
const opened = new Set(); // messages whose badge was clicked
let number = "";
let shown = FIRST;
let newest = 0;
let seen = 0; // the newest before the last look; what is above it comes in with a movement
let readTo = 0;
let entries = [];

// Shows what matches; returns how many messages and replies that are.
export async function showThread(wanted, filters, conversations) {
  const changed = wanted !== number;
  if (changed) { number = wanted; shown = FIRST; newest = 0; readTo = 0; opened.clear(); }
  const { phone_number: _, ...rest } = filters;
  const filtered = Object.values(rest).some((value) => value !== "" && value !== undefined);
  const [{ messages, total }, { replies }, { fate }] = await Promise.all([
    call("GET", `/messages?${query({ ...rest, phone_number: number, order: "newest", limit: shown })}`),
    call("GET", `/replies?${query({ phone_number: number, limit: MOST })}`),
    call("GET", `/numbers/${encodeURIComponent(number)}`),
  ]);
  const kept = filtered ? replies.filter((reply) => matches(reply, rest)) : replies;
  const first = total > shown ? messages.at(-1).id : 0;
  const items = inOrder(messages.reverse(), kept.filter((reply) => reply.after_message_id >= first));
  showHead(messages, conversations, fate);
  byId("no-message").hidden = items.length > 0 || filtered;
  byId("some-hidden").hidden = !filtered;
  byId("nothing-here").hidden = items.length > 0 || !filtered;
  byId("older-messages").hidden = total <= shown || shown >= MOST;
  byId("too-many").hidden = total <= shown || shown < MOST;
  const atEnd = changed || talk.scrollHeight - talk.scrollTop - talk.clientHeight < 80;
  entries = withDays(items);
  seen = newest;
  newest = Math.max(newest, ...messages.map((message) => message.id));
  showEntries();
  if (atEnd) requestAnimationFrame(() => { talk.scrollTop = talk.scrollHeight; });
  markRead().catch(() => {}); // the next look tries again
  return items.length;
}

function showHead(messages, conversations, fate) {
  const listed = conversations.find((one) => one.phone_number === number);
  const international = listed?.international ?? messages.at(-1)?.template_type === "international";
  byId("thread-number").textContent = grouped(number, international);
  const select = byId("fate");
  if (![...select.options].some((option) => option.value === fate)) select.append(el("option", { value: fate }, fate));
  if (document.activeElement !== select) select.value = fate;
}

// Of filters that ask for what only messages have, no reply is a match.
function matches({ content }, { search = "", since, until, ...others }) {
  if (since || until || Object.values(others).some((value) => value !== "")) return false;
  const digits = partOf(search);
  return content.toLowerCase().includes(search.toLowerCase()) || (/^\d+$/.test(digits) && number.includes(digits));
}

// A reply stands behind the message that was the newest of all when it was written.
function inOrder(messages, replies) {
  return [
    ...messages.map((message) => ({ key: `m${message.id}`, place: [message.id, 0], at: message.accepted_at, message })),
    ...replies.map((reply) => ({ key: `r${reply.id}`, place: [reply.after_message_id, reply.id], at: reply.sent_at, reply })),
  ].sort(({ place: one }, { place: other }) => one[0] - other[0] || one[1] - other[1]);
}

function withDays(items) {
  const all = [];
  let day = "";
  for (const item of items) {
    if (dayOf(item.at) !== day) all.push({ key: `d${item.key}`, day: day = dayOf(item.at) });
    all.push(item);
  }
  return all;
}

function showEntries() {
  sync(list, entries.map((entry) => ({ ...entry, open: opened.has(entry.message?.id) })), (entry) => entry.key, (entry) => {
    if (entry.day) return el("li", { class: "day" }, entry.day);
    if (entry.reply) return replyItem(entry);
    return messageItem(entry, { toggle, remove, arrived: seen > 0 && entry.message.id > seen });
  });
  const stops = list.querySelectorAll(STOPS);
  keepOneStop(list, STOPS, stops[stops.length - 1]);
  for (const item of list.children) { // what belongs to the message that Tab stops at
    const stop = item.querySelector(STOPS);
    for (const one of item.querySelectorAll(".meta button:not(.badge)")) one.tabIndex = stop?.tabIndex ?? -1;
  }
}

function toggle(id) {
  if (!opened.delete(id)) opened.add(id);
  showEntries();
  list.querySelector(`#about-${id}`)?.scrollIntoView({ block: "nearest" });
}

async function remove(id) {
  const item = list.querySelector(`[data-key="m${id}"]`);
  const stops = [...list.querySelectorAll(STOPS)];
  const at = stops.indexOf(item.querySelector(STOPS));
  const next = stops[at + 1] ?? stops[at - 1] ?? byId("reply").elements.content;
  if (await attempt(() => call("DELETE", `/messages/${id}`))) next.focus();
}

async function markRead() {
  if (document.hidden || newest <= readTo) return;
  const read = newest;
  await call("PUT", `/conversations/${encodeURIComponent(number)}`, { read_to: read });
  readTo = Math.max(readTo, read);
}

export const focusThread = () => byId("thread-number").focus();

export function setUpThread(refresh, leaveThread) {
  setUpArrows(list, STOPS);
  list.addEventListener("focusin", showEntries);
  byId("older-messages").addEventListener("click", () => { shown = Math.min(MOST, shown * 2); attempt(refresh); });
  byId("show-all").addEventListener("click", () => go("inbox", number));
  byId("fate").addEventListener("change", (event) => attempt(() =>
    call("PUT", `/numbers/${encodeURIComponent(number)}`, { fate: event.target.value })));
  byId("thread").addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing) return;
    const about = event.target.closest("#messages > li")?.querySelector("[aria-expanded=true]");
    if (about) { about.focus(); about.click(); } else leaveThread();
  });
  byId("reply").addEventListener("submit", (event) => {
    event.preventDefault();
    const form = event.target;
    const field = form.elements.content;
    const content = field.value;
    attempt(async () => {
      await call("POST", "/replies", { phone_number: number, content });
      // Who has gone on meanwhile keeps the focus, and what they have typed.
      if (field.value === content) field.value = "";
      if (form.contains(document.activeElement)) field.focus();
      talk.scrollTop = talk.scrollHeight;
    });
  });
}
