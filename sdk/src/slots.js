/** The CTAs of the page: which elements they are, what they show, who saw and clicked them. */

/**
 * The service's answer for one slot.
 * @typedef {{key: string, variant?: string, value?: any,
 *   metadata?: {experiment?: string}}} Flag
 *
 * One CTA of the page, the flag that it shows, and how to take that back. One that the site's
 * server has filled is only watched.
 * @typedef {{element: HTMLElement, slot: string, isRendered?: string, flag?: Flag,
 *   destination?: string, undo: (() => void)[]}} Cta
 */

const CTA = "a,button";
// Where a visitor may be sent: never to a script.
const SAFE = /^(https?:\/\/|mailto:|tel:|sms:|[/#?])/;
const LOOK_MS = 500; // half of what counts as a view in advertising
const SIZES = { small: "0.875em", large: "1.25em" };

/** @type {WeakMap<Element, Cta>} */
const ctas = new WeakMap();
/** Styles of what is hidden. @type {CSSStyleDeclaration[]} */
let hidden = [];
const observer = new IntersectionObserver((entries) => entries.forEach(look), { threshold: 0.5 });
/** @type {(flag: Flag, wasClicked?: boolean) => void} */
let onSeen;

/** @param {(flag: Flag, wasClicked?: boolean) => void} callback */
export function listen(callback) {
  onSeen = callback;
}

/** @returns {Cta[]} those whose element the parser has finished */
export function find() {
  return [...document.querySelectorAll("[data-cta-slot]")]
    // What holds the last element of a page that is still arriving may not be whole. Of the three
    // states of a page, "loading" alone has no eighth letter.
    .filter((it) => document.readyState[7] || !it.contains([...document.all].pop()))
    .map((holder) => {
      const element = holder.matches(CTA) ? holder : holder.querySelector(CTA) || holder;
      return ctas.get(element) || adopt(element, holder.dataset);
    });
}

/** @param {HTMLElement} element @param {DOMStringMap} data @returns {Cta} */
function adopt(element, { ctaSlot: slot, ctaVariant: variant, ctaExperiment: experiment }) {
  const cta = {
    element,
    slot,
    isRendered: variant,
    flag: variant && { key: slot, variant, metadata: { experiment } },
    undo: [],
  };
  ctas.set(element, cta);
  watch(cta);
  const clicked = (event) => {
    // The middle button opens a link in a new tab, the right one a menu.
    if (!cta.flag || event.button > 1) return;
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
  if (intersectionRatio < 0.5 || document.hidden) return;
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
  hidden.splice(0).forEach((style) => (style.visibility = ""));
}

/** @param {Cta} cta @param {Flag} [flag] */
export function show(cta, flag) {
  if (!cta.isRendered && flag !== cta.flag) {
    cta.undo.splice(0).forEach((step) => step());
    cta.flag = undefined;
    cta.destination = "";
    if (flag?.value?.text) dress(cta, flag);
    watch(cta);
  }
}

/** @param {Cta} cta @param {Flag} flag */
function dress(cta, flag) {
  const { element, undo } = cta;
  const { text, href, form, locale, dir, style } = flag.value;
  const { background_color, text_color, size, icon } = style || {};
  const put = (values, get, set) => {
    for (const name in values) {
      const before = get(name);
      if (!values[name]) continue;
      set(name, values[name]);
      undo.push(() => set(name, before));
    }
  };
  const label = element.querySelector("[data-cta-text]") || element;
  const before = [...label.childNodes];
  undo.push(() => label.replaceChildren(...before));
  label.textContent = text;
  if (icon) {
    const span = document.createElement("span");
    span.ariaHidden = "true";
    span.textContent = icon + " ";
    label.prepend(span);
  }
  const isSafe = SAFE.test(href);
  if (isSafe && element.matches("button")) cta.destination = href;
  put(
    {
      lang: locale,
      dir,
      href: isSafe && element.matches("a") && href,
      // A screen reader says the label, so it must not go on saying the old text.
      "aria-label": element.hasAttribute("aria-label") && text,
      // For the site's own style sheet.
      "data-cta-form": form,
      "data-cta-size": size,
      "data-cta-variant": flag.variant,
    },
    (name) => element.getAttribute(name),
    (name, value) =>
      value === null ? element.removeAttribute(name) : element.setAttribute(name, value),
  );
  // One property at a time (CSSOM), which a strict content security policy allows.
  put(
    { backgroundColor: background_color, color: text_color, fontSize: SIZES[size] },
    (name) => element.style[name],
    (name, value) => (element.style[name] = value),
  );
  cta.flag = flag;
}
