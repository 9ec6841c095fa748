// The address says what is shown: #inbox/13800138000?search=code, #requests?verdict=refused.

// The views, and by what each can be filtered.
const VIEWS = {
  inbox: ["search", "template_code", "status", "since", "until"],
  requests: ["search", "verdict"],
  faults: [],
  settings: [],
};
const isNumber = (text) => /^[1-9]\d{6,14}$/.test(text);

export function place() {
  const [path, query = ""] = location.hash.slice(1).split("?");
  const [named, number = ""] = path.split("/");
  const view = Object.hasOwn(VIEWS, named) ? named : "inbox";
  const given = [...new URLSearchParams(query)].filter(([name, value]) => VIEWS[view].includes(name) && value !== "");
  return { view, number: view === "inbox" && isNumber(number) ? number : "", filters: Object.fromEntries(given) };
}

export function addressOf(view, number = "", filters = {}) {
  const query = new URLSearchParams(Object.entries(filters).filter(([, value]) => value)).toString();
  return `#${view}${number ? `/${number}` : ""}${query ? `?${query}` : ""}`;
}

// Goes to another place; the way back leads to the one before.
export const go = (...where) => { location.hash = addressOf(...where); };

// Takes the place of the address, which is no step of its own: a letter typed into the search box.
export const settle = (...where) => history.replaceState(null, "", addressOf(...where));

export const isWide = () => matchMedia("(min-width: 761px)").matches;
