/**
 * A UUID version 7 (RFC 9562, section 5.7) in hexadecimal: 48 bits of Unix milliseconds, then 72
 * random bits, so that ids sort by time and the service can tell an event's day from its id.
 *
 * @returns {string}
 */
export function uuid7() {
  const random = "7xxx8xxxxxxxxxxxxxxx".replace(/x/g, () =>
    (crypto.getRandomValues(new Uint8Array(1))[0] & 15).toString(16),
  );
  // Eleven digits of milliseconds last until the year 2527.
  return "0" + Date.now().toString(16) + random;
}
