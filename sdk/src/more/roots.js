/** What of the page can be reached: the document, open shadow roots, frames of the same origin. */

import { tell } from "./console.js";

/** @type {Set<Document | ShadowRoot>} */
const known = new Set();
/** Roots that came with a change of the page: nobody has seen what is in them. */
const fresh = new WeakSet();
let isClosedTold = false;

/** @returns {(Document | ShadowRoot)[]} those that are there at present */
export const roots = () =>
  [...known].filter((root) => {
    const { host, isConnected, defaultView } = root;
    // A frame with a snippet of its own looks after itself.
    return root === document || (host ? isConnected : defaultView && !defaultView.ctaopt);
  });

/** @param {any} root @returns {boolean} it is drawn for the first time after this frame */
export const isFresh = (root) => fresh.has(root);

/** Look for roots in what is new. @param {any} node @param {boolean} [isAdded] in this frame */
export function explore(node, isAdded) {
  // Here and not above: a server may import this module, which has no page.
  known.add(document);
  for (const element of [node, ...(node.querySelectorAll?.("*") || [])]) {
    const inner = element.shadowRoot || element.contentDocument;
    if (inner) {
      if (isAdded && inner.host && !known.has(inner)) fresh.add(inner);
      known.add(inner);
      explore(inner, isAdded);
    } else if (!isClosedTold && /-/.test(element.localName) && element.matches(":defined:empty")) {
      // It has no content; is it drawn?
      isClosedTold = element.offsetHeight > 0;
      if (isClosedTold) tell(element, "closed shadow root:");
    }
  }
}

/** @param {MutationRecord[]} records */
export function mutated(records) {
  const added = new Set(records.flatMap(({ addedNodes }) => [...addedNodes]));
  for (const node of added) if (!added.has(node.parentNode)) explore(node, true);
}

/** @param {() => void} onChange when a frame has arrived, or a script that makes shadow roots */
export function follow(onChange) {
  const loaded = ({ target }) => {
    if (target.localName === "img") return;
    explore(document);
    onChange();
  };
  addEventListener("load", loaded, true);
  addEventListener("DOMContentLoaded", loaded);
  explore(document);
}
