/** Who is here, and what the service may know of the page: the evaluation context. */

import { read, write } from "./storage.js";
import { uuid7 } from "./uuid.js";

const VISIT_MS = 30 * 60 * 1000; // the usual length of a visit in web analytics

/** @returns {boolean} Global Privacy Control or Do Not Track asks not to be measured */
export function objects() {
  return navigator.globalPrivacyControl === true || navigator.doNotTrack === "1";
}

/**
 * The visitor's id: the site's own, or a random one kept in storage.
 *
 * @param {string | undefined} own
 * @returns {string | null} null if there is none that would last beyond this page
 */
export function visitorId(own) {
  const known = own || read("visitor");
  const fresh = uuid7();
  return known || (write("visitor", fresh) ? fresh : null);
}

/** @returns {boolean} this is still the first visit */
function isNew() {
  const since = read("since") || Date.now();
  write("since", since);
  return Date.now() - since < VISIT_MS;
}

/** @returns {"mobile" | "tablet" | "desktop"} */
function device() {
  const { userAgent, maxTouchPoints } = navigator;
  // An iPad calls itself a Mac, but no Mac has a touch screen.
  if (/iPad|Tablet|Android(?!.*Mobile)/.test(userAgent)) return "tablet";
  if (/Macintosh/.test(userAgent) && maxTouchPoints > 1) return "tablet";
  return /Mobi/.test(userAgent) ? "mobile" : "desktop";
}

const locale = () => document.documentElement.lang || navigator.language;

/** What may split a report: of the locale the language only, and none that is not one. */
export function attributes() {
  const language = /^[a-z]{2,3}(?![a-z])/i.exec(locale())?.[0];
  return { device: device(), locale: language, new_visitor: isNew() };
}

/** @param {string} visitor @returns {Record<string, string | boolean>} */
export function context(visitor) {
  const utm = [...new URLSearchParams(location.search)].filter(([name]) => /^utm_/.test(name));
  return {
    ...Object.fromEntries(utm),
    targetingKey: visitor,
    locale: locale(),
    device: device(),
    url: location.href,
    path: location.pathname,
    referrer: document.referrer,
    new_visitor: isNew(),
  };
}
