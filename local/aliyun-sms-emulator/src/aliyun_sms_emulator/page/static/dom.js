// Building and updating elements. Data only ever becomes text, never markup.

const page = JSON.parse(document.getElementById("page-data").textContent);

export const { language, dial_codes: dialCodes } = page;

export function t(key, values = {}) {
  return page.texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

export const has = (key) => key in page.texts;

const grouped = new Intl.NumberFormat(language);

// A text with a number in it, {n}; the singular has a text of its own.
export const counted = (key, n) => t(n === 1 ? `${key}_1` : key, { n: grouped.format(n) });

export const byId = (id) => document.getElementById(id);

export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== ""));
  return node;
}

// Text for screen readers only, where a picture or a place says it to the eye.
export const spoken = (text) => el("span", { class: "spoken" }, text);

export const button = (text, onclick, attributes = {}) => el("button", { type: "button", onclick, ...attributes }, text);

const shown = new WeakMap();
const FOCUSABLE = "a, button, input, select, summary";

// Shows items as children, and touches only those that changed: focus, scrolling and what is
// folded open stay as they are.
export function sync(parent, items, keyOf, build) {
  const keys = new Set(items.map((item) => String(keyOf(item))));
  const old = new Map();
  for (const node of [...parent.children]) {
    if (keys.has(node.dataset.key)) old.set(node.dataset.key, node);
    else node.remove();
  }
  items.forEach((item, index) => {
    const key = String(keyOf(item));
    const state = JSON.stringify(item);
    let node = old.get(key);
    if (!node || shown.get(node) !== state) {
      const fresh = build(item);
      fresh.dataset.key = key;
      shown.set(fresh, state);
      if (node) replace(node, fresh);
      node = fresh;
    }
    if (parent.children[index] !== node) move(node, parent, parent.children[index] ?? null);
  });
}

// What is moved loses the focus: it gets it back.
function move(node, parent, next) {
  const focused = node.contains(document.activeElement) ? document.activeElement : null;
  parent.insertBefore(node, next);
  focused?.focus({ preventScroll: true });
}

function replace(node, fresh) {
  const focused = [...node.querySelectorAll(FOCUSABLE)].indexOf(document.activeElement);
  const folds = [...node.querySelectorAll("details")].map((fold) => fold.open);
  fresh.querySelectorAll("details").forEach((fold, index) => { fold.open = folds[index] ?? false; });
  node.replaceWith(fresh);
  if (focused >= 0) fresh.querySelectorAll(FOCUSABLE)[focused]?.focus({ preventScroll: true });
}

export function copyButton(text, label, name = label) {
  return button(label, (event) => copy(event.currentTarget, text), { class: "quiet", "aria-label": name });
}

export async function copy(pressed, text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // no clipboard outside of secure contexts
    const area = document.body.appendChild(el("textarea", {}, text));
    area.select();
    document.execCommand("copy");
    area.remove();
    pressed.focus();
  }
  const label = pressed.textContent;
  if (label === t("copied")) return;
  const name = pressed.getAttribute("aria-label");
  pressed.textContent = t("copied");
  pressed.removeAttribute("aria-label");
  setTimeout(() => {
    pressed.textContent = label;
    if (name) pressed.setAttribute("aria-label", name);
  }, 1500);
}

export function ask(question, answer) {
  const dialog = byId("question");
  byId("question-text").textContent = question;
  dialog.querySelector("[value=yes]").textContent = answer;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

export function pager(nav, offset, size, total, go) {
  nav.hidden = total <= size;
  const last = Math.min(offset + size, total);
  sync(nav, [{ offset, size, total }], () => "pages", () => el("div", { class: "pages" },
    button(t("newer"), () => go(Math.max(0, offset - size)), { class: "quiet", disabled: offset === 0 }),
    el("span", {}, t("page_of", { first: grouped.format(offset + 1), last: grouped.format(last), total: grouped.format(total) })),
    button(t("older"), () => go(offset + size), { class: "quiet", disabled: last >= total })));
}

export const definitions = (pairs) => el("dl", {}, pairs.filter(([, value]) => value !== "" && value !== null && value !== undefined)
  .flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value instanceof Node ? value : String(value))]));

export const fields = (form) => Object.fromEntries(new FormData(form));
