// One conversation: messages as on the phone, what became of each, replies, the phone's state.

import { byId, copyButton, definitions, el, has, shortTime, sync, t } from "./dom.js";
import { attempt, call, query } from "./api.js";

const FIRST = 50;
const MOST = 1000; // what the JSON API answers at once
let number = "";
let shown = FIRST;
let newest = 0;

export async function showThread(wanted, filters) {
  const opened = wanted !== number;
  if (opened) { number = wanted; shown = FIRST; newest = 0; }
  const { phone_number: _, number_part: __, ...rest } = filters;
  const [{ messages, total }, { replies }, { fate }] = await Promise.all([
    call("GET", `/messages?${query({ ...rest, phone_number: number, order: "newest", limit: shown })}`),
    call("GET", `/replies?${query({ phone_number: number, limit: MOST })}`),
    call("GET", `/numbers/${encodeURIComponent(number)}`),
  ]);
  const nothing = total === 0 && replies.length === 0;
  if (nothing && Object.values(rest).some((value) => value !== "")) return false;
  byId("thread-number").textContent = number;
  showFate(fate);
  byId("no-message").hidden = !nothing;
  byId("older-messages").hidden = total <= shown || shown >= MOST;
  byId("too-many").hidden = total <= shown || shown < MOST;
  const talk = byId("talk");
  const atEnd = opened || talk.scrollHeight - talk.scrollTop - talk.clientHeight < 80;
  const entries = timeline(messages.reverse(), replies);
  const before = newest;
  newest = Math.max(0, ...messages.map((message) => message.id));
  sync(byId("messages"), entries, (entry) => entry.key, (entry) => build(entry, before));
  if (atEnd) requestAnimationFrame(() => { talk.scrollTop = talk.scrollHeight; });
  return true;
}

function showFate(fate) {
  const select = byId("fate");
  if (![...select.options].some((option) => option.value === fate)) select.append(el("option", { value: fate }, fate));
  if (document.activeElement !== select) select.value = fate;
}

// Messages and replies in one order; a message's replies are those before the next message.
function timeline(messages, replies) {
  const entries = [
    ...messages.map((message) => ({ key: `m${message.id}`, at: message.accepted_at, message, replies: [] })),
    ...replies.map((reply) => ({ key: `r${reply.id}`, at: reply.sent_at, reply })),
  ].sort((one, other) => one.at.localeCompare(other.at));
  let last = null;
  for (const entry of entries) {
    if (entry.message) last = entry;
    else last?.replies.push(entry.reply);
  }
  return entries;
}

function build({ message, reply, replies }, before) {
  if (reply) {
    return el("li", { class: "up" }, el("p", { class: "bubble", dir: "auto" }, reply.content),
      el("p", { class: "meta" }, t("reply_label"), el("span", {}, t("to_extension", { code: reply.dest_code })), time(reply.sent_at)));
  }
  const code = codeIn(message);
  return el("li", { class: before > 0 && message.id > before ? "new" : null },
    el("p", { class: "bubble", dir: "auto" }, marked(message.text, code)),
    el("p", { class: "meta" },
      el("span", { class: `pill ${message.status}` }, t(`status_${message.status}`)),
      code ? copyButton(code, t("copy"), t("copy_code", { code })) : null,
      el("span", {}, message.segments === 1 ? t("segments_1") : t("segments", { n: message.segments })),
      message.api === "SendMessageToGlobe" ? el("span", {}, t("international")) : null,
      time(message.accepted_at)),
    el("ol", { class: "life", "aria-label": t("life") }, life(message, replies)),
    el("details", { class: "ids" }, el("summary", {}, t("details")), definitions([
      ["out_id", message.out_id], ["biz_id", message.biz_id], ["request_id", message.request_id],
      [t("action"), message.api], [t("template"), message.template_code],
      ...Object.entries(message.template_param).map(([name, value]) => [`\${${name}}`, value]),
      ["sms_up_extend_code", message.sms_up_extend_code], ["account", message.account],
    ])));
}

const time = (at) => el("time", { datetime: at, title: at }, shortTime(at));

const NUMBERS = /(?<![\w-])(?:[A-Z]{1,3}-)?(\d{4,8})(?![\w-])/g;
const SAYS_CODE = /code|codigo|código|otp|pin|验证码|校验码|驗證碼|認証|인증/i;

// The code a verification message brings: its variable. A text without one brings the number that
// is nearest to the word for code, else a short one if it is the only number.
function codeIn({ text, template_type: type, template_param: values }) {
  if (type === "verification" || type === "gift") {
    const value = values.code ?? Object.values(values)[0] ?? "";
    if (value && text.includes(value)) return value;
  }
  if (type === "notification" || type === "promotion") return null;
  const found = [...text.matchAll(NUMBERS)];
  const word = text.match(SAYS_CODE);
  if (!word) return found.length === 1 && found[0][1].length <= 6 ? found[0][1] : null;
  const end = word.index + word[0].length;
  const distance = ({ 0: { length }, index }) => Math.max(index - end, word.index - index - length);
  return found.sort((one, other) => distance(one) - distance(other))[0]?.[1] ?? null;
}

function marked(text, code) {
  const at = code ? text.lastIndexOf(code) : -1;
  return at < 0 ? [text] : [text.slice(0, at), el("mark", {}, code), text.slice(at + code.length)];
}

function life(message, replies) {
  const steps = [
    step("done", t("life_accepted"), shortTime(message.accepted_at)),
    step("done", t("life_sent"), shortTime(message.accepted_at)),
  ];
  if (message.status === "accepted") {
    steps.push(step("open", t("life_waiting"), ""));
  } else {
    const key = `code_${message.receipt_code}`;
    const meaning = t(has(key) ? key : "code_unknown");
    const good = message.status === "delivered";
    steps.push(step(good ? "done" : "bad", t(good ? "life_delivered" : "life_failed"),
      shortTime(message.receipt_at), `${message.receipt_code}: ${meaning}`));
  }
  const pushes = message.push_attempts;
  if (pushes.length) {
    const last = pushes[pushes.length - 1];
    steps.push(step(last.accepted ? "done" : "bad",
      pushes.length === 1 ? t("life_pushed_1") : t("life_pushed", { n: pushes.length }), shortTime(last.at),
      last.accepted ? "" : t("life_refused", { problem: last.problem })));
  }
  for (const reply of replies) steps.push(step("done", t("life_reply"), shortTime(reply.sent_at), reply.content));
  return steps;
}

const step = (state, name, at, text = "") => el("li", { class: state }, el("b", {}, name), el("small", {}, at),
  text ? el("small", {}, text) : null);

export function setUpThread(refresh) {
  byId("older-messages").addEventListener("click", () => { shown = Math.min(MOST, shown * 2); attempt(refresh); });
  byId("fate").addEventListener("change", (event) => attempt(() =>
    call("PUT", `/numbers/${encodeURIComponent(number)}`, { fate: event.target.value })));
  byId("reply").addEventListener("submit", (event) => {
    event.preventDefault();
    const field = event.target.elements.content;
    attempt(async () => {
      await call("POST", "/replies", { phone_number: number, content: field.value });
      field.value = "";
    });
  });
}
