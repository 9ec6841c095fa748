// Starts the page: which view is shown follows the address, #inbox/13800138000 for example.

import { byId, copy, isNumber, shortTime, t } from "./dom.js";
import { attempt, call, listen, oneAtATime } from "./api.js";
import { refreshInbox, setUpInbox } from "./inbox.js";
import { setUpThread } from "./thread.js";
import { refreshRequests, setUpRequests } from "./requests.js";
import { refreshFaults, setUpFaults } from "./faults.js";

const VIEWS = { inbox: (again) => refreshInbox(place().number, again), requests: refreshRequests, faults: refreshFaults };

function place() {
  const [view, rest = ""] = location.hash.slice(1).split("/");
  return { view: Object.hasOwn(VIEWS, view) ? view : "inbox", number: isNumber(rest) ? rest : "" };
}

const refresh = oneAtATime(async () => {
  const { view } = place();
  await VIEWS[view](refresh);
  for (const name of Object.keys(VIEWS)) {
    byId(name).hidden = name !== view;
    if (name === view) byId(`view-${name}`).setAttribute("aria-current", "page");
    else byId(`view-${name}`).removeAttribute("aria-current");
  }
  await refreshFooter();
});

async function refreshFooter() {
  const [clock, settings] = await Promise.all([call("GET", "/clock"), call("GET", "/settings")]);
  const mode = clock.mode === "real" ? "clock_real" : clock.running ? "clock_virtual" : "clock_frozen";
  byId("clock-now").textContent = clock.mode === "real" ? t(mode) : `${shortTime(clock.now)} ${t(mode)}`;
  byId("limits-now").textContent = t(settings.limits.enabled ? "limits_on" : "limits_off");
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button, button.previousElementSibling.textContent);
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address says which view is shown
  byId("main").focus();
});
addEventListener("hashchange", () => { byId("problem").hidden = true; refresh(); });
setUpInbox(refresh);
setUpThread(refresh);
setUpRequests(refresh);
setUpFaults(refresh);
refresh();
listen(refresh);
