/** Types of ctaopt's browser snippet (`cta.js`) and of the package `ctaopt`: docs/embedding.md. */

/**
 * - `granted`: the visitor keeps an id in the browser and is counted.
 * - `delayed`: CTAs are chosen and filled, nothing is stored, and what is counted is held back in
 *   the page until consent is `granted`.
 * - `cookieless`: counted without anything being stored; each page view is a visitor of its own.
 * - `necessary`: the CTA that everybody gets, outside all experiments; nothing stored or counted.
 * - `off`: nothing is asked, stored or counted; the page keeps its own content.
 */
export type CtaOptConsent = "granted" | "delayed" | "cookieless" | "necessary" | "off";

/** Options of the package's `start`; of a script they are its `data-` attributes. */
export interface CtaOptOptions {
  /** Address of the service, such as `https://cta.example.org`. */
  service: string;
  /** The site's client key. */
  key: string;
  /** Your own id of the visitor; the snippet then makes none. */
  visitor?: string;
  /** Mode of consent to begin with; `granted` if left out. */
  consent?: CtaOptConsent;
  /** `ignore`: work in spite of Global Privacy Control and Do Not Track. */
  signals?: "ignore";
  /** Milliseconds after the first paint in which a CTA may be hidden; 300 if left out. */
  patience?: number | string;
  /** Parent domain whose subdomains share the visitor, by a cookie: `example.org`. */
  domain?: string;
  /** Array of a tag manager that hears what is counted: `dataLayer`, `_mtm`. */
  layer?: string;
}

interface CtaOptEventBase {
  /** Id of the event, by which the service counts it once. */
  id: string;
  /** Time in the browser, as ISO 8601. */
  at: string;
}

/** A CTA was seen or clicked, and counted. */
export interface CtaOptView extends CtaOptEventBase {
  type: "exposure" | "click";
  slot: string;
  experiment: string;
  variant: string;
  phase: number | null;
  /** Of an exposure: what may split a report. */
  attributes?: { device: string; locale: string; new_visitor?: boolean };
}

/** A conversion was reported. */
export interface CtaOptConversion extends CtaOptEventBase, CtaOptSale {
  type: "conversion";
  goal: string;
}

export interface CtaOptSale {
  /** In units of `currency`; a text may be as it stands on the page: `"1 299,00"`, `"49,90 €"`. */
  value?: number | string;
  /** ISO 4217: `"EUR"` or `"eur"`; if it is absent, that of the sign or code in `value`. */
  currency?: string;
  /**
   * Number of the order: all conversions to the goal with it are one, however often the page is
   * opened or your server sends it.
   */
  order?: string | number;
}

export interface CtaOpt {
  /**
   * Ask again and fill the slots. Rarely needed: new slots and pages of a single-page application
   * are noticed. For a change that leaves the page as it is, such as a log-in.
   */
  refresh(): Promise<void>;

  /** Count a conversion. What the service refuses is named in the console. */
  convert(goal: string, sale?: CtaOptSale): void;

  /**
   * Change the mode of consent; `true` is `granted`, `false` is `off`. Every mode but `granted`
   * forgets what was stored. The promise, where there is one, is kept when the slots are filled.
   */
  consent(mode: CtaOptConsent | boolean): Promise<void> | void;

  /** The visitor's id, or null while nobody may be told apart. */
  visitor(): string | null;

  /** Hear of each exposure that is counted, those before this call included. */
  onShown(callback: (shown: CtaOptView) => void): void;

  /** Hear of each click that is counted, those before this call included. */
  onClicked(callback: (clicked: CtaOptView) => void): void;

  /** Hear of each conversion that is reported, those before this call included. */
  onConverted(callback: (converted: CtaOptConversion) => void): void;

  /** Call a function by name: `ctaopt.push(["consent", true])`. */
  push(call: ["onShown" | "onClicked", (seen: CtaOptView) => void]): unknown;
  push(call: ["onConverted", (converted: CtaOptConversion) => void]): unknown;
  push(call: ["consent", CtaOptConsent | boolean]): unknown;
  push(call: ["convert", string, CtaOptSale?]): unknown;
  push(call: ["refresh"]): unknown;
}

/** Calls from before the snippet has loaded; it makes up for them. */
export type CtaOptQueue = [string, ...unknown[]][];

/**
 * Start the snippet on this page and return its functions, which are in `window.ctaopt` too. Where
 * it runs already nothing is started, and the functions of the first one are returned.
 *
 * @throws Error on a server: there is no page.
 */
export function start(options: CtaOptOptions): CtaOpt;

declare global {
  interface Window {
    /**
     * The snippet. Until it has loaded it is undefined or a queue, so push a call that may come
     * early: `(window.ctaopt ||= []).push(["consent", true])`.
     */
    get ctaopt(): CtaOpt;
    set ctaopt(early: CtaOpt | CtaOptQueue);
  }

  /** As `window.ctaopt`, in code that runs once the snippet has loaded. */
  const ctaopt: CtaOpt;
}
