// The requests tab: every call, and why one was refused.

import { ask, byId, definitions, el, language, pager, shortTime, sync, t } from "./dom.js";
import { attempt, call, query } from "./api.js";

const PAGE = 50;
let offset = 0;

// Shows one page of calls; `again` does so once more, later.
export async function refreshRequests(again) {
  const verdict = byId("verdict").value;
  const { requests, total } = await call("GET", `/requests?${query({ verdict, order: "newest", limit: PAGE, offset })}`);
  if (total <= offset && offset > 0) {
    offset = 0;
    await refreshRequests(again);
    return;
  }
  sync(byId("calls"), requests, (request) => request.id, row);
  pager(byId("call-pager"), offset, PAGE, total, (to) => { offset = to; attempt(again); });
  byId("call-heads").hidden = total === 0;
  byId("no-calls").hidden = total > 0;
  byId("no-calls-title").textContent = t(verdict ? "requests_none" : "requests_empty");
}

function row(request) {
  const { verdict, code, fault } = request;
  const odd = [code === "OK" ? "" : code, fault].filter(Boolean).join(" · ");
  const reason = el("div", {});
  return el("li", {}, el("details", { ontoggle: (event) => {
    if (event.target.open && verdict === "refused" && !reason.hasChildNodes()) attempt(() => explain(request.id, reason));
  } },
  el("summary", {}, el("time", { datetime: request.at, title: request.at }, shortTime(request.at)),
    el("span", {}, request.action || t("no_action")),
    el("span", { class: `pill ${verdict} verdict-${verdict}` }, t(`verdict_${verdict}`)),
    el("span", { class: "code" }, odd),
    el("span", { class: "ms" }, `${request.duration_ms.toFixed(1)} ms`)),
  el("div", { class: "call" }, reason, definitions([
    [t("request_id"), request.request_id], [t("code"), `${request.http_status} ${code}`], [t("fault"), fault],
    ["HTTP", `${request.method} ${request.signature_method}`], ["account", request.account],
    ...Object.entries(request.parameters),
  ]))));
}

async function explain(id, reason) {
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
  const findings = found.findings.map(({ what, remedy, proven }) => el("li", {}, el("b", {}, what),
    el("span", { class: `pill ${proven ? "proven" : "likely"}`, title: proven ? t("proven_hint") : null }, t(proven ? "proven" : "likely")),
    el("p", {}, remedy)));
  const parts = [el("h3", {}, t("explained")), findings.length
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
  const pre = el("pre", { tabindex: "0", "aria-label": t(title) });
  if (difference === null) {
    pre.append(whole);
  } else {
    const percent = whole.lastIndexOf("%", difference);
    const start = percent >= 0 && /^%(25)?[0-9A-F]?$/i.test(whole.slice(percent, difference)) ? percent : difference;
    const marked = whole.slice(start).match(/^(%25[0-9A-F]{2}|%[0-9A-F]{2}|[^])/i)?.[0] ?? "";
    pre.append(whole.slice(0, start), el("mark", {}, marked === "\n" ? "↵\n" : marked || t("ends_here")),
      whole.slice(start + marked.length));
  }
  return el("div", {}, el("h4", {}, t(title)), pre);
}

export function setUpRequests(refresh) {
  byId("verdict").addEventListener("change", () => { offset = 0; attempt(refresh); });
  byId("clear-requests").addEventListener("click", async () => {
    if (await ask(t("clear_requests_question"), t("clear"))) await attempt(() => call("DELETE", "/requests"));
  });
}
