/**
 * Events on their way to the service. Each is written to storage when it happens and forgotten
 * when the service has answered, so a closed page or a dead network delays it to the next page.
 * The ids are the browser's: an event that arrives twice counts once.
 */

import { read, write } from "./storage.js";
import { uuid7 } from "./uuid.js";

const MAX_KEPT = 100; // about 30 kB, half of what a browser lets a closing page send
const BATCH_MS = 500;

let url = "";
/** Not yet handed to the network, those of earlier pages included. @type {{id: string}[]} */
let waiting = [];
let timer = 0;

/** @returns {{id: string}[]} */
const kept = () => [].concat(read("outbox") || []);

/** @param {string} to where events go, with the key in the query */
export function open(to) {
  url = to;
  waiting = kept();
  flushSoon();
}

/** @param {object} event without id and time */
export function add(event) {
  const whole = { id: uuid7(), ...event, at: new Date().toISOString() };
  waiting.push(whole);
  write("outbox", [...kept(), whole].slice(-MAX_KEPT));
  flushSoon();
}

function flushSoon() {
  clearTimeout(timer);
  timer = setTimeout(flush, BATCH_MS);
}

/** Send what waits, in the way that survives the page if the page may go away at once. */
export function flush(leaving) {
  const batch = waiting.splice(0, MAX_KEPT);
  if (!batch.length) return;
  const body = JSON.stringify({ events: batch });
  // The browser's word that it will send is no answer: the events stay in storage, and the
  // next page sends them once more.
  if (leaving && navigator.sendBeacon(url, body)) return;
  const again = () => waiting.unshift(...batch);
  // A text is sent as text/plain, without asking first (no CORS preflight).
  fetch(url, { method: "POST", body, keepalive: true, credentials: "omit" }).then(({ status }) => {
    // What the service refuses now it would refuse again; only its own trouble is worth a wait.
    if (status > 499 || status === 429) return again();
    write(
      "outbox",
      kept().filter((one) => !batch.some(({ id }) => id === one.id)),
    );
  }, again);
}

/** Forget everything. */
export function clear() {
  waiting = [];
}
