/**
 * The second file of the snippet: who saw and clicked, and all that can wait until the first text
 * is on the page or that few pages have. It puts its functions in the place of the first one's.
 */

import { isInView } from "../visibility.js";
import { tell } from "./console.js";
import { observe, report, watch } from "./counting.js";
import { listen, pushTo, reopen } from "./hooks.js";
import { kit, take } from "./kit.js";
import { attend, mayRefill } from "./marks.js";
import { add, flush, flushIn } from "./outbox.js";
import { follow, hearLoads, isFresh, mutated, roots } from "./roots.js";
import { isAnother, isKept, share } from "./sharing.js";
import { canFill, controlOf, destinationOf, newTextIn, textsOf } from "./wording.js";

const BATCH_MS = 500;

/** @param {typeof kit} given */
export function install(given) {
  take(given);
  observe();
  kit.lookAround();
  // What the page has changed meanwhile was read as it is now.
  for (const cta of kit.changed)
    if (cta.flag && !kit.isIntact(cta) && isInView(cta.element)) cta.isLost = true;
  Object.assign(kit, {
    roots, controlOf, textsOf, newTextIn, canFill, destinationOf, mayRefill, isFresh, watch,
    listen, attend, consented, tell, report, sell,
    mutated: (records) => {
      hear();
      mutated(records);
    },
    isKnown: () => true,
  }); // prettier-ignore
  consented();
  pushTo(kit.given.layer);
  follow(kit.soon);
  hear();
  kit.scan();
}

/** Again and again: `document.open()` takes the listeners of a page away. Twice is once. */
function hear() {
  addEventListener("visibilitychange", turn);
  addEventListener("pageshow", appear);
  hearLoads();
}

function turn() {
  if (document.hidden) flush(true);
  else kit.present().forEach(watch);
}

/** A page of the browser's cache is shown again. */
function appear({ persisted }) {
  if (!persisted) return;
  const { consent } = window.ctaopt;
  // Another page may have withdrawn the consent meanwhile,
  if (isKept() && !kit.recall("since")) consent("off");
  // or got it anew, for another visitor: of the two words for it one is a change.
  else if (isAnother()) ["granted", true].forEach(consent);
  flushIn(BATCH_MS);
  kit.scan();
}

function consented() {
  share();
  reopen();
  flushIn(BATCH_MS);
}

/** Count a conversion. */
function sell(sale) {
  const { visitor, goal, currency, order, at } = sale;
  let { value } = sale;
  // A variable that the page has not filled.
  for (const name of ["value", "order"])
    if (name in sale && sale[name] == null) console.warn("ctaopt: convert:", name, "is", sale[name]);
  // JSON has neither NaN nor infinity: as texts they are refused.
  if (typeof value === "number" && !isFinite(value)) value = String(value);
  add({ type: "conversion", visitor, goal, value, currency, order, at });
  // A conversion is often followed by another page; where it is not, a refusal is noticed.
  flush();
}
