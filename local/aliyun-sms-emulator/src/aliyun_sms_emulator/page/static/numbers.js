// Phone numbers as people write them, +86 138 0013 8000, and as the emulator keeps them.

import { dialCodes } from "./dom.js";

const MAINLAND = /^1[3-9]\d{9}$/;
// Lengths of the groups of a number without its dial code, by how many digits it has.
const GROUPS = { 6: [3, 3], 7: [3, 4], 8: [4, 4], 9: [3, 3, 3], 10: [3, 3, 4], 11: [3, 4, 4], 12: [4, 4, 4] };
const known = new Set(dialCodes);

export function grouped(number, international = false) {
  if (!/^\d{7,15}$/.test(number)) return number;
  if (MAINLAND.test(number) && !international) return `+86 ${inGroups(number)}`;
  const code = [1, 2, 3].map((length) => number.slice(0, length)).find((start) => known.has(start)) ?? "";
  return `+${[code, inGroups(number.slice(code.length))].filter(Boolean).join(" ")}`;
}

function inGroups(digits) {
  const lengths = GROUPS[digits.length] ?? [digits.length];
  let at = 0;
  return lengths.map((length) => digits.slice(at, at += length)).join(" ");
}

// +86 138-0013 8000 -> 13800138000, 00852 5123 4567 -> 85251234567
export function stored(text) {
  const digits = text.replace(/[\s().-]/g, "");
  return digits.replace(/^(\+|00)/, "").replace(/^86(?=1[3-9]\d{9}$)/, "");
}

// The same for a part of a number, as it is typed into the search box.
export const partOf = (text) => text.replace(/[\s().-]/g, "").replace(/^(\+|00)(86(?=1))?/, "");

// Whether a whole number was typed, not the beginning of one.
export function isWhole(text) {
  const digits = stored(text);
  const isPart = /^1[3-9]/.test(digits) && digits.length < 11 && !text.trim().startsWith("+");
  return /^[1-9]\d{6,14}$/.test(digits) && !isPart && !/[^\d\s+().-]/.test(text);
}
