/** The wording of an element. */

import { kit } from "./kit.js";

/** @returns {string} */
export const wordingOf = (element) => kit.textsOf(element)[0]?.nodeValue?.trim() ?? "";

/** Change the text in place: frameworks keep hold of their nodes. @param {string} [icon] */
export function setWording(element, wording, icon) {
  element.querySelector("[data-cta-icon]")?.remove();
  const text = kit.textsOf(element)[0] || kit.newTextIn(element);
  const before = text.nodeValue;
  text.nodeValue = before.replace(before.trim(), () => wording);
  if (!icon) return;
  const span = document.createElement("span");
  Object.assign(span, { ariaHidden: "true", textContent: icon + " " }).dataset.ctaIcon = "";
  // There is no place for it in an input.
  text.before?.(span);
}
