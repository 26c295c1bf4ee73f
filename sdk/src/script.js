/** The snippet as a script of a page: its options are its attributes, or in its address. */

import { start } from "./cta.js";

// A module has no current script.
const script = document.currentScript || document.querySelector("script[src*='/cta.js']");
const { origin, searchParams } = new URL(script.src);
// Tag managers drop attributes that they do not know, so an address may carry them too.
const options = { service: origin, ...Object.fromEntries(searchParams), ...script.dataset };
// Beside this script; who has a copy of this one alone gets it from the service.
const fetchMore = () =>
  import(new URL(MORE, script.src)).catch(() => import(options.service + "/" + MORE));
const begin = () => start(options, fetchMore);
// A page that is prepared for somebody who may never come to it asks, stores and counts nothing.
if (document.prerendering) addEventListener("prerenderingchange", begin, true);
else begin();
