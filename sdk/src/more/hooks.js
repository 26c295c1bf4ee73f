/**
 * Callbacks of the page for what is counted, so that its analytics hear of it too. One that comes
 * late is told what happened before, and one that throws hurts nobody.
 */

import { kit } from "./kit.js";

const MAX_KEPT = 100; // as many as events wait at most

/** Events of this page. @type {any[]} */
let log = [];
/** Events may be sent, so the page may hear of them. */
let isOpen = false;

/** In a microtask of its own: what a callback throws is the page's error, named in the console. */
function tell({ visitor, receipt, late, ...event }, [type, callback]) {
  if (!type || type === event.type) queueMicrotask(() => callback(event));
}

const tellAll = (listener) => log.forEach((event) => tell(event, listener));

export function happened(event) {
  if (event.late) return; // it was not shown
  log = [...log, event].slice(-MAX_KEPT);
  if (isOpen) kit.listeners.forEach((listener) => tell(event, listener));
}

/** The page may be another visitor's now: what that one did is dropped, as events are. */
export function reopen() {
  log = log.filter((event) => event.visitor === kit.currentVisitor);
  if (kit.mayTell && !isOpen) kit.listeners.forEach(tellAll);
  isOpen = kit.mayTell;
}

/** @param {...any} listener a type of events, or none for all, and a callback */
export function listen(...listener) {
  kit.listeners.push(listener);
  if (isOpen) tellAll(listener);
}

/** @param {string} [layer] name of a tag manager's array: `dataLayer`, `_mtm` */
export function pushTo(layer) {
  if (layer)
    listen("", (ctaopt) => (window[layer] ||= []).push({ event: "ctaopt_" + ctaopt.type, ctaopt }));
}
