// The faults view: rules as sentences, one form for the common ones, JSON for all.

import { byId, button, el, fields, sync, t } from "./dom.js";
import { attempt, call } from "./api.js";
import { grouped, stored } from "./numbers.js";
import { sentenceOf } from "./sentences.js";

const form = byId("fault-form");
const editor = byId("rules-json");
const FORM_FIELDS = ["id", "kind", "when", "seconds", "status", "code", "times", "match", "met", "fired"];
let filled = editor.value;
let edited = ""; // id of the rule that the form changes, empty for a new one

export async function refreshFaults() {
  const { rules } = await call("GET", "/faults");
  sync(byId("rules"), rules, (rule) => rule.id, row);
  byId("no-rules").hidden = rules.length > 0;
  byId("clear-faults").hidden = rules.length === 0;
  if (edited && !rules.some((rule) => rule.id === edited)) showForm(null);
  if (document.activeElement !== editor && editor.value === filled) { // nothing of the user's is lost
    filled = JSON.stringify({ rules: rules.map(({ met, fired, ...rule }) => rule) }, null, 2);
    editor.value = filled;
  }
}

function row(rule) {
  const { id, met, fired } = rule;
  return el("li", {}, el("p", {}, sentenceOf(rule)),
    el("span", { class: fired ? "pill" : "pill idle" }, t("fired", { fired, met })),
    button(t("edit"), () => edit(rule), { class: "quiet", "aria-label": t("edit_rule", { id }) }),
    button(t("remove"), ({ target }) => attempt(() => remove(id, target.closest("li"))),
      { class: "quiet danger", "aria-label": t("remove_rule", { id }) }));
}

// The focus goes on to the next rule, or to the form after the last.
async function remove(id, item) {
  const next = item.nextElementSibling ?? item.previousElementSibling;
  await call("DELETE", `/faults/${encodeURIComponent(id)}`);
  (next?.querySelector(".danger") ?? form.elements.kind).focus();
}

// Rules that say more than the form has fields for are changed as JSON.
function edit(rule) {
  const { match = {}, kind } = rule;
  const inForm = Object.keys(rule).every((key) => FORM_FIELDS.includes(key)) && kind !== undefined && form.elements.kind.querySelector(`[value="${kind}"]`)
    && Object.entries(match).every(([key, value]) => ["action", "phone_number"].includes(key) && typeof value === "string");
  if (inForm) {
    showForm(rule);
    form.elements.kind.focus();
    return;
  }
  const { met, fired, ...given } = rule;
  byId("rule-json").value = JSON.stringify(given, null, 2);
  byId("rule-problem").hidden = true;
  const dialog = byId("rule-editor");
  dialog.dataset.id = rule.id;
  dialog.showModal();
  byId("rule-json").focus();
}

// Fills the form with a rule to be changed; null makes it the form for a new one.
function showForm(rule) {
  edited = rule?.id ?? "";
  form.reset();
  if (rule) {
    const { match = {}, times, ...values } = rule;
    const number = match.phone_number ? grouped(stored(match.phone_number)) : "";
    const all = { ...values, times: times ?? "", when: values.when ?? "before", action: match.action ?? "", phone_number: number };
    for (const [name, value] of Object.entries(all)) choose(form.elements[name], value);
  }
  byId("fault-title").textContent = rule ? t("change_rule", { id: rule.id }) : t("new_rule");
  byId("save-fault").textContent = t(rule ? "save" : "add_fault");
  byId("cancel-fault").hidden = !rule;
  adapt();
}

function choose(field, value) {
  if (!field) return;
  if (field.options && ![...field.options].some((option) => option.value === value)) field.append(el("option", { value }, value));
  field.value = value;
}

// Shows the fields the chosen kind has, and the rule as it reads.
function adapt() {
  for (const label of form.querySelectorAll("[data-for]")) {
    label.hidden = !label.dataset.for.split(" ").includes(form.elements.kind.value);
    for (const field of label.querySelectorAll("input, select")) field.disabled = label.hidden;
  }
  byId("fault-sentence").textContent = sentenceOf(ruleOf(fields(form)));
}

function ruleOf(values) {
  const { action, phone_number: number, ...rule } = values;
  const match = Object.fromEntries(Object.entries({ action, phone_number: stored(number) }).filter(([, value]) => value));
  for (const name of ["times", "seconds", "status"]) {
    if (rule[name]) rule[name] = Number(rule[name]);
    else delete rule[name];
  }
  return Object.keys(match).length ? { ...rule, match } : rule;
}

async function save() {
  const rule = ruleOf(fields(form));
  if (!edited) {
    await call("POST", "/faults", rule);
    return;
  }
  await call("PUT", `/faults/${encodeURIComponent(edited)}`, rule);
  const id = edited;
  showForm(null);
  byId("rules").querySelector(`[data-key="${CSS.escape(id)}"] button`)?.focus();
}

async function saveJson(dialog) {
  try {
    await call("PUT", `/faults/${encodeURIComponent(dialog.dataset.id)}`, JSON.parse(byId("rule-json").value));
    dialog.close();
  } catch (error) {
    byId("rule-problem").textContent = error.message;
    byId("rule-problem").hidden = false;
  }
}

export function setUpFaults(refresh) {
  form.addEventListener("input", adapt);
  adapt();
  form.addEventListener("submit", (event) => { event.preventDefault(); attempt(save); });
  byId("cancel-fault").addEventListener("click", () => { showForm(null); form.elements.kind.focus(); });
  form.addEventListener("keydown", (event) => { if (event.key === "Escape" && edited) byId("cancel-fault").click(); });
  byId("rule-editor").addEventListener("submit", (event) => { event.preventDefault(); saveJson(byId("rule-editor")); });
  byId("cancel-rule").addEventListener("click", () => byId("rule-editor").close());
  byId("clear-faults").addEventListener("click", () => attempt(() => call("DELETE", "/faults")));
  byId("replace-rules").addEventListener("click", () => attempt(async () => {
    await call("PUT", "/faults", JSON.parse(editor.value));
    filled = editor.value;
    await refresh();
  }));
}
