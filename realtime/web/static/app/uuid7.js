/**
 * UUIDv7 (RFC 9562, section 5.7): sorts by the time it was made.
 *
 * `crypto.randomUUID` is not used: browsers offer it on https only, and a laptop in a lecture hall serves http.
 */

/**
 * A maker of ids that rise strictly within one page, even within one millisecond or when the clock steps back.
 *
 * @param {() => number} now milliseconds since 1970
 * @param {(bytes: Uint8Array) => Uint8Array} fill fills an array with random bytes
 * @returns {() => string}
 */
export function makeUuid7(now = Date.now, fill = (bytes) => crypto.getRandomValues(bytes)) {
  let lastMs = 0;
  let count = 0;
  return () => {
    const bytes = fill(new Uint8Array(16));
    const ms = Math.max(now(), lastMs);
    if (ms > lastMs) {
      lastMs = ms;
      count = ((bytes[6] & 0x07) << 8) | bytes[7]; // the top bit of the counter is left free to count into
    } else if (count < 0xfff) {
      count += 1;
    } else {
      lastMs += 1;
      count = 0;
    }
    for (let i = 0; i < 6; i += 1) bytes[i] = Math.floor(lastMs / 2 ** (8 * (5 - i))) % 256;
    bytes[6] = 0x70 | (count >> 8);
    bytes[7] = count & 0xff;
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
  };
}

export const uuid7 = makeUuid7();
