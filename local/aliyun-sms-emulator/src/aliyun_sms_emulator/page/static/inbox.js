// The list of conversations: search, filters, what is unread, export, clear.

import { ask, byId, counted, el, fields, pager, spoken, sync, t } from "./dom.js";
import { attempt, call, query } from "./api.js";
import { keepOneStop, setUpArrows, whenShown } from "./keys.js";
import { grouped, isWhole, stored } from "./numbers.js";
import { addressOf, go, isWide, place, settle } from "./place.js";
import { fromField, listTime } from "./times.js";
import { focusThread, showThread } from "./thread.js";

const PAGE = 50;
const STOPS = "#conversations a";
const form = byId("filters");
const list = byId("conversations");
let offset = 0;
let last = "";

// What the JSON API is asked for: times as it takes them.
const wantedOf = ({ since, until, ...others }) => ({ ...others, since: fromField(since), until: fromField(until) });

// Shows one page of conversations and one thread; `again` does so once more, later. `clock` brings
// the emulator's time.
export async function refreshInbox(clock, again) {
  let { number, filters } = place();
  let address = location.hash;
  const isLeft = () => location.hash !== address; // something was typed or clicked meanwhile
  const open = (newest) => {
    settle("inbox", newest, filters);
    address = location.hash;
    return newest;
  };
  fill(filters);
  const wanted = wantedOf(filters);
  const [{ conversations, total, unread }, now] = await Promise.all([
    call("GET", `/conversations?${query({ ...wanted, limit: PAGE, offset })}`), clock]);
  if (isLeft()) return unread; // the next look has begun to wait
  if (total <= offset && offset > 0) {
    offset = 0;
    return refreshInbox(clock, again);
  }
  const newest = conversations[0]?.phone_number ?? "";
  if (!number && newest && isWide()) number = open(newest);
  showList(conversations, number, now); // what is listed need not wait for the thread
  const found = number ? await showThread(number, wanted, conversations) : null;
  if (isLeft()) return unread;
  if (found === 0 && Object.keys(filters).length && newest && isWide()) {
    number = open(newest);
    await showThread(number, wanted, conversations);
    showList(conversations, number, now);
  }
  pager(byId("conversation-pager"), offset, PAGE, total, (to) => { offset = to; attempt(again); });
  showAround(filters, wanted, { number, total, unread });
  moveFocus(number);
  return unread;
}

function showList(conversations, number, now) {
  const shared = { today: new Date(now).toDateString(), filters: place().filters };
  sync(list, conversations.map((one) => ({ ...one, ...shared, current: one.phone_number === number })),
    (one) => one.phone_number, conversation);
  keepOneStop(list, STOPS, list.querySelector("[aria-current]"));
}

function conversation({ phone_number: number, unread, text, status, reply, international, at, today, filters, current }) {
  return el("li", {}, el("a", { href: addressOf("inbox", number, filters), "aria-current": current ? "true" : null, class: unread ? "unread" : null },
    el("b", {}, grouped(number, international)), " ",
    el("time", { datetime: at }, listTime(at, today)), " ",
    el("span", {}, reply ? t("replied", { text }) : text), " ",
    el("span", { class: "marks" }, mark(status), unread ? el("i", { class: "count" }, String(unread), spoken(` ${t("unread_mark")}`)) : null)));
}

function mark(status) {
  if (status === null) return null;
  if (status === "delivered") return el("i", { class: "tick" }, spoken(t("status_delivered")));
  return el("i", { class: `pill ${status}` }, t(`status_${status}`));
}

