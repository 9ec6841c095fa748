// A new message: SendSms by filling in a form.

import { byId, el, fields, language, t } from "./dom.js";
import { attempt, call } from "./api.js";
import { grouped, stored } from "./numbers.js";
import { addressOf, go, place } from "./place.js";

const dialog = byId("composer");
const form = byId("compose-form");
const CHINESE = /[\u3400-\u9fff]/;
const EXAMPLES = { code: "482913", name: "Ann", order: "1001" };
let templates = [];

// With `templates: any` there are none to choose from, and every code and name will do.
async function open() {
  const [known, { signatures }] = await Promise.all([call("GET", "/templates"), call("GET", "/signatures")]);
  templates = known.templates.filter(({ type, status }) => type !== "gift" && status === "approved");
  const usable = signatures.filter(({ gift, status }) => !gift && status === "approved");
  if (!templates.length) templates = [{ code: "SMS_1", name: "SMS_1", type: "notification", content: "", variables: [] }];
  offer("template_code", templates.map(({ code, name }) => [code, name === code ? code : `${code} ${name}`]), ownLanguage()?.code);
  if (!usable.length) usable.push({ name: "fc-sms" });
  offer("sign_name", usable.map(({ name }) => [name, name]), usable.find(({ name }) => isOwn(name))?.name);
  const { number } = place();
  form.elements.phone_number.value = number ? grouped(number) : form.elements.phone_number.value;
  byId("compose-problem").hidden = true;
  showVariables();
  dialog.showModal();
  form.elements.phone_number.select();
}

const isOwn = (text) => CHINESE.test(text) === (language === "zh");

// The first template that the reader can read, for numbers of the mainland.
const ownLanguage = () => templates.find(({ type, content }) => type !== "international" && isOwn(content));

function offer(name, options, usual) {
  const select = form.elements[name];
  const before = select.value;
  select.replaceChildren(...options.map(([value, text]) => el("option", { value }, text)));
  select.value = options.some(([value]) => value === before) ? before : usual ?? options[0]?.[0] ?? "";
}

const chosen = () => templates.find(({ code }) => code === form.elements.template_code.value);

// One field for each variable of the template; what was filled in before stays.
function showVariables() {
  const before = fields(form);
  byId("compose-variables").replaceChildren(...(chosen()?.variables ?? []).map((name) => el("label", {}, `\${${name}}`,
    el("input", { name: `$${name}`, value: before[`$${name}`] ?? EXAMPLES[name] ?? "", required: true, autocomplete: "off" }))));
  showText();
}

function showText() {
  const values = fields(form);
  const filled = (chosen()?.content ?? "").replace(/\$\{([^{}]+)\}/g, (whole, name) => values[`$${name}`] || whole);
  const sign = values.sign_name ?? "";
  const [open, close] = chosen()?.type === "international" && /^[\x00-\x7f]*$/.test(sign) ? "[]" : "【】";
  byId("compose-text").textContent = filled ? `${open}${sign}${close}${filled}` : "";
}

async function send() {
  const values = fields(form);
  const numbers = values.phone_number.split(/[,，;；]/).map(stored).filter(Boolean);
  const answer = await call("POST", "/messages", {
    phone_number: numbers.join(","),
    template_code: values.template_code ?? "",
    sign_name: values.sign_name ?? "",
    out_id: values.out_id,
    template_param: Object.fromEntries((chosen()?.variables ?? []).map((name) => [name, values[`$${name}`]])),
  });
  if (answer.code !== "OK") {
    complain(answer);
    return;
  }
  dialog.close();
  go("inbox", numbers[0]);
}

function complain({ code, message, request_id: id }) {
  byId("compose-problem").replaceChildren(t("refused_with", { code, message }), " ",
    el("a", { href: addressOf("requests", "", { search: id }), onclick: () => dialog.close() }, t("show_request")));
  byId("compose-problem").hidden = false;
}

export function setUpCompose() {
  for (const opener of document.querySelectorAll("[data-compose]")) opener.addEventListener("click", () => attempt(open));
  form.elements.template_code.addEventListener("change", showVariables);
  form.addEventListener("input", showText);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    byId("compose-problem").hidden = true;
    send().catch((error) => {
      byId("compose-problem").textContent = error.message;
      byId("compose-problem").hidden = false;
    });
  });
  byId("compose-cancel").addEventListener("click", () => dialog.close());
}
