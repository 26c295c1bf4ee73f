/** Types of ctaopt's browser snippet (`cta.js`); what each does: docs/embedding.md. */

/**
 * - `granted`: the visitor keeps an id in the browser and is counted.
 * - `delayed`: CTAs are chosen and filled, nothing is stored, and what is counted is held back in
 *   the page until consent is `granted`.
 * - `cookieless`: counted without anything being stored; each page view is a visitor of its own.
 * - `necessary`: the CTA that everybody gets, outside all experiments; nothing stored or counted.
 * - `off`: nothing is asked, stored or counted; the page keeps its own content.
 */
export type CtaOptConsent = "granted" | "delayed" | "cookieless" | "necessary" | "off";

export interface CtaOpt {
  /**
   * Ask again and fill the slots. Rarely needed: new slots and pages of a single-page application
   * are noticed. For a change that leaves the page as it is, such as a log-in.
   */
  refresh(): Promise<void>;

  /**
   * Count a conversion; `value` is in units of `currency` (ISO 4217). Both may be as they stand on
   * the page: `"1 299,00"`, `"eur"`. What the service refuses is named in the console.
   */
  convert(goal: string, options?: { value?: number | string; currency?: string }): void;

  /**
   * Change the mode of consent; `true` is `granted`, `false` is `off`. Every mode but `granted`
   * forgets what was stored. The promise, where there is one, is kept when the slots are filled.
   */
  consent(mode: CtaOptConsent | boolean): Promise<void> | void;

  /** The visitor's id, or null while nobody may be told apart. */
  visitor(): string | null;

  /** Call a function by name: `ctaopt.push(["consent", true])`, as `CtaOptQueue` does. */
  push(call: CtaOptCall): unknown;
}

export type CtaOptCall =
  | ["refresh"]
  | ["convert", string, { value?: number | string; currency?: string }?]
  | ["consent", CtaOptConsent | boolean];

/** What `window.ctaopt` is before the snippet has loaded; it makes up for the calls in it. */
export type CtaOptQueue = CtaOptCall[];

declare global {
  interface Window {
    ctaopt?: CtaOpt | CtaOptQueue;
  }
}
