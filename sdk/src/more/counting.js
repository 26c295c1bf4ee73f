/** Who saw and clicked a CTA. */

import { isDisplayed } from "../visibility.js";
import { tell } from "./console.js";
import { kit } from "./kit.js";
import { add, flush } from "./outbox.js";
import { boxOf, isBoxless, isOnScreen, placeOf } from "./visibility.js";
import { takeDecoration } from "./wording.js";

const VISIBLE_SHARE = 0.5; // of the element's area, as in advertising
const LOOK_MS = 500; // half of what counts as a view in advertising
const MIDDLE_BUTTON = 1;

/** @type {IntersectionObserver} */
let observer;
/** What was reported as exposed on this page. */
const exposed = new Set();

/** Begin. */
export function observe() {
  // Here and not above: a server may import this module, which has no browser.
  observer = new IntersectionObserver((entries) => entries.forEach(look), {
    threshold: [0, VISIBLE_SHARE],
  });
}

/** @param {import("../slots.js").Cta} cta @returns {boolean} it shows what is counted for it */
function isIntact(cta) {
  takeDecoration(cta);
  return cta.memory ? kit.isIntact(cta) : kit.wordingOf(cta.element) === cta.text;
}

/** @param {IntersectionObserverEntry} entry */
function look({ target, intersectionRatio, isIntersecting }) {
  const cta = kit.ctas.get(target);
  const { flag, memory } = cta;
  // What has no box of its own is never seen to come into the window.
  const isAlone = isBoxless(target);
  if (!(isIntersecting || isAlone) || document.hidden || (memory && !flag)) return;
  const isShown = isDisplayed(boxOf(target));
  if (isShown && !isAlone) cta.seenIn = kit.act;
  if (!flag || !(isAlone || intersectionRatio >= VISIBLE_SHARE)) return;
  // In the window, and yet hidden or covered by the page, as by a closed pop-up: it may open.
  if (!isOnScreen(target)) setTimeout(watch, LOOK_MS, cta);
  else if (isIntact(cta)) report(flag);
  if (isShown && !placeOf(target).width) tell(target, "its text is not drawn:");
}

/** @param {import("../slots.js").Cta} cta */
export function watch({ element }) {
  observer.unobserve(element);
  observer.observe(element);
}

/** @param {MouseEvent} event */
export function clicked(event) {
  const { currentTarget, button, ctrlKey, metaKey, shiftKey } = event;
  const cta = kit.ctas.get(currentTarget);
  // The middle button opens a link in a new tab, the right one a menu.
  if (!cta.flag || button > MIDDLE_BUTTON || !isIntact(cta)) return;
  cta.wasClicked = true;
  report(cta.flag, currentTarget);
  const { destination } = cta;
  const target = button || ctrlKey || metaKey || shiftKey ? "_blank" : "_self";
  // A button in a form belongs to the form, and the site's own handlers go first, wherever they
  // listen. Then it opens as a link does.
  if (destination && currentTarget.matches("button,input") && !currentTarget.form)
    setTimeout(() => {
      const { defaultView } = currentTarget.ownerDocument;
      if (!event.defaultPrevented)
        defaultView.open(destination, target, "noopener" + (shiftKey ? ",popup" : ""));
    });
}

/**
 * @param {import("../slots.js").Flag} flag
 * @param {any} [clickedOn] the element, if it was clicked
 * @param {boolean} [late] the visitor saw the page's own text before there was an answer
 */
export function report({ key: slot, variant, metadata }, clickedOn, late) {
  const experiment = metadata?.experiment;
  const visitor = kit.currentVisitor;
  if (!experiment || !visitor) return; // a preview names no experiment
  // The shares of the first answer gave the arm, whatever they are by now.
  const { phase, receipt } = metadata;
  const event = { slot, visitor, variant, experiment, phase, receipt };
  const mark = JSON.stringify([event, late]);
  if (!exposed.has(mark)) {
    // Who clicks has seen it, be it by the keyboard or before the observer looked; but Enter in a
    // form, and a script of the page, click on what is not on the screen, too.
    if (clickedOn && !isOnScreen(clickedOn)) return;
    add({ type: "exposure", ...event, late, attributes: kit.traits() });
    exposed.add(mark);
  }
  if (!clickedOn) return;
  add({ type: "click", ...event });
  flush(true);
}
