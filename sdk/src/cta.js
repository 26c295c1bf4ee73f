/**
 * ctaopt's browser snippet: asks once which CTA each slot of the page shall show, fills the
 * slots, and reports what was really seen and clicked. When the service is down, slow or says
 * nothing, the page keeps the content it came with.
 */

import * as outbox from "./outbox.js";
import * as slots from "./slots.js";
import { read, write } from "./storage.js";
import { attributes, context, objects, visitorId } from "./visitor.js";

const PATIENCE_MS = 300; // a hidden button must not be noticed
const GIVE_UP_MS = 5000; // a later answer is of no use, not even to the next page

const script = document.currentScript || document.querySelector("script[data-key]");
const { key, consent, signals } = script.dataset;
const { origin } = new URL(script.src);

let granted = consent !== "required";
/** @type {string | null} null as long as nothing may be stored or sent */
let visitor = null;
/** The page view and what was exposed in it. */
let view = "";
/** @type {Set<string>} */
let exposed = new Set();

const api = {
  /** Fill the slots again, as after a change of page without a reload. */
  async refresh() {
    if (!visitor) return;
    if (view !== location.href) exposed = new Set();
    view = location.href;
    await slots.fill(evaluate(), PATIENCE_MS);
  },

  convert(goal, { value, currency } = {}) {
    if (!visitor) return;
    outbox.add({ type: "conversion", visitor, goal, value, currency });
    // A conversion is often followed by another page.
    outbox.flush(true);
  },

  consent(given) {
    granted = given;
    return given ? start() : stop();
  },

  visitor: () => visitor,

  /** What a page calls before the snippet is there: `(window.ctaopt ||= []).push([...])`. */
  push: ([name, ...rest]) => api[name](...rest),
};

/** @param {import("./slots.js").Flag} flag */
function report({ key: slot, variant, metadata }, wasClicked) {
  const experiment = metadata?.experiment;
  if (!experiment || !visitor) return;
  const event = { slot, visitor, variant, experiment };
  const mark = Object.values(event).join();
  // Who clicked has seen it, be it by the keyboard or before the observer looked.
  if (!exposed.has(mark)) outbox.add({ type: "exposure", ...event, attributes: attributes() });
  exposed.add(mark);
  if (!wasClicked) return;
  outbox.add({ type: "click", ...event });
  outbox.flush(true);
}

/** @returns {Promise<import("./slots.js").Flag[]>} the answer for every slot of the site */
async function evaluate() {
  const cached = read("flags") || {};
  const headers = { "Content-Type": "application/json", Authorization: "Bearer " + key };
  if (cached.etag) headers["If-None-Match"] = cached.etag;
  const answer = await fetch(origin + "/ofrep/v1/evaluate/flags", {
    method: "POST",
    headers,
    body: JSON.stringify({ context: context(visitor) }),
    credentials: "omit",
    signal: AbortSignal.timeout(GIVE_UP_MS),
  });
  const unchanged = answer.status === 304;
  if (!unchanged && !answer.ok) throw new Error("the service answered " + answer.status);
  const { flags } = unchanged ? cached : await answer.json();
  if (!visitor) return []; // consent was taken back meanwhile
  if (!unchanged) write("flags", { etag: answer.headers.get("ETag"), flags });
  return flags;
}

function start() {
  if (visitor || (objects() && signals !== "ignore")) return;
  visitor = visitorId(script.dataset.visitor);
  if (!visitor) return;
  outbox.open(origin + "/api/v1/events?key=" + encodeURIComponent(key));
  return api.refresh();
}

function stop() {
  visitor = null;
  outbox.clear();
  ["visitor", "since", "flags", "outbox"].forEach((name) => write(name));
  slots.reset();
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) outbox.flush(true);
  else slots.lookAgain();
});
addEventListener("pagehide", () => outbox.flush(true));

slots.listen(report);
const early = [].concat(window.ctaopt || []);
window.ctaopt = api;
early.forEach(([name, given]) => name === "consent" && (granted = given));
if (granted) start();
early.forEach(api.push);
