// The requests view: every call, to whom and with what, found by one search; why one was refused.

import { ask, byId, counted, definitions, el, has, language, pager, sync, t } from "./dom.js";
import { attempt, call, query } from "./api.js";
import { explain } from "./explanation.js";
import { keepOneStop, setUpArrows } from "./keys.js";
import { grouped, stored } from "./numbers.js";
import { addressOf, place, settle } from "./place.js";
import { bothTimes, isPlatformZone, platformTime, wholeTime } from "./times.js";

const PAGE = 50;
const STOPS = "summary";
const EXPLAINED = new Set(["refused", "rejected", "failed"]);
const list = byId("calls");
let offset = 0;
let unfolded = "";

// Shows one page of calls; `again` does so once more, later.
export async function refreshRequests(again) {
  const { filters } = place();
  const { search = "", verdict = "" } = filters;
  for (const [name, value] of [["request-search", search], ["verdict", verdict]]) {
    if (document.activeElement !== byId(name)) byId(name).value = value;
  }
  const { requests, total } = await call("GET", `/requests?${query({ search, verdict, order: "newest", limit: PAGE, offset })}`);
  if (total <= offset && offset > 0) {
    offset = 0;
    await refreshRequests(again);
    return;
  }
  sync(list, requests, (request) => request.id, row);
  keepOneStop(list, STOPS);
  unfoldOnly(requests, search);
  pager(byId("call-pager"), offset, PAGE, total, (to) => { offset = to; attempt(again); });
  const filtered = search !== "" || verdict !== "";
  byId("call-heads").hidden = total === 0;
  byId("no-calls").hidden = total > 0 || filtered;
  byId("no-call-matches").hidden = total > 0 || !filtered;
  byId("calls-found").textContent = total === 0 && filtered ? t("requests_none") : counted("calls", total);
}

// A link from a message leads to one call, which is shown whole at once.
function unfoldOnly(requests, search) {
  if (requests.length === 1 && search && search !== unfolded) list.querySelector("details").open = true;
  unfolded = search;
}

function row(request) {
  const { verdict, code, fault, notes = [] } = request;
  const reason = el("div", {});
  return el("li", {}, el("details", { ontoggle: (event) => {
    if (event.target.open && EXPLAINED.has(verdict) && !reason.hasChildNodes()) attempt(() => explain(request.id, reason));
  } },
  el("summary", {}, bothTimes(request.at, true),
    el("span", { class: "what" }, el("b", {}, request.action || t("no_action")), " ", el("span", {}, about(request))),
    el("span", { class: `pill verdict-${verdict}` }, t(`verdict_${verdict}`)),
    el("span", { class: "code" }, [code === "OK" ? "" : code, faultText(fault)].filter(Boolean).join(" · "),
      notes.length ? el("span", { class: "noted" }, counted("notes", notes.length)) : null),
    el("span", { class: "ms" }, duration(request))),
  el("div", { class: "call" }, reason, notesOf(notes), linkTo(request), definitions([
    [t("time"), timesOf(request.at)], [t("duration"), duration(request)], [t("request_id"), request.request_id], [t("code"), `${request.http_status} ${code}`], [t("fault"), faultText(fault)],
    ["HTTP", `${request.method} ${request.signature_method}`], ["account", request.account],
    ...Object.entries(request.parameters),
  ]))));
}

const duration = ({ duration_ms: milliseconds }) => `${milliseconds.toFixed(1)} ms`;

const timesOf = (iso) => (isPlatformZone(iso) ? platformTime(iso) : `${wholeTime(iso)} · ${platformTime(iso)}`);

// To whom, with which template and id: what tells one call from the next.
function about({ parameters }) {
  const numbers = numbersOf(parameters);
  const first = numbers.length ? grouped(stored(numbers[0])) : "";
  return [
    numbers.length > 1 ? t("and_more", { first, n: numbers.length - 1 }) : first,
    parameters.TemplateCode, parameters.OutId || parameters.TaskId, parameters.BizId || parameters.MessageId,
    parameters.Message,
  ].filter(Boolean).join(" · ");
}

// Operations write several numbers with commas between, or as a JSON array.
function numbersOf({ PhoneNumbers, PhoneNumber, To, PhoneNumberJson }) {
  const text = PhoneNumbers || PhoneNumber || To || PhoneNumberJson || "";
  if (!text.startsWith("[")) return text.split(",").filter(Boolean);
  try { return JSON.parse(text).map(String); } catch { return [text]; }
}

// "reset after" in the log is "connection reset, after processing" here, as in the faults view.
function faultText(fault) {
  const [kind, when] = fault.split(" ");
  if (!has(`kind_${kind}`)) return fault;
  return t("fault_of_call", { kind: t(`kind_${kind}`), when: t(`when_${when}`) });
}

// What was let through although the documentation asks for something else.
function notesOf(notes) {
  if (!notes.length) return null;
  return el("div", {}, el("h2", {}, t("notes_title")), el("ul", { class: "notes" }, notes.map((note) => el("li", {}, note[language]))));
}

function linkTo({ verdict, action, request_id: id }) {
  if (verdict !== "accepted" || !action.includes("Send")) return null;
  return el("p", {}, el("a", { href: addressOf("inbox", "", { search: id }) }, t("show_messages")));
}

export function setUpRequests(refresh) {
  let timer;
  const search = byId("request-search");
  const settleFilters = () => {
    offset = 0;
    settle("requests", "", { search: search.value, verdict: byId("verdict").value });
  };
  const follow = () => { settleFilters(); attempt(refresh); };
  const clear = () => { search.value = ""; byId("verdict").value = ""; follow(); };
  byId("request-filters").addEventListener("submit", (event) => event.preventDefault());
  search.addEventListener("input", () => {
    settleFilters();
    clearTimeout(timer);
    timer = setTimeout(() => attempt(refresh), 120);
  });
  search.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && search.value) { event.preventDefault(); clear(); }
    if ((event.key === "ArrowDown" || event.key === "Enter") && list.firstChild) { event.preventDefault(); list.querySelector(STOPS).focus(); }
  });
  byId("verdict").addEventListener("change", follow);
  byId("reset-requests").addEventListener("click", () => { clear(); search.focus(); });
  setUpArrows(list, STOPS);
  list.addEventListener("keydown", (event) => {
    const fold = event.target.closest("details");
    if (event.key !== "Escape") return;
    if (fold?.open) { fold.open = false; fold.querySelector(STOPS).focus(); } else search.focus();
  });
  byId("clear-requests").addEventListener("click", async () => {
    if (await ask(t("clear_requests_question"), t("clear"))) await attempt(() => call("DELETE", "/requests"));
  });
}
