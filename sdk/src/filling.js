/**
 * What the snippet changes on an element, and how it takes that back. What was there before is
 * also written on the element: a copy that the page makes of it (a carousel, a cached body, stored
 * HTML) is told by that from a CTA that the server has filled, and is put right again.
 */

import { setWording, wordingOf } from "./wording.js";

const MEMORY = "data-cta-was";
const WORDING = "wording";
// Everything that may be changed; in pages' HTML, so that nothing else is ever taken from there.
const NAMES = [
  WORDING, "href", "lang", "dir", "aria-label", "data-cta-form", "data-cta-size",
  "data-cta-variant", "backgroundColor", "color", "fontSize", "visibility",
]; // prettier-ignore

/** @typedef {Record<string, [string | null, string]>} Memory before and after, by name */

/** @param {HTMLElement} element @param {string} name */
function get(element, name) {
  if (name === WORDING) return wordingOf(element);
  return name in element.style ? element.style[name] : element.getAttribute(name);
}

/** Styles one property at a time (CSSOM), which a strict content security policy allows. */
function set(element, name, value, icon) {
  if (name === WORDING) setWording(element, value, icon);
  else if (name in element.style) element.style[name] = value;
  else if (value === null) element.removeAttribute(name);
  else element.setAttribute(name, value);
}

/** Set what has a value. @param {string} [icon] before the wording @returns {Memory} */
export function dress(element, values, icon) {
  /** @type {Memory} */
  const memory = {};
  for (const name of NAMES) {
    if (!values[name]) continue;
    const before = get(element, name);
    set(element, name, values[name], icon);
    memory[name] = [before, get(element, name)];
  }
  element.setAttribute(MEMORY, JSON.stringify(memory));
  return memory;
}

/** Take back what the page has not changed since. @param {{element: any, memory: Memory}} cta */
export function undress({ element, memory }) {
  element.removeAttribute(MEMORY);
  for (const name of NAMES) {
    const [before, after] = memory[name] || [];
    if (after && get(element, name) === after) set(element, name, before);
  }
  // Styles leave an empty attribute behind.
  if (!get(element, "style")) set(element, "style", null);
}

/** @returns {boolean} the page has changed neither wording nor link of what is filled */
export const isIntact = ({ element, memory }) =>
  [WORDING, "href"].every((name) => !memory[name] || get(element, name) === memory[name][1]);
