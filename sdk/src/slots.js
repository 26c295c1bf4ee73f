/** The CTAs of the page: which elements they are, and what they show. */

import { dress, isIntact, undress } from "./filling.js";
import { kit } from "./kit.js";
import { isInView } from "./visibility.js";

/**
 * The service's answer for one slot.
 * @typedef {{key: string, variant?: string, value?: any,
 *   metadata?: {experiment?: string, phase?: number, receipt?: string}}} Flag
 *
 * One CTA of the page: the flag that it shows, and what was changed for that; while it is hidden
 * it has only the latter. One that the site's server has filled is only watched; one that is held,
 * because the parser has not finished it or the second file has to come, is at most hidden.
 * `isMarked`: it came with marks of a filled CTA, by the site's server or as a copy.
 * @typedef {{element: HTMLElement, holder: HTMLElement, slot: string, isHeld?: boolean,
 *   isMarked: boolean, isLost?: boolean, seenIn?: number,
 *   wasClicked?: boolean, nRewrites?: number,
 *   text?: string, flag?: Flag, memory?: import("./filling.js").Memory, destination?: string}} Cta
 */

// Where a visitor may be sent: never to a script.
const SAFE = /^(https?:\/\/|mailto:|tel:|sms:|[/#?])/;
const GLANCE_MS = 150; // what was on the screen for less nobody has read
const MARKED = "[data-cta-variant],[data-cta-was]";
const SIZES = { small: "0.875em", large: "1.25em" };

/** @type {WeakMap<Element, Cta>} */
export const ctas = new WeakMap();
/** Those that are hidden or filled. @type {Set<Cta>} */
export const changed = new Set();
const observed = new WeakSet();
/** Those of the latest look. What came since has not been drawn yet. @type {Cta[]} */
let present = [];
/** @type {MutationObserver} */
let mutations;

/** @param {() => void} onChange for any change of the page that may concern a CTA */
export function listen(onChange) {
  // Here and not above: a server may import this module, which has no browser.
  mutations = new MutationObserver((records) => {
    kit.mutated?.(records);
    onChange();
  });
  addEventListener("DOMContentLoaded", onChange);
}

/** @returns {number} milliseconds since the first paint of a page; NaN before */
export const paintAge = ({ defaultView: { performance } }) =>
  performance.now() - performance.getEntriesByType("paint")[0]?.startTime;

/** @returns {Cta[]} those of the page at present; what is gone gets its own content back */
export function find() {
  /** @type {Set<Cta>} */
  const found = new Set();
  for (const root of kit.roots()) {
    const page = root.ownerDocument || root;
    const isNew = !observed.has(root);
    observed.add(root);
    if (isNew)
      mutations.observe(root, {
        subtree: true,
        childList: true,
        characterData: true,
        attributeFilter: ["data-cta-slot", "href", "lang", "value"],
      });
    const wasRead = isNew && !kit.isFresh?.(root) && paintAge(page) > GLANCE_MS;
    // What holds the last element of a page that is still arriving may have more to come.
    const last = page.readyState === "loading" && [...page.querySelectorAll("*")].at(-1);
    for (const holder of root.querySelectorAll("[data-cta-slot]")) {
      const isPartial = last && holder.contains(last);
      const element = isPartial ? holder : kit.controlOf(holder);
      const cta = ctas.get(element) || adopt(element, holder);
      if (wasRead) see(cta);
      cta.isHeld = isPartial || !kit.isKnown(cta);
      if (!cta.isHeld) kit.attend?.(cta);
      // The page uses the element for another slot now.
      const { ctaSlot } = holder.dataset;
      if (cta.slot !== ctaSlot) {
        bare(cta);
        cta.seenIn = undefined;
      }
      cta.slot = ctaSlot;
      found.add(cta);
    }
  }
  for (const cta of changed) if (!found.has(cta)) bare(cta);
  return (present = [...found]);
}

/** @param {HTMLElement} element @param {HTMLElement} holder @returns {Cta} */
function adopt(element, holder) {
  const isMarked = element.matches(MARKED);
  // What was seen of the slot before the control in it was known.
  const { seenIn } = ctas.get(holder) || {};
  const cta = { element, holder, isMarked, seenIn, slot: holder.dataset.ctaSlot };
  ctas.set(element, cta);
  kit.watch?.(cta);
  return cta;
}

/** @param {Cta} cta @returns {any} the site's server has filled it, as far as is known */
export const isRendered = ({ flag, memory, isHeld, isMarked }) =>
  !memory && (flag || (isHeld && isMarked));

/** A text that is in the window has been seen. @param {Cta} cta */
function see(cta) {
  if (isInView(cta.element)) cta.seenIn = kit.act;
}

/** What shows its text at present is seen. */
export function lookAround() {
  const drawn = present;
  if (paintAge(document) > GLANCE_MS)
    for (const cta of find())
      if (drawn.includes(cta) && (cta.flag || !(cta.memory || cta.isMarked))) see(cta);
}

/** Hide a CTA for which an answer is awaited. @param {Cta} cta */
export function hide(cta) {
  const { element, memory, flag, seenIn, isMarked } = cta;
  // What is filled already or seen has nothing to hide.
  if (memory || flag || isMarked || seenIn === kit.act) return;
  // Hiding takes the focus away.
  if (element.matches(":focus")) return see(cta);
  if (!cta.isHeld && !kit.canFill(element)) return;
  cta.memory = dress(element, { visibility: "hidden" });
  changed.add(cta);
}

/** Show what is hidden as the page has it. */
export function reveal() {
  for (const cta of changed) {
    if (cta.flag) continue;
    bare(cta);
    see(cta);
  }
}

/** Give everything back to the page. */
export const clear = () => changed.forEach(bare);

/** Give the element back to the page. @param {Cta} cta */
export function bare(cta) {
  if (!changed.delete(cta)) return;
  undress(cta);
  cta.memory = cta.flag = cta.seenIn = undefined;
  kit.watch?.(cta);
}

/**
 * Fill the CTAs, or take the filling back. No text that was seen is replaced.
 *
 * @param {Cta[]} found @param {Flag[]} flags @param {boolean} isPatient what is not all there yet
 *   may be hidden
 * @returns {Flag[]} those that came too late: a CTA of the slot was seen without
 */
export function show(found, flags, isPatient) {
  const isMissed = ({ element, seenIn, flag, nRewrites, isHeld }) =>
    seenIn === kit.act && !flag && !nRewrites && !isHeld && kit.canFill(element);
  const missed = new Set(found.filter(isMissed).map(({ slot }) => slot));
  for (const cta of found) {
    const { slot } = cta;
    const flag = flags.find(({ key, value }) => key === slot && value?.text);
    if (cta.isHeld) isPatient && hide(cta);
    else if (!cta.flag && missed.has(slot)) bare(cta);
    else if (!isRendered(cta)) update(cta, flag);
  }
  return flags.filter(({ key, value }) => missed.has(key) && value?.text);
}

/** @param {Cta} cta @param {Flag} [flag] */
function update(cta, flag) {
  if (cta.flag && !isIntact(cta)) {
    if (!kit.mayRefill?.(cta)) return;
  } else if (cta.flag) {
    const isSame = contentOf(flag) === contentOf(cta.flag);
    if (isSame) cta.flag = flag;
    if (isSame || cta.seenIn === kit.act) return;
  }
  bare(cta);
  if (flag && !cta.isLost) fill(cta, flag);
}

/** @param {Flag} [flag] */
const contentOf = (flag) => JSON.stringify([flag?.variant, flag?.value]);

/** @param {Cta} cta @param {Flag} flag */
function fill(cta, flag) {
  const { element, holder } = cta;
  if (!kit.canFill(element)) return kit.tell?.(element);
  const { text, href, form, locale, dir, style } = flag.value;
  const { background_color, text_color, size, icon } = style || {};
  const own = element.getAttribute("href");
  const destination = kit.destinationOf(holder, SAFE.test(href) ? href : own);
  cta.destination = destination;
  cta.memory = dress(
    element,
    {
      wording: text,
      lang: locale,
      dir,
      href: element.matches("a") && destination !== own && destination,
      // A screen reader says the label, so it must not go on saying the old text.
      "aria-label": element.ariaLabel && text,
      // For the site's own style sheet.
      "data-cta-form": form,
      "data-cta-size": size,
      "data-cta-variant": flag.variant,
      backgroundColor: background_color,
      color: text_color,
      fontSize: SIZES[size],
    },
    icon,
  );
  cta.flag = flag;
  see(cta);
  changed.add(cta);
  kit.watch?.(cta);
}
