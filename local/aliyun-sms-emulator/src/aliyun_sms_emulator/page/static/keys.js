// The keyboard: / for the search box, arrows in lists, Escape to go back.

import { go } from "./place.js";

const OFF = "shortcuts-off";

export function shortcutsAreOn() {
  try { return localStorage.getItem(OFF) === null; } catch { return true; } // a browser that stores nothing
}

// WCAG 2.1.4: who dictates, or hits keys by accident, can switch off what one character does.
export function switchShortcuts(on) {
  if (on) localStorage.removeItem(OFF);
  else localStorage.setItem(OFF, "yes");
}

const isTyping = (target) => target.closest("input, textarea, select, [contenteditable]") !== null;

// Moves the focus once what it goes to is shown; `focus` says whether it has worked.
export function whenShown(focus) {
  const tryIt = () => { if (focus()) document.removeEventListener("shown", tryIt); };
  document.addEventListener("shown", tryIt);
}

function focusSearch() {
  const field = [...document.querySelectorAll("[data-slash]")].find((one) => one.checkVisibility());
  field?.select();
  return field !== undefined;
}

export function setUpSlash() {
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (!shortcutsAreOn() || isTyping(event.target) || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    if (focusSearch()) return;
    whenShown(focusSearch);
    go("inbox");
  });
}

const MOVES = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity };

// A list is one stop for the Tab key; arrows move inside it. `stops` selects what can be focused.
export function setUpArrows(list, stops) {
  list.addEventListener("keydown", (event) => {
    const all = [...list.querySelectorAll(stops)];
    const here = all.indexOf(event.target);
    if (!(event.key in MOVES) || here < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    all[Math.min(Math.max(here + MOVES[event.key], 0), all.length - 1)].focus();
  });
  list.addEventListener("focusin", (event) => {
    if (event.target.closest(stops)) keepOneStop(list, stops);
  });
}

const kept = new WeakMap(); // the item of a list that Tab stops at, by its key

// Leaves one of them to the Tab key: that of the item with the focus, else the one before, else
// the one given.
export function keepOneStop(list, stops, wanted = null) {
  const stopOf = (item) => item?.querySelector(stops);
  const items = [...list.children];
  const chosen = stopOf(items.find((item) => item.contains(document.activeElement)))
    ?? stopOf(items.find((item) => item.dataset.key === kept.get(list))) ?? wanted ?? stopOf(list);
  for (const one of list.querySelectorAll(stops)) one.tabIndex = one === chosen ? 0 : -1;
  if (chosen?.closest("li").contains(document.activeElement)) kept.set(list, chosen.closest("li").dataset.key);
}
