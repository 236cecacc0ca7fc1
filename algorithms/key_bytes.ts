/**
 * Room for keys. A typed array without an ArrayBuffer of its own may lie in the
 * garbage-collected heap while it is short, and a collector that moves it leaves
 * what it held behind; an explicit ArrayBuffer never moves, so that wiping it
 * wipes the only copy.
 *
 * @module
 */

/** `lengthBytes` zeros that can be wiped for good. */
export function keyRoom(lengthBytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(lengthBytes));
}

/** A copy of `key` that can be wiped for good. */
export function copyKey(key: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = keyRoom(key.length);
  copy.set(key);
  return copy;
}