// All that stands around the two columns, by what there is to show.
function showAround(filters, wanted, { number, total, unread }) {
  const count = Object.keys(filters).length;
  const others = count - (filters.search ? 1 : 0);
  const nothing = total === 0;
  byId("found").textContent = nothing && count ? t("no_match") : counted("conversations", total);
  byId("read-all").hidden = unread === 0;
  byId("filters-summary").textContent = others ? t("filters_n", { n: others }) : t("filters");
  const noMatch = nothing && count > 0 && (isWide() || !number);
  byId("no-match").hidden = !noMatch;
  showWayTo(nothing ? filters.search ?? "" : "");
  for (const kind of ["json", "csv"]) byId(`export-${kind}`).href = `/api/export.${kind}?${query(wanted)}`;
  byId("inbox").classList.toggle("reading", number !== "" && !noMatch);
  byId("inbox").classList.toggle("first-steps", nothing && !count && !number);
  byId("back").href = addressOf("inbox", "", filters);
  byId("first").hidden = !nothing || count > 0 || number !== "";
  byId("thread").hidden = number === "" || noMatch;
}

// A number may be given a fate before anything is sent to it.
function showWayTo(text) {
  const way = byId("open-number");
  way.hidden = !isWhole(text);
  if (way.hidden) return;
  way.href = addressOf("inbox", stored(text));
  way.textContent = t("open_number", { number: grouped(stored(text)) });
}

// On a small screen one column takes the place of the other, and the focus goes with it.
function moveFocus(number) {
  const lost = document.activeElement === document.body || !document.activeElement.checkVisibility();
  if (!isWide() && number !== last && lost) {
    if (number) focusThread();
    else list.querySelector(`a[href*="${last}"]`)?.focus();
  }
  last = number;
}

function fill(filters) {
  for (const field of form.elements) {
    if (field.name && document.activeElement !== field) field.value = filters[field.name] ?? "";
  }
}

// The address follows at once, so that nothing typed is lost to what arrives meanwhile.
function settleFilters() {
  offset = 0;
  settle("inbox", isWide() ? place().number : "", fields(form));
}

function follow(refresh) {
  settleFilters();
  attempt(refresh);
}

function withoutFilters(refresh) {
  form.reset();
  for (const field of form.elements) if (field.name) field.value = "";
  follow(refresh);
}

export function setUpInbox(refresh) {
  let timer;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => {
    settleFilters();
    clearTimeout(timer);
    timer = setTimeout(() => attempt(refresh), 120);
  });
  for (const reset of [byId("reset-filters"), byId("reset-search")]) {
    reset.addEventListener("click", () => { withoutFilters(refresh); byId("search").focus(); });
  }
  byId("search").addEventListener("keydown", (event) => searchKey(event, refresh));
  setUpArrows(list, STOPS);
  list.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (link && event.detail === 0) openByKey(link); // Enter, not the mouse
  });
  byId("read-all").addEventListener("click", () => attempt(() => call("POST", "/conversations/read", {})));
  byId("clear-inbox").addEventListener("click", async () => {
    byId("more").open = false;
    if (!await ask(t("clear_inbox_question"), t("clear"))) return;
    if (await attempt(() => call("DELETE", "/messages"))) go("inbox");
  });
}

function searchKey(event, refresh) {
  const first = list.querySelector("a");
  if ((event.key === "ArrowDown" || event.key === "Enter") && first && !event.isComposing) {
    event.preventDefault();
    (list.querySelector("[aria-current]") ?? first).focus();
  } else if (event.key === "Escape" && event.target.value) {
    event.preventDefault();
    event.target.value = "";
    follow(refresh);
  } else if (event.key === "Escape" && !focusList()) {
    whenShown(() => document.activeElement !== event.target || focusList());
  }
}

// Whether there is a conversation that the focus can go to.
function focusList() {
  const stop = list.querySelector("[tabindex='0']");
  stop?.focus();
  return Boolean(stop);
}

// Who opens a conversation with Enter goes on to type a reply.
function openByKey(link) {
  if (link.getAttribute("href") === location.hash) focusReply();
  else whenShown(focusReply);
}

function focusReply() {
  const field = byId("reply").elements.content;
  field.focus();
  return document.activeElement === field;
}

export function leaveThread() {
  if (isWide()) focusList();
  else go("inbox", "", place().filters);
}
