// The JSON API, and the stream that says when to look at it again.

import { byId, t } from "./dom.js";

// Nobody answers; the sign at the top says so as well.
class Unreachable extends Error {}

export async function call(method, path, body) {
  const options = { method };
  if (body !== undefined) {
    options.headers = { "Content-Type": "application/json" };
    options.body = JSON.stringify(body);
  }
  const response = await fetch(`/api${path}`, options).catch(() => { throw new Unreachable(t("unreachable")); });
  const answer = await response.json();
  if (!response.ok) throw new Error([answer.error.field, answer.error.message].filter(Boolean).join(": "));
  return answer;
}

export const query = (values) => new URLSearchParams(
  Object.entries(values).filter(([, value]) => value !== "" && value !== null)).toString();

function complain(error) {
  const problem = byId("problem");
  problem.textContent = error.message;
  problem.hidden = false;
}

// Runs an action of the user's, and shows what went wrong with it.
export async function attempt(action) {
  byId("problem").hidden = true;
  try {
    return await action();
  } catch (error) {
    complain(error);
    return undefined;
  }
}

const REST = 100; // milliseconds between two looks while much is going on

// Makes of `refresh` a function that never runs twice at once and never misses a call.
export function oneAtATime(refresh) {
  let running = false;
  let again = false;
  return async function run() {
    if (running) { again = true; return; }
    running = true;
    do {
      again = false;
      try { await refresh(); } catch (error) { if (!(error instanceof Unreachable)) complain(error); }
      if (again) await new Promise((resolve) => { setTimeout(resolve, REST); });
    } while (again);
    running = false;
  };
}

// Browsers open six connections to one server, so a tab that nobody sees gives its own back.
export function listen(onChange) {
  let stream = null;
  let retry;

  function open() {
    close();
    stream = new EventSource("/api/events");
    stream.addEventListener("change", () => { showLive(true); onChange(); });
    stream.addEventListener("error", () => {
      showLive(false);
      if (stream.readyState === EventSource.CLOSED) retry = setTimeout(open, 2000);
    });
  }

  function close() {
    clearTimeout(retry);
    stream?.close();
  }

  const follow = () => (document.hidden ? close() : open());
  document.addEventListener("visibilitychange", follow);
  follow();
}

function showLive(connected) {
  const live = byId("live");
  live.classList.toggle("lost", !connected);
  live.textContent = t(connected ? "live" : "offline");
}
