/** A wording that is on the screen. */

import { isDisplayed } from "../visibility.js";
import { textsOf } from "./wording.js";

/** @returns {HTMLElement} itself, or what is around it if it has no box (`display: contents`) */
export const boxOf = (element) =>
  isBoxless(element) ? boxOf(element.parentElement || element.getRootNode().host) : element;

export const isBoxless = (element) => getComputedStyle(element).display === "contents";

/** @returns {DOMRect} where the wording is drawn; of no size if it is not */
export function placeOf(element) {
  const [text] = textsOf(element);
  // The value of an input is drawn in all of it; what a server has filled may be a picture.
  if (!text?.parentNode) return element.getBoundingClientRect();
  const range = element.ownerDocument.createRange();
  range.selectNode(text);
  return range.getBoundingClientRect();
}

/** @returns {boolean} its middle is in the window, and nothing, such as a cookie wall, lies over it */
export function isOnScreen(element) {
  const { x, y, width, height } = placeOf(element);
  const isDrawn = width * height > 0 && isDisplayed(boxOf(element));
  return isDrawn && isOnTop(element, x + width / 2, y + height / 2);
}

/** @returns {boolean} nothing else is at this point, in the element's frame and in those around it */
function isOnTop(element, x, y) {
  const top = element.getRootNode().elementFromPoint(x, y);
  if (!top || !(top.contains(element) || element.contains(top))) return false;
  const { frameElement } = element.ownerDocument.defaultView;
  if (!frameElement) return true;
  const { left, top: above } = frameElement.getBoundingClientRect();
  const { clientLeft, clientTop } = frameElement;
  return isOnTop(frameElement, x + left + clientLeft, y + above + clientTop);
}
