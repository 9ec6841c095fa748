// The list of conversations: search, filters, export, clear.

import { ask, byId, el, isNumber, pager, shortTime, sync, t } from "./dom.js";
import { attempt, call, query } from "./api.js";
import { showThread } from "./thread.js";

const PAGE = 50;
const form = byId("filters");
let offset = 0;

const filters = () => Object.fromEntries([...new FormData(form)].map(([name, value]) =>
  [name, name === "number_part" ? asStored(value) : value]));

// +86 138-0013 8000 -> 13800138000, 00852 5123 -> 8525123: as numbers stand in the inbox.
const asStored = (number) => number.replace(/[\s().-]/g, "").replace(/^(\+|00)(86(?=1))?/, "");

// Shows one page of conversations and one thread; `again` does so once more, later.
export async function refreshInbox(number, again) {
  const wanted = filters();
  const filtered = Object.values(wanted).some((value) => value !== "");
  const { conversations, total } = await call("GET", `/conversations?${query({ ...wanted, limit: PAGE, offset })}`);
  if (total <= offset && offset > 0) {
    offset = 0;
    await refreshInbox(number, again);
    return;
  }
  sync(byId("conversations"), conversations.map((one) => ({ ...one, current: one.phone_number === number })),
    (one) => one.phone_number, conversation);
  pager(byId("conversation-pager"), offset, PAGE, total, (to) => { offset = to; attempt(again); });
  for (const kind of ["json", "csv"]) byId(`export-${kind}`).href = `/api/export.${kind}?${query(wanted)}`;
  const thread = number ? await showThread(number, wanted) : false;
  byId("inbox").classList.toggle("reading", thread);
  byId("inbox").classList.toggle("first-steps", total === 0 && !filtered && !thread);
  byId("thread").hidden = !thread;
  showWayTo(total === 0 ? wanted.number_part : "");
  byId("first").hidden = thread || total > 0 || filtered;
  byId("no-match").hidden = thread || total > 0 || !filtered;
  byId("choose").hidden = thread || total === 0;
}

// A number may be given a fate before anything is sent to it.
function showWayTo(number) {
  const way = byId("open-number");
  way.hidden = !isNumber(number);
  way.href = `#inbox/${number}`;
  way.textContent = t("open_number", { number });
}

function conversation({ phone_number: number, messages, text, status, reply, at, current }) {
  const state = reply ? t("life_reply") : t(`status_${status}`);
  return el("li", {}, el("a", { href: `#inbox/${number}`, "aria-current": current ? "true" : null,
    "aria-label": `${t("messages_to", { number, count: messages, status: state })}: ${text}` },
  el("b", {}, number), el("time", { datetime: at }, shortTime(at).slice(0, 11)),
  el("span", {}, text), el("i", { class: `pill ${status ?? "idle"}` }, messages > 1 ? `${state} · ${messages}` : state)));
}

export function setUpInbox(refresh) {
  let timer;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => { offset = 0; attempt(refresh); }, 120);
  });
  form.addEventListener("reset", () => setTimeout(() => { offset = 0; attempt(refresh); }));
  byId("clear-inbox").addEventListener("click", async () => {
    if (!await ask(t("clear_inbox_question"), t("clear"))) return;
    if (await attempt(() => call("DELETE", "/messages"))) location.hash = "inbox";
  });
}
