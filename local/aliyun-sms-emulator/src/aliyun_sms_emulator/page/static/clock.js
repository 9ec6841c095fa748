// The emulator's clock: read it, move it, stop it, set it.

import { byId, t } from "./dom.js";
import { attempt, call } from "./api.js";
import { fromField, isPlatformZone, platformTime, shortTime, toField, wholeTime, zone } from "./times.js";

let clock = { mode: "real", running: true, now: "", epoch: 0 };
let ahead = 0; // milliseconds that the emulator's clock is ahead of the browser's

// Reads the clock; a clock that is not the real one is seen at the top of every view.
export async function refreshClock() {
  clock = await call("GET", "/clock");
  ahead = clock.epoch * 1000 - Date.now();
  const chip = byId("clock-chip");
  chip.hidden = clock.mode === "real";
  chip.textContent = t(clock.running ? "clock_chip" : "clock_chip_stopped", { time: shortTime(clock.now) });
  tick();
  return clock.now;
}

export function showClock() {
  byId("clock-mode").textContent = t(clock.mode === "real" ? "clock_real" : clock.running ? "clock_virtual" : "clock_stopped");
  byId("clock-run").textContent = t(clock.running ? "clock_stop" : "clock_go_on");
  byId("clock-real").hidden = clock.mode === "real";
  const field = byId("clock-set").elements.now;
  if (document.activeElement !== field && !field.value) field.value = toField(clock.now);
}

function tick() {
  const seconds = clock.running ? Date.now() + ahead : clock.epoch * 1000;
  const iso = `${new Date(seconds + 8 * 3_600_000).toISOString().slice(0, 19)}+08:00`;
  byId("clock-own").textContent = wholeTime(iso);
  byId("clock-zone").textContent = zone;
  byId("clock-platform").hidden = isPlatformZone(iso);
  byId("clock-platform").textContent = platformTime(iso);
}

const change = (changes) => attempt(() => call("PUT", "/clock", changes));

export function setUpClock() {
  setInterval(() => { if (clock.now && byId("settings").checkVisibility()) tick(); }, 1000);
  for (const one of document.querySelectorAll("[data-advance]")) {
    one.addEventListener("click", () => change({ advance_seconds: Number(one.dataset.advance) }));
  }
  byId("clock-run").addEventListener("click", () => change({ running: !clock.running }));
  byId("clock-real").addEventListener("click", () => change({ mode: "real" }).then(() => byId("clock-run").focus()));
  byId("clock-set").addEventListener("submit", (event) => {
    event.preventDefault();
    change({ now: fromField(event.target.elements.now.value), running: clock.running });
  });
}
