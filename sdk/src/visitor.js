/** Who is here, and what the service may know of it: the evaluation context. */

import { cookieId } from "./cookie.js";
import { isLasting, read, write } from "./storage.js";
import { uuid7 } from "./uuid.js";
import BOTS from "../../experiments/services/events/crawler_words.json";

export const VISIT_MS = 30 * 60 * 1000; // the usual length of a visit in web analytics

/** @returns {boolean} a machine looks at the page: it must not be counted */
export const isBot = () =>
  navigator.webdriver || BOTS.test(navigator.userAgent);

/** @returns {boolean} Global Privacy Control or Do Not Track asks not to be measured */
export const objects = () => navigator.globalPrivacyControl || navigator.doNotTrack === "1";

/** @returns {string | undefined} the id from an earlier page, of this subdomain or another */
const knownId = () => (isLasting && cookieId()) || read("visitor");

/** @returns {string} the id of this visitor, kept as long as anything is */
export function visitorId() {
  const id = knownId() || uuid7();
  write("visitor", id);
  return id;
}

/** The visitor's name where none may be given: OFREP wants some key. */
const NOBODY = "-";
const PHONE_PX = 600; // the shorter side of a screen; tablets have more

const locale = () => document.documentElement.lang || navigator.language;

/** @returns {string} by the finger or the mouse, and the room there is */
function device() {
  const hasTouch = matchMedia("(pointer: coarse)").matches;
  if (!hasTouch) return "desktop";
  return Math.min(screen.width, screen.height) < PHONE_PX ? "mobile" : "tablet";
}

/** What may split a report. */
export function attributes() {
  return {
    device: device(),
    locale: locale(),
    // Unknown where nothing is stored.
    new_visitor: isLasting ? Date.now() - read("since") < VISIT_MS : undefined,
  };
}

/** Parameters of an address that the service takes. */
const TAKEN = /^(utm_.*|ctaopt_preview)$/;
const PREVIEW = /ctaopt_preview=[^&#]*/;

/** @param {string} address @param {RegExp} [taken] parameters that stay; the fragment goes */
function cut(address, taken) {
  if (!address) return address;
  const url = new URL(address);
  url.hash = "";
  for (const name of [...url.searchParams.keys()])
    if (!taken?.test(name)) url.searchParams.delete(name);
  return url.href;
}

/**
 * What an answer depends on; as long as that stays the same, it holds.
 *
 * @param {string | null} visitor @param {string} address of the page
 * @param {boolean} [byPage] the site has audiences that differ from page to page
 */
export const subjectOf = (visitor, address, byPage) =>
  JSON.stringify([visitor, locale(), byPage ? cut(address, TAKEN) : PREVIEW.exec(address)]);

/**
 * The service takes the path, `utm_*` and a preview link from the address, and the referrer
 * without its parameters; the rest, which may name people, stays here.
 *
 * @param {string | null} visitor null: ask for what everybody gets, outside all experiments
 * @param {Record<string, string>} arms what the visitor was given, by experiment: `b@1`, arm and phase
 */
export const context = (visitor, arms) =>
  visitor
    ? {
        ...attributes(),
        targetingKey: visitor,
        url: cut(location.href, TAKEN),
        referrer: cut(document.referrer),
        arms,
        // Who logs in keeps the arm: the site names the visitor now, this is who it was before.
        anonymousId: knownId(),
      }
    : { targetingKey: NOBODY, locale: locale(), measured: false };
