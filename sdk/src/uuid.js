const TIME_DIGITS = 12;
const RANDOM_DIGITS = 18;
const HALF_BYTE = 15;
const VERSION = "7";
const VARIANT = "8";

/**
 * A UUID version 7 (RFC 9562, section 5.7) in hexadecimal: 48 bits of Unix milliseconds, then 72
 * random bits, so that ids sort by time and the service can tell an event's day from its id.
 *
 * @returns {string}
 */
export function uuid7() {
  const time = Date.now().toString(16).padStart(TIME_DIGITS, "0");
  const bytes = crypto.getRandomValues(new Uint8Array(RANDOM_DIGITS));
  const random = bytes.reduce((digits, byte) => digits + (byte & HALF_BYTE).toString(16), "");
  return time + VERSION + random.slice(0, 3) + VARIANT + random.slice(3);
}
