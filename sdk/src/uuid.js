/**
 * A UUID version 7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then 74 random bits,
 * so that ids sort by time and the service can tell an event's day from its id.
 *
 * @returns {string}
 */
export function uuid7() {
  const time = Date.now().toString(16).padStart(12, "0").replace(/.{8}/, "$&-");
  return (time + "-7xxx-yxxx-xxxxxxxxxxxx").replace(/[xy]/g, (digit) => {
    const [random] = crypto.getRandomValues(new Uint8Array(1));
    return (digit === "x" ? random & 15 : (random & 3) | 8).toString(16);
  });
}
