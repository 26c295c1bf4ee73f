/** @returns {boolean} something else, such as a cookie wall, lies over the middle of the element */
export function isCovered(element) {
  const { x, y, width, height } = element.getBoundingClientRect();
  const top = element.getRootNode().elementFromPoint(x + width / 2, y + height / 2);
  return top && !top.contains(element) && !element.contains(top);
}
