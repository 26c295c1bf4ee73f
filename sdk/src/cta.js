/**
 * ctaopt's browser snippet: asks once a page view which CTA each slot shall show, fills the slots,
 * and reports what was really seen and clicked. When the service is down, slow or says nothing,
 * the page keeps the content it came with.
 */

import { cookieId, setCookie } from "./cookie.js";
import { isIntact, undress } from "./filling.js";
import { kit } from "./kit.js";
import {
  bare, changed, clear, ctas, find, hide, isRendered, listen, lookAround, paintAge, reveal, show,
} from "./slots.js"; // prettier-ignore
import { forget, keep, read, write } from "./storage.js";
import { uuid7 } from "./uuid.js";
import { VISIT_MS, attributes, context, isBot, objects, subjectOf, visitorId } from "./visitor.js";
import { wordingOf } from "./wording.js";

const PATIENCE_MS = 300; // a hidden button must not be noticed
const FRESH_MS = 5 * 60 * 1000; // how long an answer holds on a page that stays open
const RETRY_MS = 30 * 1000;
const REST_MS = 1000; // between two questions
const NOT_MODIFIED = 304;
/** Modes of consent in which a visitor is told apart from others. */
const MODES_WITH_VISITOR = ["granted", "delayed", "cookieless"];

/** @type {import("../cta.d.ts").CtaOptOptions} */
let options;
let patience = PATIENCE_MS;

/** The latest wish of the site or the visitor: a mode of consent, `true` or `false`. */
let latestWish;
/** The service may be asked; `visitor` is null as long as nobody may be told apart. */
/** @type {any} */
let mayAsk;
/** @type {string | null} */
let visitor = null;
/** The answer that holds, if there is one, and what was asked, when. */
let flags;
let subject = "";
let byPage = false;
let askedAt = 0;
/** The number of the latest question to the service. */
let latestQuestion = 0;
/** CTAs for which there is no answer yet are hidden. */
let isPatient = false;
/** Steps that wait for the second file. @type {(() => void)[]} */
let waiting = [];
let later = (step) => waiting.push(step);
let isStarted = false;
/** @type {() => Promise<any>} */
let fetchMore;
/** @type {Promise<any>} */
let loading;

const api = {
  /** Ask again and fill the slots; until the answer is there, or too late, hide them. */
  async refresh() {
    allowReplacing();
    if (mayAsk) return ask();
  },

  convert(goal, sale) {
    const event = { ...sale, visitor, goal, at: new Date().toISOString() };
    if (visitor) later(() => kit.sell(event));
  },

  consent(given) {
    if (given === latestWish) return;
    const mode = modeFor(given);
    if (latestWish && mode !== "granted") forget();
    latestWish = given;
    const mayTell = mode !== "granted" || keep();
    const isTold = MODES_WITH_VISITOR.includes(mode) && (options.visitor || (mayTell && visitorId()));
    visitor = isTold || null;
    mayAsk = visitor || mode === "necessary";
    // What another one did is dropped.
    if (kit.currentVisitor !== visitor) waiting = [];
    kit.currentVisitor = visitor;
    kit.mayTell = mode !== "delayed";
    kit.consented?.();
    latestQuestion += 1; // an answer that is still on its way is not for this mode
    subject = "";
    allowReplacing();
    clear();
    return scan();
  },

  visitor: () => visitor,

  onShown: (callback) => kit.listen("exposure", callback),
  onClicked: (callback) => kit.listen("click", callback),
  onConverted: (callback) => kit.listen("conversion", callback),

  /** What a page calls before the snippet is there: `(window.ctaopt ||= []).push([...])`. */
  push: ([name, ...rest]) => api[name](...rest),
};

/** A click on "Accept", a log-in: the visitor expects the page to change. */
function allowReplacing() {
  if (!isStarted) return;
  lookAround();
  if (navigator.userActivation?.isActive !== false) kit.act += 1;
}

/** @param {string | boolean} given @returns {string} the mode of consent that holds */
function modeFor(given) {
  const mode = given === true ? "granted" : given || "off";
  if (isBot()) return "off";
  const isObjection = objects() && options.signals !== "ignore";
  return isObjection && mode !== "necessary" ? "off" : mode;
}

/** Do with each slot what is to be done; ask first if the answer is for something else. */
function scan() {
  const found = find();
  if (!mayAsk) return;
  load();
  const holds = subject === subjectNow() && Date.now() - askedAt < FRESH_MS;
  if (!holds && !found.every(isRendered)) return ask();
  treat(found);
}

