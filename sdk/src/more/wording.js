/** Where the wording stands in what is more than a text. */

const CONTROL = "a,button,[type=submit],[type=button]";
// Icons, with the letters by which fonts draw them.
const ICON = "svg,style,script,i[class],[class*=icon],[aria-hidden=true]";
const TEXTLESS = "input,select,textarea,img,iframe,video,canvas,object,svg";
const LETTER = /[\p{L}\p{N}]/u;
const TEXT_NODE = 3;

/** @param {HTMLElement} holder @returns {HTMLElement} itself or the one control in it */
export function controlOf(holder) {
  const [control = holder, another] = holder.querySelectorAll(CONTROL);
  return another ? holder : control;
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
  const { length } = textsOf(element);
  const { childElementCount, textContent } = labelOf(element);
  const isEmpty = !childElementCount && !textContent.trim() && !/-/.test(element.localName);
  // An empty element is a place for a text, unless something else is drawn there.
  const isPlace = length === 1 || (!length && isEmpty && !element.matches(TEXTLESS));
  return isPlace && !element.querySelector(CONTROL);
}

/** @param {HTMLElement} holder @param {string} destination @returns {string} with the page's query */
export function destinationOf(holder, destination) {
  if (!destination || !("ctaKeep" in holder.dataset)) return destination;
  const url = new URL(destination, document.baseURI);
  url.search += (url.search && "&") + location.search.slice(1);
  url.hash ||= location.hash;
  return url.href;
}
