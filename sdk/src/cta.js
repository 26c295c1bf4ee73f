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

const script = document.currentScript;
const { key, consent, signals, visitor: own } = script.dataset;
const { origin } = new URL(script.src);

/** What the site or the visitor wishes: a mode of consent, `true` or `false`. */
let wish;
/** The service may be asked; `visitor` is null as long as nobody may be told apart. */
let mayAsk = false;
/** @type {string | null} */
let visitor = null;
/** The page view, the latest question to the service, and what was exposed. */
let view = "";
let turn = 0;
/** @type {Record<string, boolean>} */
let exposed = {};
/** What is to be done with a slot at present. @type {(cta: import("./slots.js").Cta) => void} */
let act;

const api = {
  /** Ask again and fill the slots; until the answer is there, or too late, hide them. */
  async refresh() {
    if (!mayAsk) return;
    const mine = ++turn;
    if (view && view !== location.href) exposed = {};
    view = location.href;
    let isLate = false;
    setTimeout(() => {
      isLate = true;
      slots.reveal();
    }, PATIENCE_MS);
    act = (cta) => isLate || slots.hide(cta);
    scan();
    const flags = await evaluate(mine).catch(console.warn);
    if (mine !== turn) return; // the page or the consent is another one by now
    slots.reveal();
    const usable = !isLate && flags;
    act = (cta) => usable && slots.show(cta, usable.find((flag) => flag.key === cta.slot));
    scan();
  },

  convert(goal, { value, currency } = {}) {
    if (!visitor) return;
    outbox.add({ type: "conversion", visitor, goal, value, currency });
    // A conversion is often followed by another page; where it is not, a refusal is noticed.
    outbox.flush();
  },

  consent(given) {
    if (given === wish) return;
    let mode = given === true ? "granted" : given;
    if (isBot() || (objects() && signals !== "ignore" && mode !== "necessary")) mode = "off";
    if (wish && mode !== "granted") forget();
    wish = given;
    const canTell = mode !== "granted" || keep();
    visitor = /^(gr|del|coo)/.test(mode) && (own || (canTell && visitorId()));
    mayAsk = visitor || mode === "necessary";
    outbox.open(mode === "delayed" ? "" : origin + "/api/v1/events?key=" + encodeURIComponent(key));
    turn++;
    view = "";
    slots.reveal();
    act = (cta) => slots.show(cta);
    return scan();
  },

  visitor: () => visitor || null,

  /** What a page calls before the snippet is there: `(window.ctaopt ||= []).push([...])`. */
  push: ([name, ...rest]) => api[name](...rest),
};

/** Do with each slot what is to be done; ask first if the page is another one by now. */
function scan() {
  const found = slots.find();
  if (mayAsk && view !== location.href && found.some(({ isRendered }) => !isRendered))
    return api.refresh();
  found.forEach(act);
}

/** @param {import("./slots.js").Flag} flag */
function report({ key: slot, variant, metadata }, wasClicked) {
  const experiment = metadata?.experiment;
  if (!experiment || !visitor) return; // a preview names no experiment
  const event = { slot, visitor, variant, experiment };
  const mark = JSON.stringify(event);
  // Who clicked has seen it, be it by the keyboard or before the observer looked.
  if (!exposed[mark]) outbox.add({ type: "exposure", ...event, attributes: attributes() });
  exposed[mark] = true;
  if (!wasClicked) return;
  outbox.add({ type: "click", ...event });
  outbox.flush(true);
}

/** @returns {Promise<import("./slots.js").Flag[]>} the answer for every slot of the site */
async function evaluate(mine) {
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
  if (answer.status === 304) return known;
  if (!answer.ok) throw "ctaopt: the service answered " + answer.status;
  const { flags } = await answer.json();
  flags.forEach(({ variant, metadata }) => {
    if (metadata?.experiment) arms[metadata.experiment] = variant;
  });
  if (mine === turn) write("flags", { etag: answer.headers.get("ETag"), flags, arms });
  return flags;
}


slots.listen(report);
// On a page that has the snippet twice this is no list: the second one ends here, and does nothing.
const early = [].concat(window.ctaopt || []);
early.some(([name]) => name === "consent") || api.consent(consent || "granted");
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

early.forEach(api.push);
