/**
 * What the snippet remembers, everything under the prefix `ctaopt.`: in the page's memory, and once
 * that is allowed in the browser's storage.
 */

import { cookieId, setCookie } from "./cookie.js";
import { kit } from "./kit.js";
import { LIFE_MS } from "./life.js";

// In browsers, with the names under which things are kept; never rename.
const PREFIX = "ctaopt.";

/** @type {Record<string, string>} */
let shelf = {};
/** What is written outlives the page. */
export let isLasting = false;

/** A browser may refuse its storage, it may be full, and what is there may not be ours. */
export function attempt(step) {
  try {
    return step();
  } catch {
    return undefined;
  }
}

/** @param {string} name @returns {any} the stored value, or undefined */
export const read = (name) => attempt(() => JSON.parse(shelf[PREFIX + name]));

/** @param {string} name @param {unknown} value */
export function write(name, value) {
  attempt(() => {
    shelf[PREFIX + name] = JSON.stringify(value);
  });
}

/**
 * From now on the browser's storage is used. A visitor known from an earlier page stays that
 * visitor, and what this page has done under another id is dropped; else it becomes lasting.
 * What is there has its time, which no visit prolongs.
 *
 * @returns {boolean | undefined} whether the browser allows it: an id must not change with the page
 */
export const keep = () =>
  attempt(() => {
    const since = PREFIX + "since";
    // What is no time has ended as well.
    if (since in localStorage && !(Date.now() - localStorage[since] < LIFE_MS)) clear();
    localStorage[since] ||= bornAt(cookieId()) || Date.now();
    if (!localStorage[PREFIX + "visitor"]) Object.assign(localStorage, shelf);
    shelf = localStorage;
    isLasting = true;
    return true;
  });

/** Remove what the browser keeps. */
function clear() {
  attempt(() => {
    // First: without storage there may be cookies, in a sandboxed frame there is neither.
    setCookie("");
    setCookie("", kit.given.domain);
    for (const name of Object.keys(localStorage)) {
      if (name.startsWith(PREFIX)) localStorage.removeItem(name);
    }
  });
}

/** Forget everything; nothing is stored from now on. */
export function forget() {
  clear();
  shelf = {};
  isLasting = false;
}

/** The time in an id of version 7, in milliseconds; false of any other. */
function bornAt(id) {
  const ms = parseInt(/^[\da-f]{12}(?=7)/.exec(id)?.[0], 16);
  // Random digits may look like one; then their time is nearly always to come.
  return ms < Date.now() && ms;
}
