/** One visitor on all subdomains of a site. */

import { cookieId, setCookie } from "../cookie.js";
import { LIFE_MS } from "../life.js";
import { kit } from "./kit.js";

/** @returns {boolean} what is written outlives the page */
export const isKept = () => kit.traits().new_visitor !== undefined;

/** Let the site's other subdomains know the visitor, until the time that no visit prolongs. */
export function share() {
  const { domain, visitor } = kit.given;
  const id = kit.recall("visitor");
  if (!domain || visitor || !id || !isKept()) return;
  setCookie(id, domain, kit.recall("since") + LIFE_MS);
  if (cookieId() !== id) console.warn("ctaopt: no cookie for", domain);
}
