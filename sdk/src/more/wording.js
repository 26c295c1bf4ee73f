/** Where the wording stands in what is more than a text. */

const CONTROL = "a,button,[type=submit],[type=button]";
// Icons, with the letters by which fonts draw them.
const ICON = "svg,style,script,i[class],[class*=icon],[aria-hidden=true]";
// Texts in these are not drawn, or not as texts that can be clicked.
const TEXTLESS =
  "input,select,option,textarea,img,area,iframe,audio,video,canvas,object,embed,svg,progress,meter,hr,br";
const SLOT = "[data-cta-slot]";
const LETTER = /[\p{L}\p{N}]/u;
const TEXT_NODE = 3;

/** @param {HTMLElement} holder @returns {HTMLElement} itself or the one control in it */
export function controlOf(holder) {
  const [control = holder, another] = holder.querySelectorAll(CONTROL);
  return another || holder.querySelector(SLOT) ? holder : control;
}

/** @param {Element} element @returns {Element} the part of it that takes the text */
const labelOf = (element) => element.querySelector("[data-cta-text]") || element;

/** @returns {Text} the place of a wording, where there was none */
export const newTextIn = (element) => labelOf(element).appendChild(new Text());

/** @param {Node} node @returns {Node[]} its texts, without icons */
const textsIn = (node) =>
  [...node.childNodes].flatMap((child) => {
    if (child.nodeType === TEXT_NODE) return LETTER.test(child.data) ? child : [];
    return child.matches?.(ICON) ? [] : textsIn(child);
  });

/** @param {Element} element @returns {Node[]} what may be the wording: one, or it cannot be told */
export const textsOf = (element) =>
  element.matches("input:is([type=submit],[type=button])[value]")
    ? [element.getAttributeNode("value")]
    : textsIn(labelOf(element));

/** @returns {boolean} there is one place for a wording, and one thing to click */
export function canFill(element) {
  const [text, another] = textsOf(element);
  // The value of an input.
  if (text && !text.parentNode) return true;
  const { childElementCount, textContent } = labelOf(element);
  const isEmpty = !childElementCount && !textContent.trim() && !/-/.test(element.localName);
  // An empty element is a place for a text, unless something else is drawn there.
  const isPlace = (text ? !another : isEmpty) && !element.matches(TEXTLESS);
  return isPlace && !element.querySelector(`${CONTROL},${SLOT}`);
}

/** @returns {HTMLAnchorElement} a link from the element's page; a broken address has no protocol */
export const linkFrom = ({ ownerDocument }, href) =>
  Object.assign(ownerDocument.createElement("a"), { href });

/** @param {HTMLElement} holder @param {string} destination @returns {string} with the page's query */
export function destinationOf(holder, destination) {
  const link = linkFrom(holder, destination);
  // A place of the page itself, and what is no page (mailto, tel), take no query.
  const isElsewhere = destination && destination[0] !== "#" && /^http/.test(link.protocol);
  if (!isElsewhere || !("ctaKeep" in holder.dataset)) return destination;
  link.search += (link.search && "&") + location.search.slice(1);
  link.hash ||= location.hash;
  return link.href;
}

/**
 * A link to which the page has added parameters, as analytics do on a click, leads where it led:
 * keep it so. @param {import("../slots.js").Cta} cta
 */
export function takeDecoration({ element, memory }) {
  const href = element.getAttribute("href");
  const [before, after] = memory?.href || [];
  if (!after || href === before || href === after) return;
  const [now, then] = [href, after].map((one) => linkFrom(element, one));
  const has = new Set(now.search.slice(1).split("&"));
  const isSame = ["protocol", "host", "pathname"].every((part) => now[part] === then[part]);
  const isLonger = then.search.slice(1).split("&").every((one) => !one || has.has(one));
  if (isSame && isLonger && (!then.hash || now.hash === then.hash)) memory.href[1] = href;
}
