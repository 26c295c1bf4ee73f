/**
 * ctaopt's browser snippet: asks once a page view which CTA each slot shall show, fills the slots,
 * and reports what was really seen and clicked. When the service is down, slow or says nothing,
 * the page keeps the content it came with.
 */

import * as outbox from "./outbox.js";
import * as slots from "./slots.js";
import { forget, keep, read, write } from "./storage.js";
import { attributes, context, isBot, objects, visitorId } from "./visitor.js";

const PATIENCE_MS = 300; // a hidden button must not be noticed
const NOT_MODIFIED = 304;
/** Modes of consent in which a visitor is told apart from others. */
const MODES_WITH_VISITOR = ["granted", "delayed", "cookieless"];

const script = document.currentScript;
const { key, consent: modeOfPage, signals, visitor: ownVisitor } = script.dataset;
const { origin } = new URL(script.src);

/** The latest wish of the site or the visitor: a mode of consent, `true` or `false`. */
let latestWish;
/** The service may be asked; `visitor` is null as long as nobody may be told apart. */
let mayAsk = false;
/** @type {string | null} */
let visitor = null;
/** The address of the page view, and the number of the latest question to the service. */
let viewUrl = "";
let latestQuestion = 0;
/** What was reported as exposed on this page view. */
let exposed = new Set();
/** What is to be done with a slot at present. @type {(cta: import("./slots.js").Cta) => void} */
let treat;

const api = {
  /** Ask again and fill the slots; until the answer is there, or too late, hide them. */
  async refresh() {
    if (!mayAsk) return;
    latestQuestion += 1;
    const question = latestQuestion;
    if (viewUrl && viewUrl !== location.href) exposed = new Set();
    viewUrl = location.href;
    let isLate = false;
    setTimeout(() => {
      isLate = true;
      slots.reveal();
    }, PATIENCE_MS);
    treat = (cta) => {
      if (!isLate) slots.hide(cta);
    };
    scan();
    const flags = await evaluate(question).catch(console.warn);
    if (question !== latestQuestion) return; // the page or the consent is another one by now
    slots.reveal();
    const isUsable = flags && !isLate;
    treat = (cta) => {
      if (isUsable) slots.show(cta, flags.find((flag) => flag.key === cta.slot));
    };
    scan();
  },

  convert(goal, { value, currency } = {}) {
    if (!visitor) return;
    outbox.add({ type: "conversion", visitor, goal, value, currency });
    // A conversion is often followed by another page; where it is not, a refusal is noticed.
    outbox.flush();
  },

  consent(given) {
    if (given === latestWish) return;
    const mode = modeFor(given);
    if (latestWish && mode !== "granted") forget();
    latestWish = given;
    const mayTell = mode !== "granted" || keep();
    visitor = null;
    if (MODES_WITH_VISITOR.includes(mode)) visitor = ownVisitor || (mayTell ? visitorId() : null);
    mayAsk = visitor !== null || mode === "necessary";
    outbox.open(mode === "delayed" ? "" : origin + "/api/v1/events?key=" + encodeURIComponent(key));
    latestQuestion += 1; // an answer that is still on its way is not for this mode
    viewUrl = "";
    slots.reveal();
    treat = (cta) => slots.show(cta);
    return scan();
  },

  visitor: () => visitor,

  /** What a page calls before the snippet is there: `(window.ctaopt ||= []).push([...])`. */
  push: ([name, ...rest]) => api[name](...rest),
};

/** @param {string | boolean} given @returns {string} the mode of consent that holds */
function modeFor(given) {
  const mode = given === true ? "granted" : given || "off";
  if (isBot()) return "off";
  const isObjection = objects() && signals !== "ignore";
  return isObjection && mode !== "necessary" ? "off" : mode;
}

/** Do with each slot what is to be done; ask first if the page is another one by now. */
function scan() {
  const found = slots.find();
  const hasOpenSlot = found.some(({ isRendered }) => !isRendered);
  if (mayAsk && viewUrl !== location.href && hasOpenSlot) return api.refresh();
  found.forEach((cta) => treat(cta));
}

/** @param {import("./slots.js").Flag} flag */
function report({ key: slot, variant, metadata }, wasClicked) {
  const experiment = metadata?.experiment;
  if (!experiment || !visitor) return; // a preview names no experiment
  // The shares of the first answer gave the arm, whatever they are by now.
  const { phase, receipt } = metadata;
  const event = { slot, visitor, variant, experiment, phase, receipt };
  const mark = JSON.stringify(event);
  // Who clicked has seen it, be it by the keyboard or before the observer looked.
  if (!exposed.has(mark)) outbox.add({ type: "exposure", ...event, attributes: attributes() });
  exposed.add(mark);
  if (!wasClicked) return;
  outbox.add({ type: "click", ...event });
  outbox.flush(true);
}

/** @returns {Promise<import("./slots.js").Flag[]>} the answer for every slot of the site */
async function evaluate(question) {
  const { etag, flags: known, arms = {} } = read("flags") || {};
  const answer = await fetch(origin + "/ofrep/v1/evaluate/flags", {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "X-API-Key": key,
      "If-None-Match": etag || "",
    },
    body: JSON.stringify({ context: context(visitor, arms) }),
  });
  if (answer.status === NOT_MODIFIED) return known;
  const { flags, errorDetails } = await answer.json().catch(() => ({}));
  if (!answer.ok) throw "ctaopt: the service answered " + answer.status + " " + (errorDetails || "");
  for (const { variant, metadata } of flags) {
    if (metadata?.experiment) arms[metadata.experiment] = variant + "@" + metadata.phase;
  }
  if (question === latestQuestion) write("flags", { etag: answer.headers.get("ETag"), flags, arms });
  return flags;
}

/** @param {import("../cta.d.ts").CtaOptQueue} early calls from before the snippet was there */
function start(early) {
  slots.listen(report);
  const hasConsent = early.some(([name]) => name === "consent");
  if (!hasConsent) api.consent(modeOfPage || "granted");
  window.ctaopt = api;
  addEventListener("visibilitychange", () => {
    if (document.hidden) outbox.flush(true);
    else slots.lookAgain();
  });
  addEventListener("DOMContentLoaded", scan);
  let frame = 0;
  new MutationObserver(() => {
    cancelAnimationFrame(frame);
    // Before the next paint, so that no CTA shows its default between parsing and filling.
    frame = requestAnimationFrame(scan);
  }).observe(document, { childList: true, subtree: true });
  for (const call of early) api.push(call);
}

const queue = window.ctaopt || [];
// On a page that has the snippet twice it is the first one's API: the second does nothing.
if (Array.isArray(queue)) start(queue);
