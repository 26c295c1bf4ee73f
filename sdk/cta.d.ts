/** Types of ctaopt's browser snippet (`cta.js`). */

export interface CtaOpt {
  /**
   * Fill the slots again: after a single-page application has changed the page, or has put new
   * slots into it. Exposures count anew if the address changed.
   */
  refresh(): Promise<void>;

  /** Count a conversion; `value` is in units of `currency` (ISO 4217). */
  convert(goal: string, options?: { value?: number; currency?: string }): void;

  /**
   * Give or take back the visitor's consent. Taking it back forgets the visitor, drops what is
   * not yet sent, and puts the page's own content back.
   */
  consent(given: boolean): Promise<void> | void;

  /** The visitor's id, or null while nothing may be stored or sent. */
  visitor(): string | null;

  /** Call a function by name: `ctaopt.push(["consent", true])`, as `CtaOptQueue` does. */
  push(call: CtaOptCall): unknown;
}

export type CtaOptCall =
  | ["refresh"]
  | ["convert", string, { value?: number; currency?: string }?]
  | ["consent", boolean];

/** What `window.ctaopt` is before the snippet has loaded; it makes up for the calls in it. */
export type CtaOptQueue = CtaOptCall[];

declare global {
  interface Window {
    ctaopt?: CtaOpt | CtaOptQueue;
  }
}
