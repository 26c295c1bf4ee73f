/** The snippet as a package of npm: a bundle of the page's own has it, and starts it. */

import { start as startOnPage } from "./cta.js";
import { install } from "./more/index.js";

const CALLS = ["refresh", "convert", "consent", "onShown", "onClicked", "onConverted"];

/** @param {import("../cta.d.ts").CtaOptOptions} options @returns {import("../cta.d.ts").CtaOpt} */
export function start(options) {
  if (typeof document === "undefined")
    throw new Error("ctaopt: start() needs a page; call it in the browser only");
  const service = options.service.replace(/\/+$/, "");
  const begin = () => startOnPage({ ...options, service }, async () => ({ install }));
  return document.prerendering ? startWhenShown(begin) : begin();
}

/**
 * A page that the browser prepares for somebody who may never come to it asks, stores and counts
 * nothing. Calls wait, as they do for the script.
 *
 * @param {() => any} begin @returns {any} the functions of the snippet
 */
function startWhenShown(begin) {
  const begun = new Promise((done) => {
    const isShown = () => done(void begin());
    document.addEventListener("prerenderingchange", isShown, { once: true });
  });
  const push = (call) => {
    const result = (window.ctaopt ||= []).push(call);
    return document.prerendering ? begun : result;
  };
  const calls = CALLS.map((name) => [name, (...rest) => push([name, ...rest])]);
  return {
    ...Object.fromEntries(calls),
    push,
    visitor: () => window.ctaopt?.visitor?.() ?? null,
  };
}
