/** The CTAs of the page: which elements they are, what they show, who saw and clicked them. */

/**
 * The service's answer for one slot.
 * @typedef {{key: string, variant?: string, value?: any,
 *   metadata?: {experiment?: string, phase?: number, receipt?: string}}} Flag
 *
 * One CTA of the page, the flag that it shows, and how to take that back. One that the site's
 * server has filled is only watched.
 * @typedef {{element: HTMLElement, slot: string, isRendered: boolean, flag?: Flag,
 *   destination?: string, undo: (() => void)[]}} Cta
 */

const CTA = "a,button";
// Where a visitor may be sent: never to a script.
const SAFE = /^(https?:\/\/|mailto:|tel:|sms:|[/#?])/;
const VISIBLE_SHARE = 0.5; // of the element's area, as in advertising
const LOOK_MS = 500; // half of what counts as a view in advertising
const MIDDLE_BUTTON = 1;
const SIZES = { small: "0.875em", large: "1.25em" };

/** @type {WeakMap<Element, Cta>} */
const ctas = new WeakMap();
/** Styles of what is hidden. @type {CSSStyleDeclaration[]} */
let hidden = [];
const observer = new IntersectionObserver((entries) => entries.forEach(look), {
  threshold: VISIBLE_SHARE,
});
/** @type {(flag: Flag, wasClicked?: boolean) => void} */
let onSeen;

/** @param {(flag: Flag, wasClicked?: boolean) => void} callback */
export function listen(callback) {
  onSeen = callback;
}

/** @returns {Cta[]} those whose element the parser has finished */
export function find() {
  const holders = [...document.querySelectorAll("[data-cta-slot]")];
  return holders.filter(isWhole).map((holder) => {
    const element = holder.matches(CTA) ? holder : holder.querySelector(CTA) || holder;
    return ctas.get(element) || adopt(element, holder.dataset);
  });
}

/** @param {Element} holder */
function isWhole(holder) {
  if (document.readyState !== "loading") return true;
  // What holds the last element of a page that is still arriving may have more to come.
  const lastElement = [...document.querySelectorAll("*")].at(-1);
  return !holder.contains(lastElement);
}

/** @param {HTMLElement} element @param {DOMStringMap} data @returns {Cta} */
function adopt(element, data) {
  const { ctaSlot: slot, ctaVariant: variant, ctaExperiment: experiment, ctaReceipt: receipt } = data;
  // Without the attribute it is NaN, which JSON writes as null: the server did not tell.
  const phase = parseInt(data.ctaPhase);
  const cta = {
    element,
    slot,
    isRendered: Boolean(variant),
    flag: variant ? { key: slot, variant, metadata: { experiment, phase, receipt } } : undefined,
    undo: [],
  };
  ctas.set(element, cta);
  watch(cta);
  const clicked = (event) => {
    // The middle button opens a link in a new tab, the right one a menu.
    if (!cta.flag || event.button > MIDDLE_BUTTON) return;
    onSeen(cta.flag, true);
    // A button in a form belongs to the form, and the site's own handler goes first.
    if (cta.destination && !event.defaultPrevented && !element.form)
      location.assign(cta.destination);
  };
  element.addEventListener("click", clicked);
  element.addEventListener("auxclick", clicked);
  return cta;
}

/** @param {IntersectionObserverEntry} entry */
function look({ target, intersectionRatio }) {
  if (intersectionRatio < VISIBLE_SHARE || document.hidden) return;
  const cta = ctas.get(target);
  // In the window, and yet hidden by the page, as a closed pop-up is: it may open.
  if (target.checkVisibility?.({ opacityProperty: true, visibilityProperty: true }) === false)
    return setTimeout(watch, LOOK_MS, cta);
  onSeen(cta.flag);
}

/** @param {Cta} cta */
function watch({ element, flag }) {
  observer.unobserve(element);
  if (flag) observer.observe(element);
}

/** The page was in the background until now, or is another one. */
export function lookAgain() {
  find().forEach(watch);
}

/** @param {Cta} cta */
export function hide({ element, flag }) {
  const { style } = element;
  // Hiding takes the focus away; what is filled already has nothing to hide.
  if (flag || style.visibility || element === document.activeElement) return;
  style.visibility = "hidden";
  hidden.push(style);
}

export function reveal() {
  for (const style of hidden) style.visibility = "";
  hidden = [];
}

/** @param {Cta} cta @param {Flag} [flag] */
export function show(cta, flag) {
  if (cta.isRendered || flag === cta.flag) return;
  for (const step of cta.undo.splice(0)) step();
  cta.flag = undefined;
  cta.destination = "";
  if (flag?.value?.text) dress(cta, flag);
  watch(cta);
}

/** @param {Cta} cta @param {Flag} flag */
function dress(cta, flag) {
  const { element, undo } = cta;
  const { text, href, form, locale, dir, style } = flag.value;
  const { background_color, text_color, size, icon } = style || {};
  undo.push(setLabel(element, text, icon));
  const destination = SAFE.test(href) ? href : undefined;
  if (destination && element.matches("button")) cta.destination = destination;
  setAttributes(undo, element, {
    lang: locale,
    dir,
    href: element.matches("a") ? destination : undefined,
    // A screen reader says the label, so it must not go on saying the old text.
    "aria-label": element.hasAttribute("aria-label") ? text : undefined,
    // For the site's own style sheet.
    "data-cta-form": form,
    "data-cta-size": size,
    "data-cta-variant": flag.variant,
  });
  setStyles(undo, element.style, {
    backgroundColor: background_color,
    color: text_color,
    fontSize: SIZES[size],
  });
  cta.flag = flag;
}

/** @param {Element} element @returns {() => void} how to take it back */
function setLabel(element, text, icon) {
  const label = element.querySelector("[data-cta-text]") || element;
  const before = [...label.childNodes];
  label.textContent = text;
  if (icon) {
    const span = document.createElement("span");
    span.ariaHidden = "true";
    span.textContent = icon + " ";
    label.prepend(span);
  }
  return () => label.replaceChildren(...before);
}

/** Set the attributes that have a value. */
function setAttributes(undo, element, values) {
  for (const [name, value] of Object.entries(values)) {
    if (!value) continue;
    const before = element.getAttribute(name);
    undo.push(() => {
      if (before === null) element.removeAttribute(name);
      else element.setAttribute(name, before);
    });
    element.setAttribute(name, value);
  }
}

/** Set one property at a time (CSSOM), which a strict content security policy allows. */
function setStyles(undo, style, values) {
  for (const [name, value] of Object.entries(values)) {
    if (!value) continue;
    const before = style[name];
    undo.push(() => {
      style[name] = before;
    });
    style[name] = value;
  }
}
