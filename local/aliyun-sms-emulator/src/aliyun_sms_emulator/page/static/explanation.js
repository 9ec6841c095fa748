// Why a call was refused: what is wrong with it, and, for a signature, both texts side by side.

import { el, language, t } from "./dom.js";
import { call } from "./api.js";

export async function explain(id, reason) {
  reason.append(el("p", { class: "hint" }, t("explaining")));
  try {
    const found = await call("GET", `/requests/${id}/explanation?lang=${language}`);
    reason.replaceChildren(...explanation(found));
  } catch (error) {
    reason.replaceChildren();
    throw error;
  }
}

function explanation(found) {
  const findings = found.findings.map(({ what, remedy, certainty }) => el("li", {}, el("b", {}, what),
    el("span", { class: `pill ${certainty}`, title: t(`certainty_${certainty}_hint`) }, t(`certainty_${certainty}`)),
    el("p", {}, remedy)));
  const parts = [el("h2", {}, t("explained")), findings.length
    ? el("ol", { class: "findings" }, findings) : el("p", { class: "hint" }, t("right_signature"))];
  if (found.compared && !found.right) {
    const client = found.client_is_proven ? "client_" : "suggested_";
    parts.push(found.same_texts ? el("p", { class: "hint" }, t("same_texts")) : null,
      el("div", { class: "texts" }, text(`expected_${found.compared}`, found.expected, found.first_difference),
        text(`${client}${found.compared}`, found.client, found.first_difference)));
  }
  return parts.filter(Boolean);
}

// A percent code that differs is marked whole.
function text(title, whole, difference) {
  const pre = el("pre", { tabindex: "0", role: "region", "aria-label": t(title) });
  if (difference === null) {
    pre.append(whole);
  } else {
    const percent = whole.lastIndexOf("%", difference);
    const start = percent >= 0 && /^%(25)?[0-9A-F]?$/i.test(whole.slice(percent, difference)) ? percent : difference;
    const marked = whole.slice(start).match(/^(%25[0-9A-F]{2}|%[0-9A-F]{2}|[^])/i)?.[0] ?? "";
    pre.append(whole.slice(0, start), el("mark", {}, marked === "\n" ? "↵\n" : marked || t("ends_here")),
      whole.slice(start + marked.length));
  }
  return el("div", {}, el("h3", {}, t(title)), pre);
}
