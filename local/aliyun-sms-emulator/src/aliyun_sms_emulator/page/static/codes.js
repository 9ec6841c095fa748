// The code that a message brings, to be copied.

import { el } from "./dom.js";

const NUMBERS = /(?<![\w-])(?:[A-Z]{1,3}-)?(\d{4,8})(?![\w-])/g;
const SAYS_CODE = /code|codigo|código|otp|pin|验证码|校验码|驗證碼|認証|인증/i;

// The code of a verification message is its variable. A text without one brings the number that
// is nearest to the word for code, else a short one if it is the only number.
export function codeIn({ text, template_type: type, template_param: values }) {
  if (type === "verification" || type === "gift") {
    const value = values.code ?? Object.values(values)[0] ?? "";
    if (value && text.includes(value)) return value;
  }
  if (type === "notification" || type === "promotion") return null;
  const found = [...text.matchAll(NUMBERS)];
  const word = text.match(SAYS_CODE);
  if (!word) return found.length === 1 && found[0][1].length <= 6 ? found[0][1] : null;
  const end = word.index + word[0].length;
  const distance = ({ 0: { length }, index }) => Math.max(index - end, word.index - index - length);
  return found.sort((one, other) => distance(one) - distance(other))[0]?.[1] ?? null;
}

export function marked(text, code) {
  const at = code ? text.lastIndexOf(code) : -1;
  return at < 0 ? [text] : [text.slice(0, at), el("mark", {}, code), text.slice(at + code.length)];
}