/** Bring the second file, once. Without it CTAs are filled, and nothing is counted. */
function load() {
  // After the question for the CTAs, which is more urgent.
  loading ||= Promise.resolve()
    .then(fetchMore)
    .then(({ install }) => {
      install(kit);
      later = (step) => step();
      waiting.forEach(later);
    })
    .catch((error) => {
      console.warn("ctaopt: nothing is counted,", error);
      reveal();
    });
}

const subjectNow = (address = location.href) => subjectOf(visitor, address, byPage);

function treat(found) {
  if (flags)
    for (const flag of show(found, flags, isPatient)) later(() => kit.report(flag, false, true));
  else if (isPatient) found.forEach(hide);
}

/** Ask the service; meanwhile show what it said on an earlier page of the visit, or hide. */
async function ask() {
  const question = ++latestQuestion;
  const stored = read("flags") || {};
  byPage = stored.byPage;
  if (subject !== subjectNow() || !flags) {
    subject = subjectNow();
    flags = stored.subject === subject && Date.now() - stored.at < VISIT_MS && stored.flags;
    isPatient = true;
    beginWaiting(() => {
      if (question !== latestQuestion) return;
      isPatient = false;
      reveal();
    });
  }
  treat(find());
  const restMs = askedAt + REST_MS - Date.now();
  if (restMs > 0) await new Promise((done) => setTimeout(done, restMs));
  if (question !== latestQuestion) return;
  askedAt = Date.now();
  const answer = await evaluate(stored, question).catch(console.warn);
  if (question !== latestQuestion) return; // the page or the consent is another one by now
  if (!answer) askedAt -= FRESH_MS - RETRY_MS;
  flags = answer || flags || [];
  isPatient = false;
  treat(find());
}

/** Patience is from when something can be seen: on a new page from its first paint. */
function beginWaiting(giveUp) {
  const age = isStarted ? 0 : paintAge(document);
  const begin = () => setTimeout(giveUp, patience - (age || 0));
  if (age >= 0) begin();
  else requestAnimationFrame(begin);
}

/** @returns {Promise<import("./slots.js").Flag[]>} the answer for every slot of the site */
async function evaluate(stored, question) {
  const { arms = {}, etag = "" } = stored;
  const address = location.href;
  const answer = await fetch(options.service + "/ofrep/v1/evaluate/flags", {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "X-API-Key": options.key,
      "If-None-Match": etag,
    },
    body: JSON.stringify({ context: context(visitor, arms) }),
  });
  const { flags, metadata, errorDetails = "" } =
    answer.status === NOT_MODIFIED
      ? { ...stored, metadata: stored }
      : await answer.json().catch(() => ({}));
  if (!flags)
    throw "ctaopt: the service answered " + answer.status + " " + errorDetails;
  for (const { variant, metadata } of flags) {
    if (metadata?.experiment) arms[metadata.experiment] = variant + "@" + metadata.phase;
  }
  if (question !== latestQuestion) return;
  byPage = metadata?.byPage;
  subject = subjectNow(address);
  const mark = answer.headers.get("ETag") || etag;
  write("flags", { etag: mark, flags, arms, byPage, subject, at: Date.now() });
  return flags;
}

/**
 * Start on this page, once: on a page that has the snippet twice it is the first one's API.
 *
 * @param {import("../cta.d.ts").CtaOptOptions} given
 * @param {() => Promise<any>} fetchSecond brings the second file
 * @returns {import("../cta.d.ts").CtaOpt}
 */
export function start(given, fetchSecond) {
  const early = window.ctaopt || [];
  if (early.visitor) return early;
  options = given;
  fetchMore = fetchSecond;
  patience = parseFloat(options.patience ?? PATIENCE_MS);
  let frame = 0;
  const soon = () => {
    // Before the next paint, so that no CTA shows its default between parsing and filling.
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      scan();
    });
  };
  listen(soon);
  Object.assign(kit, {
    given, soon, scan, bare, changed, ctas, undress, wordingOf, isIntact,
    lookAround, present: find, traits: attributes, recall: read, store: write, uuid7,
    cookieId, setCookie,
  }); // prettier-ignore
  const hasConsent = early.some(([name]) => name === "consent");
  if (!hasConsent) api.consent(options.consent || "granted");
  window.ctaopt = api;
  for (const call of early) api.push(call);
  isStarted = true;
  // The page's own rule that hides the slots until here, with an end of its own.
  document.getElementById("ctaopt-wait")?.remove();
  return api;
}
