/** What the first file lends to the second; each is a script of its own. */

/** @type {typeof import("../kit.js").kit} */
export let kit;

/** @param {typeof import("../kit.js").kit} given */
export function take(given) {
  kit = given;
}
