const told = new WeakSet();

/** Say once in the console what stays as it is. @param {Element} element */
export function tell(element, reason = "cannot be filled:") {
  if (!told.has(element)) console.warn("ctaopt:", reason, element);
  told.add(element);
}
