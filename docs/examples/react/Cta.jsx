import { memo } from "react";

/**
 * A slot of ctaopt: React renders the page's own CTA once and leaves the element alone from then
 * on, for the snippet has filled it. Give it a `key` if its `href` or text must change.
 */
export const Cta = memo(
  ({ slot, children, ...attributes }) => (
    <a data-cta-slot={slot} {...attributes}>
      {children}
    </a>
  ),
  () => true,
);

/** Count a conversion, whether the snippet has loaded or not. */
export const convert = (goal, options) => (window.ctaopt ||= []).push(["convert", goal, options]);
