/** What of the page can be reached: the document, open shadow roots, frames of the same origin. */

import { tell } from "./console.js";

/** @type {Set<Document | ShadowRoot>} */
const known = new Set();
/** Roots that came with a change of the page: nobody has seen what is in them. */
const fresh = new WeakSet();
/** Names of elements that a script has yet to define. @type {Set<string>} */
const awaited = new Set();
let isClosedTold = false;
let onChange = () => {};

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
    } else if (/-/.test(element.localName)) {
      if (element.matches(":not(:defined)")) awaitName(element.localName);
      // It has no content; is it drawn?
      else if (!isClosedTold && element.matches(":empty") && element.offsetHeight > 0) {
        isClosedTold = true;
        tell(element, "closed shadow root:");
      }
    }
  }
}

/** An element may get its root when its script has come, which changes nothing around it. */
function awaitName(name) {
  if (awaited.has(name)) return;
  awaited.add(name);
  const lookAt = () => {
    for (const root of roots())
      for (const element of root.querySelectorAll(name)) explore(element, true);
    onChange();
  };
  // It fails for what cannot be the name of an element of the page's own.
  customElements.whenDefined(name).then(lookAt, () => {});
}

/** @param {MutationRecord[]} records */
export function mutated(records) {
  const added = new Set(records.flatMap(({ addedNodes }) => [...addedNodes]));
  for (const node of added) if (!added.has(node.parentNode)) explore(node, true);
}

/** A frame has arrived, or a script that makes shadow roots. */
function loaded({ target }) {
  if (target.localName === "img") return;
  explore(document);
  onChange();
}

export function hearLoads() {
  addEventListener("load", loaded, true);
  addEventListener("DOMContentLoaded", loaded);
}

const FIRST_LOOK_MS = 1000;

/** @param {() => void} scan when there may be more roots */
export function follow(scan) {
  onChange = scan;
  explore(document);
  // A root that a script makes later in an element that was there: looked for ever more rarely.
  const again = (ms) =>
    setTimeout(() => {
      explore(document);
      onChange();
      again(ms * 2);
    }, ms);
  again(FIRST_LOOK_MS);
}
