/** The cookie with the visitor's id, of the site and all its subdomains. Never rename it. */

/** The id in the cookie of this site, by its server or by another subdomain's page. */
export const cookieId = () => /(^|; )ctaopt_visitor=([^;]*)/.exec(document.cookie)?.[2];

/** @param {string} id @param {string} [wide] a domain; none: this host alone @param {number} [ends] seconds from now */
export function setCookie(id, wide = "", ends = 0) {
  const secure = location.protocol === "https:" ? ";secure" : "";
  document.cookie = `ctaopt_visitor=${id};path=/;domain=${wide};max-age=${ends};samesite=lax${secure}`;
}
