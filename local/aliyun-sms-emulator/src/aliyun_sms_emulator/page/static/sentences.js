// A fault rule as a sentence: When SendSms is called for +86 138 0013 8000, ...

import { has, language, t } from "./dom.js";
import { grouped, stored } from "./numbers.js";

const COUNTERS = ["id", "met", "fired"];
const SEED = "seed";
const MOST = 5; // parts of a list that a sentence names
const LONGEST = 60; // characters of a value

// A sentence stays one that can be read; the whole rule stands in its JSON.
const few = (all) => (all.length > MOST ? [...all.slice(0, MOST), t("and_others", { n: all.length - MOST })] : all);

const oneOf = (all) => few(all).join(t("or"));

export function sentenceOf(rule) {
  const effects = [...damage(rule), ...beside(rule)].join(t("and"));
  return t("rule_sentence", { calls: spaced(callsOf(rule)), effects, often: oftenOf(rule) });
}

// Between Latin and Chinese letters stands a space.
const spaced = (text) => (language === "zh" && /[\x21-\x7e]$/.test(text) ? `${text} ` : text);

function callsOf({ match = {} }) {
  const { action, phone_number: numbers, ...others } = match;
  const actions = [action ?? []].flat().filter((one) => one !== "*");
  const called = actions.length ? t("when_called", { action: oneOf(actions) }) : t("when_any_called");
  const to = numbers ? [t("to_number", { number: oneOf([numbers].flat().map((one) => grouped(stored(one)))) })] : [];
  const conditions = Object.entries(others).map(([name, value]) => t("with_condition", { name, value: oneOf([value].flat()) }));
  return [called, ...to, ...conditions].join(t("joint"));
}

function damage(rule) {
  if (rule.schedule) return [t("in_turn", { faults: few(rule.schedule.map(named)).join(t("then")) })];
  return rule.kind && rule.kind !== "none" ? [effectOf(rule)] : [];
}

// An entry of a schedule: "none", "reset after" or an object.
function named(entry) {
  if (entry && typeof entry === "object") return entry.kind && entry.kind !== "none" ? effectOf(entry) : t("effect_none");
  const [kind, when] = String(entry ?? "none").split(" ");
  return kind === "none" ? t("effect_none") : effectOf({ kind, when });
}

const ONLY_AFTER = ["drip"];
const ONLY_BEFORE = ["throttle"];

function effectOf({ kind, when = "before", seconds, status, code }) {
  const values = { seconds, status: status ?? 500, code };
  const key = kind === "stall" && seconds === undefined ? "effect_stall_always" : `effect_${kind}`;
  const effect = has(key) ? t(key, values) : kind;
  if (ONLY_AFTER.includes(kind) || ONLY_BEFORE.includes(kind)) return effect;
  return t("effect_when", { effect, when: t(`when_${when}`) });
}

// What stands beside a kind, and the fields that have no words of their own here.
function beside(rule) {
  const { accept_delay_seconds: accept, visibility_delay_seconds: visible, match, ...rest } = rule;
  const plain = ["kind", "when", "seconds", "status", "code", "times", "skip", "probability", "schedule", SEED, ...COUNTERS];
  return [
    accept === undefined ? "" : t("effect_accept_delay", { seconds: accept }),
    visible === undefined ? "" : visible === "never" ? t("effect_visible_never") : t("effect_visible_delay", { seconds: visible }),
    ...Object.entries(rest).filter(([name]) => !plain.includes(name)).map(([name, value]) => `${name} ${JSON.stringify(value).slice(0, LONGEST)}`),
  ].filter(Boolean);
}

function oftenOf({ times, skip, probability = 1, schedule }) {
  const parts = [];
  if (probability < 1) parts.push(t("with_probability", { percent: Math.round(probability * 1000) / 10 }));
  if (skip) parts.push(t("after_skipped", { n: skip }));
  if (times === 1) parts.push(t("once"));
  else if (times !== undefined) parts.push(t("times_n", { n: times }));
  else if (!schedule && probability === 1) parts.push(t("each_time"));
  return parts.length ? t("often", { parts: parts.join(t("joint")) }) : "";
}
