/** What can be seen of an element at present. */

/** @returns {boolean} the page does not hide it, as it hides what is in a closed pop-up */
export const isDisplayed = (element) =>
  element.checkVisibility?.({ opacityProperty: true, visibilityProperty: true }) !== false;

/** @returns {boolean} some of it is in the window */
export function isInView(element) {
  const { top, bottom } = element.getBoundingClientRect();
  return bottom > 0 && top < innerHeight && isDisplayed(element);
}
