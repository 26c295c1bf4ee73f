/** The snippet as a package of npm: a bundle of the page's own has it, and starts it. */

import { start as startOnPage } from "./cta.js";
import { install } from "./more/index.js";

/** @param {import("../cta.d.ts").CtaOptOptions} options @returns {import("../cta.d.ts").CtaOpt} */
export function start(options) {
  if (typeof document === "undefined")
    throw new Error("ctaopt: start() needs a page; call it in the browser only");
  const service = options.service.replace(/\/+$/, "");
  return startOnPage({ ...options, service }, async () => ({ install }));
}
