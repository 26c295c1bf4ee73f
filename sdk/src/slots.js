/** The CTAs of the page: which elements they are, what they show, who saw and clicked them. */

/**
 * The service's answer for one slot.
 * @typedef {{key: string, variant?: string, value?: any, metadata?: {experiment?: string}}} Flag
 *
 * One CTA of the page, the flag that it shows, and how to take that back.
 * @typedef {{element: HTMLElement, slot: string, flag?: Flag, destination?: string,
 *   undo: (() => void)[], reveal?: () => void}} Cta
 */

const CTA = "a,button";
const SIZES = { small: "0.875em", large: "1.25em" };

/** @type {Map<Element, Cta>} */
const ctas = new Map();
const observer = new IntersectionObserver((entries) => entries.forEach(look), { threshold: 0.5 });
/** @type {(flag: Flag, wasClicked?: boolean) => void} */
let onSeen;

/** @param {(flag: Flag, wasClicked?: boolean) => void} callback */
export function listen(callback) {
  onSeen = callback;
}

/**
 * Fill every slot once the answer is there; until then hide the CTAs, but not for longer than
 * the visitor may be kept waiting. An answer that comes later is not used.
 *
 * @param {Promise<Flag[]>} answer
 * @param {number} patienceMs
 */
export async function fill(answer, patienceMs) {
  let act = hide;
  const scan = () => {
    find().forEach((cta) => act(cta));
    // Before each paint, so that no CTA shows its default between parsing and filling.
    if (isLoading()) requestAnimationFrame(scan);
  };
  scan();
  const late = new Promise((resolve) => setTimeout(resolve, patienceMs));
  const flags = await Promise.race([answer.catch(complain), late]);
  act = (cta) => flags && show(cta, flags.find(({ key }) => key === cta.slot));
  ctas.forEach((cta) => cta.reveal?.());
  scan();
}

/** Put back what the page came with. */
export function reset() {
  ctas.forEach((cta) => show(cta));
}

/** Look again at what is visible: the page was in the background until now. */
export function lookAgain() {
  ctas.forEach(watch);
}

/** @returns {Cta[]} those whose element the parser has finished */
function find() {
  return [...document.querySelectorAll("[data-cta-slot]")]
    .filter((holder) => !isLoading() || isClosed(holder))
    .map((holder) => {
      const element = holder.matches(CTA) ? holder : holder.querySelector(CTA) || holder;
      return ctas.get(element) || adopt(element, holder.dataset.ctaSlot);
    });
}

const isLoading = () => document.readyState === "loading";

/** Something follows the element, so the parser will add nothing more to it. */
function isClosed(node) {
  return node && (node.nextSibling || isClosed(node.parentNode));
}

/** @param {HTMLElement} element @param {string} slot @returns {Cta} */
function adopt(element, slot) {
  const cta = { element, slot, undo: [] };
  ctas.set(element, cta);
  element.addEventListener("click", (event) => clicked(cta, event));
  // The middle button opens a link in a new tab.
  element.addEventListener("auxclick", (event) => event.button === 1 && clicked(cta, event));
  return cta;
}

/** @param {Cta} cta @param {MouseEvent} event */
function clicked({ element, flag, destination }, event) {
  if (!flag) return;
  onSeen(flag, true);
  // A button in a form belongs to the form, and the site's own handler goes first.
  if (destination && !event.defaultPrevented && !element.form) location.assign(destination);
}

/** @param {IntersectionObserverEntry} entry */
function look({ target, intersectionRatio }) {
  if (intersectionRatio < 0.5 || document.hidden) return;
  observer.unobserve(target);
  onSeen(ctas.get(target).flag);
}

/** @param {Cta} cta */
function watch({ element, flag }) {
  observer.unobserve(element);
  if (flag) observer.observe(element);
}

/** @param {Cta} cta */
function hide(cta) {
  const { style } = cta.element;
  const before = style.visibility;
  // Hiding takes the focus away; what is filled already has nothing to hide.
  if (cta.flag || cta.reveal || cta.element === document.activeElement) return;
  style.visibility = "hidden";
  cta.reveal = () => {
    style.visibility = before;
    cta.reveal = undefined;
  };
}

/** @param {Cta} cta @param {Flag} [flag] */
function show(cta, flag) {
  if (JSON.stringify(flag) !== JSON.stringify(cta.flag)) {
    cta.undo.forEach((step) => step());
    Object.assign(cta, { flag: undefined, destination: "", undo: [] });
    if (flag?.value?.text) dress(cta, flag);
  }
  watch(cta);
}

/** @param {Cta} cta @param {Flag} flag */
function dress(cta, flag) {
  const { element, undo } = cta;
  const { text, href, form, style } = flag.value;
  const { background_color, text_color, size, icon } = style || {};
  const attribute = (name, value) => {
    const before = element.getAttribute(name);
    if (!value) return;
    element.setAttribute(name, value);
    undo.push(() =>
      before === null ? element.removeAttribute(name) : element.setAttribute(name, before),
    );
  };
  // One property at a time (CSSOM), which a strict content security policy allows.
  const look = (name, value) => {
    const before = element.style[name];
    if (!value) return;
    element.style[name] = value;
    undo.push(() => (element.style[name] = before));
  };
  cta.flag = flag;
  write(element.querySelector("[data-cta-text]") || element, text, icon, undo);
  // A screen reader says the label, so it must not go on saying the old text.
  attribute("aria-label", element.hasAttribute("aria-label") && text);
  if (href && isSafe(href)) {
    if (element.matches("a")) attribute("href", href);
    if (element.matches("button")) cta.destination = href;
  }
  look("backgroundColor", background_color);
  look("color", text_color);
  look("fontSize", SIZES[size]);
  // For the site's own style sheet.
  attribute("data-cta-form", form);
  attribute("data-cta-size", size);
  attribute("data-cta-variant", flag.variant);
}

function write(label, text, icon, undo) {
  const before = [...label.childNodes];
  undo.push(() => label.replaceChildren(...before));
  label.textContent = text;
  if (!icon) return;
  const span = document.createElement("span");
  span.setAttribute("aria-hidden", "true");
  span.textContent = icon + " ";
  label.prepend(span);
}

/** @param {string} href @returns {boolean} neither a script nor nonsense */
function isSafe(href) {
  const link = document.createElement("a");
  link.href = href;
  return /^(https?|mailto|tel):$/.test(link.protocol);
}

function complain(error) {
  console.warn("ctaopt: " + error.message);
}
