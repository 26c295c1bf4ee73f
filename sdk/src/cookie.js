/** The cookie with the visitor's id, of the site and all its subdomains. */

// In browsers; never rename.
const COOKIE = "ctaopt_visitor=";

/** The id in the cookie of this site, by its server or by another subdomain's page. */
export const cookieId = () => ("; " + document.cookie).split("; " + COOKIE)[1]?.split(";")[0];

/** @param {string} id @param {string} [wide] a domain; none: this host alone @param {number} [ends] in ms */
export function setCookie(id, wide = "", ends = 0) {
  const secure = location.protocol === "https:" ? ";secure" : "";
  const expires = new Date(ends).toUTCString();
  document.cookie = `${COOKIE}${id};path=/;domain=${wide};expires=${expires};samesite=lax${secure}`;
}
