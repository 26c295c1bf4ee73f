/**
 * What the snippet remembers in the browser: everything under the prefix `ctaopt.`.
 * A browser may refuse storage altogether; then nothing is remembered, and `usable`
 * tells the caller before it hands out an identifier that would change on every page.
 */

const PREFIX = "ctaopt.";

/** @param {string} name @returns {any} the stored value, or null */
export function read(name) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + name));
  } catch {
    return null;
  }
}

/** @param {string} name @param {unknown} value undefined forgets it @returns {boolean} stored */
export function write(name, value) {
  try {
    if (value === undefined) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}
