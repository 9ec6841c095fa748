// Starts the page: which view is shown follows the address.

import { byId, copy, el, sync, t } from "./dom.js";
import { attempt, call, listen, oneAtATime } from "./api.js";
import { setUpCompose } from "./compose.js";
import { refreshCatalogue } from "./catalogue.js";
import { refreshClock } from "./clock.js";
import { refreshFaults, setUpFaults } from "./faults.js";
import { leaveThread, refreshInbox, setUpInbox } from "./inbox.js";
import { setUpSlash } from "./keys.js";
import { place } from "./place.js";
import { refreshRequests, setUpRequests } from "./requests.js";
import { refreshSettings, setUpSettings } from "./settings.js";
import { setUpThread } from "./thread.js";

const VIEWS = {
  inbox: refreshInbox,
  requests: (_, again) => refreshRequests(again),
  faults: refreshFaults,
  settings: refreshSettings,
};
const ownTitle = document.title;
const last = {}; // where each view was left

const refresh = oneAtATime(async () => {
  const { view } = place();
  const clock = refreshClock();
  showView(view);
  const [unread] = await Promise.all([VIEWS[view](clock, refresh), view === "inbox" ? offerTemplates() : null, clock]);
  showUnread(view === "inbox" ? unread : (await call("GET", "/conversations?limit=0")).unread);
  document.dispatchEvent(new Event("shown"));
});

// The way back to another view leads to what was searched there; a view's own link begins anew.
function showView(view) {
  for (const name of Object.keys(VIEWS)) {
    const link = byId(`view-${name}`);
    byId(name).hidden = name !== view;
    if (name === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
    link.href = name === view ? `#${name}` : last[name] ?? `#${name}`;
  }
  last[view] = location.hash || "#inbox";
}

function showUnread(unread) {
  document.title = unread ? `(${unread}) ${ownTitle}` : ownTitle;
  byId("unread").hidden = unread === 0;
  byId("unread-number").textContent = unread;
}

// Templates may come and go while the page is open.
async function offerTemplates() {
  const templates = await refreshCatalogue();
  const { filters } = place();
  const known = templates.map(({ code, name }) => ({ code, text: name === code ? code : `${code} ${name}` }));
  const missing = filters.template_code && !known.some(({ code }) => code === filters.template_code);
  if (missing) known.push({ code: filters.template_code, text: filters.template_code });
  sync(byId("template-filter"), [{ code: "", text: t("any") }, ...known], ({ code }) => code, ({ code, text }) => el("option", { value: code }, text));
  if (document.activeElement !== byId("template-filter")) byId("template-filter").value = filters.template_code ?? "";
}

document.addEventListener("click", (event) => {
  const pressed = event.target.closest("[data-copy]");
  if (pressed) copy(pressed, pressed.previousElementSibling.textContent);
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address says which view is shown
  byId("main").focus();
});
addEventListener("hashchange", () => { byId("problem").hidden = true; attempt(refresh); });
setUpSlash();
setUpInbox(refresh);
setUpThread(refresh, leaveThread);
setUpCompose();
setUpRequests(refresh);
setUpFaults(refresh);
setUpSettings();
refresh();
listen(refresh);
