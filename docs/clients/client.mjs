// A client of fc-sms with fetch: send with an out_id, repeat after a 504, check a code.
// It needs Node.js 18 or newer, and no package.
import { createInterface } from "node:readline/promises";

const [SMS_URL, CODES_URL, SMS_KEY, NUMBER] = ["SMS_URL", "CODES_URL", "SMS_KEY", "NUMBER"].map((name) => {
  if (!process.env[name]) throw new Error(`set the variable ${name}`);
  return process.env[name].replace(/\/$/, ""); // a URL may have a / at its end
});
const TRIES = 5;
const WAIT_SECONDS = 2;

const seconds = (count) => new Promise((resolve) => setTimeout(resolve, count * 1000));

// Return the JSON object of an answer's text; it is empty for another text, such as a gateway's.
function read(text) {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

// Whether the same call, made again, may tell the outcome.
function isOpen(status, result) {
  // fc-sms answers; a limit, 429, is waited for by its caller.
  if ("retryable" in result) return result.retryable && [409, 503, 504].includes(status);
  return [429, 502, 503, 504].includes(status); // Function Compute or a gateway answers
}

// POST `body`, and repeat the same body while its outcome is open. With shared state such a repeat
// never sends twice, because the body has an `out_id`. Without it an outcome that fc-sms does not
// know is not `retryable`, and this throws; but where fc-sms did not answer, only the platform's
// own check stops a second SMS.
async function call(url, body) {
  for (let triesLeft = TRIES - 1; ; triesLeft -= 1) {
    let wait = WAIT_SECONDS;
    let answer;
    let text;
    try {
      answer = await fetch(url, {
        method: "POST",
        headers: { Authorization: `Bearer ${SMS_KEY}`, "Content-Type": "application/json" },
        body: JSON.stringify(body),
        // The function takes up to 30 seconds: a shorter time would give up on an answer.
        signal: AbortSignal.timeout(35_000),
      });
      text = await answer.text();
    } catch (error) {
      if (!triesLeft) throw error;
      console.log("no answer: the same call again");
    }
    if (text !== undefined) {
      const result = read(text);
      if (answer.ok) return result;
      if (!triesLeft || !isOpen(answer.status, result)) {
        throw new Error(`${answer.status} ${result.code}: ${result.detail ?? text}`);
      }
      wait = Number(answer.headers.get("Retry-After") ?? WAIT_SECONDS);
      console.log(`${answer.status} ${result.code ?? ""}: the same call again`);
    }
    await seconds(wait);
  }
}

// Keep the out_id with the order, before the first call: a program that ends can then go on.
const sent = await call(`${SMS_URL}/sms`, {
  phone_numbers: NUMBER,
  template_code: "SMS_100002",
  template_param: { name: "Li", order: "17" },
  out_id: `order-${Date.now()}`,
});
console.log("sent:", sent.outcome);

const created = await call(`${CODES_URL}/codes`, {
  phone_number: NUMBER,
  purpose: "login",
  out_id: `login-${Date.now()}`,
});
const terminal = createInterface({ input: process.stdin, output: process.stdout });
const code = await terminal.question("code: ");
terminal.close();
// A wrong code takes one of its tries. When the answer to a right one is lost, the repeat says
// false: its code is used up, and the person needs another.
const checked = await call(`${CODES_URL}/codes/check`, {
  verification_id: created.verification_id,
  phone_number: NUMBER,
  purpose: "login",
  code,
});
console.log("verified:", checked.verified);
