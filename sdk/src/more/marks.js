/**
 * What comes with marks: CTAs that the site's server has filled, and copies that the page makes of
 * what the snippet has filled. Also inputs, which send their wording with a form.
 */

import { clicked, watch } from "./counting.js";
import { kit } from "./kit.js";
import { linkFrom, takeDecoration } from "./wording.js";

const MEMORY = "data-cta-was";
const SCRIPT = /^(javascript|data|vbscript):/;
const MOST_REWRITES = 9; // a page that sets its own text more often wants it there

/** Put a copy of a changed element right. @returns {boolean} it was one */
function restoreCopy(element) {
  const written = element.getAttribute(MEMORY);
  element.removeAttribute(MEMORY);
  try {
    kit.undress({ element, memory: JSON.parse(written) });
  } catch {
    // Not ours.
  }
  const href = element.getAttribute("href");
  if (written && SCRIPT.test(linkFrom(element, href).protocol)) element.removeAttribute("href");
  return Boolean(written);
}

/** Those that have been taken up. */
const known = new WeakSet();

/** Take up what is there now. @param {import("../slots.js").Cta} cta */
export function attend(cta) {
  if (known.has(cta)) return;
  known.add(cta);
  const { element } = cta;
  // The first file fills whatever has one text, be it drawn or not.
  if (!kit.canFill(element)) kit.bare(cta);
  if (!cta.flag) readMarks(cta);
  watch(cta);
  // Before any handler of the page, which may change the text.
  element.addEventListener("click", clicked, true);
  element.addEventListener("auxclick", clicked, true);
  // With its form an input sends its wording, by which the server may tell what is wanted.
  element.form?.addEventListener("formdata", ({ formData }) => {
    if (cta.flag && formData.get(element.name) === cta.memory?.wording[1])
      formData.set(element.name, cta.memory.wording[0]);
  });
}

/** @param {import("../slots.js").Cta} cta */
function readMarks(cta) {
  const { element, holder, slot } = cta;
  kit.bare(cta);
  cta.isMarked = false;
  const isCopy = restoreCopy(element);
  const { ctaVariant: variant, ctaPhase, ...others } = holder.dataset;
  if (!variant || isCopy) return;
  // Without the attribute it is NaN, which JSON writes as null: the server did not tell.
  const phase = parseInt(ctaPhase);
  const metadata = { experiment: others.ctaExperiment, phase, receipt: others.ctaReceipt };
  cta.flag = { key: slot, variant, metadata };
  cta.text = kit.wordingOf(element);
}

/** @param {import("../slots.js").Cta} cta that the page has changed @returns {boolean} */
export function mayRefill(cta) {
  const { element, memory } = cta;
  // "Sending...", "In the basket": the page answers a click, until its own text is back.
  const isFeedback = cta.wasClicked && !memory.wording.includes(kit.wordingOf(element));
  takeDecoration(cta);
  if (isFeedback || kit.isIntact(cta) || !kit.canFill(element)) return false;
  cta.nRewrites = (cta.nRewrites || 0) + 1;
  cta.isLost ||= cta.nRewrites >= MOST_REWRITES;
  if (cta.nRewrites === MOST_REWRITES) kit.tell(element);
  return true;
}
