const TIME_DIGITS = 12;
const RANDOM_BYTES = 9;
const VERSION = "7";
const VARIANT = "8";

/** @param {number} number @param {number} digits */
const hex = (number, digits) => number.toString(16).padStart(digits, "0");

/**
 * A UUID version 7 (RFC 9562, section 5.7) in hexadecimal: 48 bits of Unix milliseconds, then 72
 * random bits, so that ids sort by time and the service can tell an event's day from its id.
 *
 * @returns {string}
 */
export function uuid7() {
  const time = hex(Date.now(), TIME_DIGITS);
  const bytes = crypto.getRandomValues(new Uint8Array(RANDOM_BYTES));
  const random = Array.from(bytes, (byte) => hex(byte, 2)).join("");
  return time + VERSION + random.slice(0, 3) + VARIANT + random.slice(3);
}
