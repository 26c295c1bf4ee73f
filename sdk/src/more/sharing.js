/** One visitor on all subdomains of a site. */

import { LIFE_MS } from "../life.js";
import { kit } from "./kit.js";

/** @returns {boolean} what is written outlives the page */
export const isKept = () => kit.traits().new_visitor !== undefined;

/** @returns {boolean} what is kept is another visitor's than this page */
export const isAnother = () =>
  isKept() && !kit.given.visitor && kit.currentVisitor !== (kit.cookieId() || kit.recall("visitor"));

/** Let the site's other subdomains know the visitor, until the time that no visit prolongs. */
export function share() {
  const { domain, visitor } = kit.given;
  const id = kit.recall("visitor");
  if (!domain || visitor || !id || !isKept()) return;
  kit.setCookie(id, domain, ((kit.recall("since") + LIFE_MS - Date.now()) / 1000) | 0);
  if (kit.cookieId() !== id) console.warn("ctaopt: no cookie for", domain);
}
