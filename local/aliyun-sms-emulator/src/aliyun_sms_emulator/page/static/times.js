// Times as the reader's clock shows them, with the platform's (UTC+8) beside where it differs.

import { el, language, t } from "./dom.js";

const PLATFORM_MINUTES = 480;
const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
const format = (options) => new Intl.DateTimeFormat(language, options);
const seconds = format(CLOCK);
const minutes = format({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const day = format({ month: "short", day: "numeric" });
const dayOfYear = format({ year: "numeric", month: "short", day: "numeric" });
const weekday = format({ weekday: "long", year: "numeric", month: "long", day: "numeric" });
const whole = format({ year: "numeric", month: "short", day: "numeric", ...CLOCK });
const withoutYear = format({ month: "short", day: "numeric", ...CLOCK });

export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

// What a day is called, as in a messages app between two days.
export const dayOf = (iso) => weekday.format(new Date(iso));

const moment = format({ month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

export const shortTime = (iso) => moment.format(new Date(iso));

export const wholeTime = (iso) => whole.format(new Date(iso));

// The platform writes its times in UTC+8, and so does the JSON API.
export const platformTime = (iso) => t("platform_time", { time: iso.slice(0, 19).replace("T", " ") });

export const isPlatformZone = (iso) => new Date(iso).getTimezoneOffset() === -PLATFORM_MINUTES;

// Short, for lists: the time today, the day this year, else the date.
export function listTime(iso, today) {
  const at = new Date(iso);
  if (at.toDateString() === today) return minutes.format(at);
  return (at.getFullYear() === new Date(today).getFullYear() ? day : dayOfYear).format(at);
}

export function bothTimes(iso, date = false) {
  const own = (date ? withoutYear : seconds).format(new Date(iso));
  return el("time", { datetime: iso }, own, " ", isPlatformZone(iso) ? null : el("small", {}, platformBeside(iso, date)));
}

function platformBeside(iso, date) {
  const at = new Date(iso);
  const sameDay = at.getDate() === Number(iso.slice(8, 10));
  const text = iso.slice(sameDay && !date ? 11 : 5, 19).replace("T", " ");
  return t("platform_time", { time: text });
}

// What a field for date and time holds, by the reader's clock, as the JSON API takes it.
export const fromField = (value) => (Number.isNaN(Date.parse(value)) ? "" : new Date(value).toISOString());

export function toField(iso) {
  const at = new Date(iso);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
