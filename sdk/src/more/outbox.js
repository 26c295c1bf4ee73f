/**
 * Events on their way to the service. Each is written down when it happens and forgotten when the
 * service has answered, so a dead network delays it, and where storage may be used a closed page
 * delays it to the next one. The ids are the browser's: an event that arrives twice counts once.
 */

import { happened } from "./hooks.js";
import { kit } from "./kit.js";

const MAX_KEPT = 100; // about 30 kB, half of what a browser lets a closing page send
const BATCH_MS = 500;
const FIRST_RETRY_MS = 10_000;
const TOO_MANY_REQUESTS = 429;
const SERVER_ERROR = 500;

let timer = 0;
let retryMs = FIRST_RETRY_MS; // doubled with each failure
let heldUntil = 0; // the service asked for rest until then
/** Something is kept that was not yet handed to the network. */
let isDue = true;

const urlOf = ({ service, key }) => service + "/api/v1/events?key=" + encodeURIComponent(key);

/** @returns {{id: string, type: string}[]} */
const kept = () => kit.recall("outbox") || [];

/** @param {{type: string, at?: string}} event without an id */
export function add(event) {
  // With a dead service each page would keep the same exposure once more.
  const isExposure = event.type === "exposure";
  if (isExposure && JSON.stringify(kept()).includes(JSON.stringify(event).slice(1, -1))) return;
  const stamped = { id: kit.uuid7(), ...event, at: event.at || new Date().toISOString() };
  kit.store("outbox", [...kept(), stamped].slice(-MAX_KEPT));
  // The browser's storage is full, or a conversion has what JSON has not.
  if (kept().at(-1)?.id !== stamped.id) return console.warn("ctaopt: cannot be kept:", stamped);
  happened(stamped);
  flushIn(BATCH_MS);
}

export function flushIn(ms) {
  isDue = true;
  clearTimeout(timer);
  timer = setTimeout(flush, Math.max(ms, heldUntil - Date.now()));
}

/** Send what is kept, in the way that survives the page if the page may go away at once. */
export function flush(isLeaving) {
  const batch = kept();
  const url = urlOf(kit.given);
  if (!kit.mayTell || !isDue || batch.length === 0) return;
  if (!isLeaving && Date.now() < heldUntil) return;
  isDue = false;
  // By the clock of the events: the service puts a wrong one right.
  const body = JSON.stringify({ events: batch, sent_at: new Date() });
  // The browser's word that it will send is no answer: the events stay, and go once more.
  if (isLeaving && navigator.sendBeacon(url, body)) return;
  /** @param {any} seconds of rest, by the service's wish; a failed request has none */
  const retry = (seconds) => {
    heldUntil = Date.now() + (seconds * 1000 || 0);
    flushIn(retryMs);
    retryMs *= 2;
  };
  // A text is sent as text/plain, without asking first (no CORS preflight).
  fetch(url, { method: "POST", body, keepalive: true }).then((answer) => {
    const { status } = answer;
    // What the service refuses now it would refuse again; only its own trouble is worth a wait.
    if (status >= SERVER_ERROR || status === TOO_MANY_REQUESTS)
      return retry(answer.headers.get("Retry-After"));
    say(answer, batch);
    const sent = new Set(batch.map(({ id }) => id));
    kit.store(
      "outbox",
      kept().filter(({ id }) => !sent.has(id)),
    );
  }, retry);
}

/** Say in the console what the service refused, and why: nothing is lost in silence. */
async function say(answer, batch) {
  const { rejected } = await answer.json().catch(() => ({}));
  if (!answer.ok) console.warn("ctaopt: events refused,", answer.status);
  for (const { index, reason } of rejected || [])
    console.warn("ctaopt: refused", batch[index].type, reason);
}
