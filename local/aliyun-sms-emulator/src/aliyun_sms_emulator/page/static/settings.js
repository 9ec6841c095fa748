// The settings view: limits, delivery and the page itself; clock and templates have their own files.

import { ask, byId, t } from "./dom.js";
import { attempt, call } from "./api.js";
import { refreshCatalogue, setUpCatalogue } from "./catalogue.js";
import { setUpClock, showClock } from "./clock.js";
import { shortcutsAreOn, switchShortcuts } from "./keys.js";

const form = byId("limits-form");

export async function refreshSettings() {
  const [settings] = await Promise.all([call("GET", "/settings"), refreshCatalogue()]);
  showClock();
  for (const field of form.elements) {
    if (!field.name || document.activeElement === field) continue;
    if (field.name === "enabled") field.checked = settings.limits.enabled;
    else field.value = settings.limits[field.name] ?? settings[field.name];
  }
  byId("limit-numbers").disabled = !settings.limits.enabled;
  byId("shortcuts").checked = shortcutsAreOn();
}

// What is changed counts at once, as the platform's own limits do.
function change({ target: field }) {
  if (!field.reportValidity()) return;
  const value = field.type === "checkbox" ? field.checked : Number(field.value);
  const changes = field.name === "delivery_delay_seconds" ? { [field.name]: value } : { limits: { [field.name]: value } };
  attempt(async () => {
    await call("PUT", "/settings", changes);
    byId("limits-saved").textContent = t("saved");
  });
}

export function setUpSettings() {
  setUpClock();
  setUpCatalogue();
  form.addEventListener("change", change);
  form.addEventListener("submit", (event) => event.preventDefault());
  byId("reset-settings").addEventListener("click", async () => {
    if (!await ask(t("reset_settings_question"), t("reset"))) return;
    await attempt(() => call("DELETE", "/settings"));
    byId("limits-saved").textContent = "";
  });
  byId("shortcuts").addEventListener("change", ({ target }) => switchShortcuts(target.checked));
}
