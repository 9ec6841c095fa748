// Templates and signatures: list, add, change, delete.

import { byId, button, el, fields, sync, t } from "./dom.js";
import { attempt, call } from "./api.js";

const KINDS = {
  template: { path: "/templates", list: "templates", key: "code", text: ({ content }) => content },
  signature: { path: "/signatures", list: "signatures", key: "name", text: () => "" },
};

export async function refreshCatalogue() {
  const [{ templates }, { signatures }] = await Promise.all([call("GET", "/templates"), call("GET", "/signatures")]);
  showAll("template", templates);
  showAll("signature", signatures);
  return templates;
}

function showAll(kind, items) {
  const { list, key } = KINDS[kind];
  sync(byId(list), items, (item) => item[key], (item) => row(kind, item));
}

function row(kind, item) {
  const { key, text } = KINDS[kind];
  const name = item[key];
  const type = item.type ?? (item.gift ? "gift" : "");
  return el("li", {}, el("b", {}, name), type ? el("span", { class: "hint" }, t(`type_${type}`)) : null,
    item.status === "approved" ? null : el("span", { class: "pill idle" }, t(`review_${item.status}`)),
    el("span", { class: "rest" }, text(item)),
    button(t("edit"), () => open(kind, item), { class: "quiet", "aria-label": t("edit_named", { name }) }),
    button(t("remove"), ({ target }) => attempt(() => remove(kind, name, target.closest("li"))),
      { class: "quiet danger", "aria-label": t("remove_named", { name }) }));
}

async function remove(kind, name, item) {
  const next = item.nextElementSibling ?? item.previousElementSibling;
  await call("DELETE", `${KINDS[kind].path}/${encodeURIComponent(name)}`);
  (next?.querySelector(".danger") ?? byId(`add-${kind}`)).focus();
}

function open(kind, item = null) {
  const dialog = byId(`${kind}-editor`);
  const form = dialog.querySelector("form");
  const { key } = KINDS[kind];
  form.reset();
  for (const [name, value] of Object.entries(item ?? {})) {
    const field = form.elements[name];
    if (field) field[field.type === "checkbox" ? "checked" : "value"] = value;
  }
  form.elements[key].readOnly = item !== null; // it is how messages name it
  dialog.querySelector("h2").textContent = t(item ? `change_${kind}` : `add_${kind}`);
  dialog.querySelector(".problem").hidden = true;
  dialog.showModal();
  (item ? form.elements.content ?? form.elements.status : form.elements[key]).focus();
}

async function save(kind, dialog) {
  const { path, key } = KINDS[kind];
  const { [key]: name, ...values } = fields(dialog.querySelector("form"));
  if (kind === "signature") values.gift = values.gift === "on";
  if (values.name === "") delete values.name;
  try {
    await call("PUT", `${path}/${encodeURIComponent(name)}`, values);
    dialog.close();
  } catch (error) {
    dialog.querySelector(".problem").textContent = error.message;
    dialog.querySelector(".problem").hidden = false;
  }
}

export function setUpCatalogue() {
  for (const kind of Object.keys(KINDS)) {
    const dialog = byId(`${kind}-editor`);
    byId(`add-${kind}`).addEventListener("click", () => open(kind));
    dialog.addEventListener("submit", (event) => { event.preventDefault(); save(kind, dialog); });
    dialog.querySelector(".cancel").addEventListener("click", () => dialog.close());
  }
}
