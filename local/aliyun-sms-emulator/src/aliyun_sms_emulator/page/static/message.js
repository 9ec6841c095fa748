// One message or reply in a conversation; what became of it is behind its badge.

import { button, copyButton, counted, definitions, el, has, t } from "./dom.js";
import { codeIn, marked } from "./codes.js";
import { addressOf } from "./place.js";
import { bothTimes } from "./times.js";

export function replyItem({ reply }) {
  return el("li", { class: "up" }, el("p", { class: "bubble", dir: "auto" }, reply.content),
    el("div", { class: "meta" }, el("span", {}, t("reply_to", { code: reply.dest_code })), bothTimes(reply.sent_at)));
}

export function messageItem({ message, open }, { toggle, remove, arrived }) {
  const code = codeIn(message);
  const id = `about-${message.id}`;
  return el("li", { class: arrived ? "new" : null },
    el("p", { class: "bubble", dir: "auto" }, marked(message.text, code)),
    el("div", { class: "meta" }, badge(message, open, { id, toggle }),
      code ? copyButton(code, t("copy"), t("copy_code", { code })) : null,
      bothTimes(message.accepted_at),
      message.segments > 1 ? el("span", {}, counted("segments", message.segments)) : null,
      message.template_type === "international" ? el("span", {}, t("international")) : null,
      notTaken(message) ? el("span", { class: "bad" }, t("push_not_taken")) : null),
    open ? about(message, { id, remove }) : null);
}

function badge({ id: messageId, status, receipt_code: code }, open, { id, toggle }) {
  const text = status === "failed" ? `${t("status_failed")}: ${code}` : t(`status_${status}`);
  return button(text, () => toggle(messageId),
    { class: `badge pill ${status}`, "aria-expanded": String(open), "aria-controls": open ? id : null });
}

const notTaken = ({ push_attempts: pushes }) => pushes.length > 0 && !pushes.at(-1).accepted;

function about(message, { id, remove }) {
  return el("div", { class: "about", id },
    el("ol", { class: "life", "aria-label": t("life") }, life(message)),
    definitions([
      ["out_id", message.out_id], ["biz_id", message.biz_id], ["request_id", message.request_id],
      [t("action"), message.api], [t("template"), message.template_code],
      ...Object.entries(message.template_param).map(([name, value]) => [`\${${name}}`, value]),
      [t("segments_name"), message.segments],
      ["sms_up_extend_code", message.sms_up_extend_code], ["account", message.account],
    ]),
    el("p", { class: "actions" },
      el("a", { href: addressOf("requests", "", { search: message.request_id }) }, t("show_request")),
      button(t("delete_message"), () => remove(message.id), { class: "quiet danger" })));
}

function life(message) {
  const steps = [step("done", t("status_accepted"), message.accepted_at)];
  if (message.status === "accepted") {
    steps.push(step("open", t("no_receipt_yet"), null));
  } else {
    const key = `code_${message.receipt_code}`;
    steps.push(step(message.status === "delivered" ? "done" : "bad", t(`status_${message.status}`), message.receipt_at,
      `${message.receipt_code}: ${t(has(key) ? key : "code_unknown")}`));
  }
  const last = message.push_attempts.at(-1);
  if (last) {
    steps.push(step(last.accepted ? "done" : "bad", counted("pushed", message.push_attempts.length), last.at,
      last.accepted ? "" : t("push_refused", { problem: last.problem })));
  }
  return steps;
}

const step = (state, name, at, text = "") => el("li", { class: state }, el("b", {}, name),
  at ? bothTimes(at) : null, text ? el("small", {}, text) : null);
