// The faults tab: rules in force, one form for the common ones, JSON for all.

import { byId, el, has, sync, t } from "./dom.js";
import { attempt, call } from "./api.js";

const form = byId("fault-form");
const editor = byId("rules-json");
let filled = editor.value;

export async function refreshFaults() {
  const { rules } = await call("GET", "/faults");
  sync(byId("rules"), rules, (rule) => rule.id, row);
  byId("no-rules").hidden = rules.length > 0;
  byId("clear-faults").hidden = rules.length === 0;
  if (document.activeElement !== editor && editor.value === filled) { // nothing of the user's is lost
    filled = JSON.stringify({ rules: rules.map(({ met, fired, ...rule }) => rule) }, null, 2);
    editor.value = filled;
  }
}

function row(rule) {
  const { id, match = {}, kind: named, when, seconds, status, code, times, met, fired, ...others } = rule;
  const { action: actions = [], phone_number: numbers = [], ...conditions } = match;
  const kind = rule.schedule ? "schedule" : named ?? "side";
  const action = [actions].flat().join(", ");
  const number = [numbers].flat().join(", ");
  const texts = [
    has(`when_${when}`) ? t(`when_${when}`) : null,
    seconds === undefined ? null : `${seconds} s`,
    status, code,
    action && action !== "*" ? action : t("every_action"),
    number ? t("to_number", { number }) : null,
    times ? t("up_to_times", { n: times }) : null,
    ...Object.entries({ ...conditions, ...others }).map(([name, value]) => `${name} ${JSON.stringify(value)}`),
  ].filter(Boolean);
  return el("li", {}, el("b", {}, has(`kind_${kind}`) ? t(`kind_${kind}`) : kind), el("span", {}, texts.join(" · ")),
    el("span", { class: fired ? "pill" : "pill idle" }, t("fired", { fired, met })),
    el("button", { type: "button", class: "quiet danger", "aria-label": t("remove_rule", { id }),
      onclick: ({ target }) => attempt(() => remove(id, target.closest("li"))) }, t("remove")));
}

// The focus goes on to the next rule, or to the form after the last.
async function remove(id, item) {
  const next = item.nextElementSibling ?? item.previousElementSibling;
  await call("DELETE", `/faults/${encodeURIComponent(id)}`);
  (next?.querySelector("button") ?? form.elements.kind).focus();
}

// Shows the fields the chosen kind has.
function adapt() {
  for (const label of form.querySelectorAll("[data-for]")) {
    label.hidden = !label.dataset.for.split(" ").includes(form.elements.kind.value);
    for (const field of label.querySelectorAll("input, select")) field.disabled = label.hidden;
  }
}

function ruleOf(values) {
  const { action, phone_number: number, ...rule } = values;
  const digits = number.replace(/[\s()-]/g, "");
  const match = Object.fromEntries(Object.entries({ action, phone_number: digits }).filter(([, value]) => value));
  for (const name of ["times", "seconds", "status"]) {
    if (rule[name]) rule[name] = Number(rule[name]);
    else delete rule[name];
  }
  return Object.keys(match).length ? { ...rule, match } : rule;
}

export function setUpFaults(refresh) {
  form.elements.kind.addEventListener("change", adapt);
  adapt();
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(() => call("POST", "/faults", ruleOf(Object.fromEntries(new FormData(form)))));
  });
  byId("clear-faults").addEventListener("click", () => attempt(() => call("DELETE", "/faults")));
  byId("replace-rules").addEventListener("click", () => attempt(async () => {
    await call("PUT", "/faults", JSON.parse(editor.value));
    filled = editor.value;
    await refresh();
  }));
}
