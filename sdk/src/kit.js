/**
 * What the two files of the snippet share. The first one does what nearly every page needs before
 * anything can be seen; the second one (`more/`) puts its own functions in the place of those here,
 * which do the plain case or nothing.
 */

const TEXT_NODE = 3;
const LETTER = /[\p{L}\p{N}]/u;
// What the first file leaves to the second, though a text may be all that is in it.
const OTHERS = "button,textarea,[data-cta-keep]";

/** @type {any} */
export const kit = {
  /** Pairs of a type of events, or none for all, and a callback of the page. @type {any[]} */
  listeners: [],
  /** Events may be sent, not held back. */
  mayTell: false,
  /** What was seen in an earlier act of the visitor may be replaced. */
  act: 0,

  /** @returns {(Document | ShadowRoot)[]} where slots may be */
  roots: () => [document],
  /** @returns {HTMLElement} what is filled and clicked: the slot, or the control in it */
  controlOf: (holder) => holder,
  /** @returns {Node[]} what may be the wording: one, or it cannot be told */
  textsOf: ({ childNodes }) => [...childNodes].filter(({ nodeType }) => nodeType === TEXT_NODE),
  /** @returns {boolean} there is one place for a wording, and one thing to click */
  canFill: (element) =>
    !element.childNodes[1] && kit.textsOf(element)[0] && LETTER.test(element.textContent),
  /** @param {import("./slots.js").Cta} cta @returns {any} this file knows what to do with it */
  isKnown: ({ element, flag, isMarked }) =>
    flag || (!isMarked && kit.canFill(element) && !element.matches(OTHERS)),
  /** @returns {string} where a filled CTA leads */
  destinationOf: (holder, destination) => destination,
  /** Register a callback. */
  listen: (...listener) => kit.listeners.push(listener),
};
