/**
 * Memory that the threads of a process share.
 *
 * @module
 */

/**
 * Zeros that every thread sees which is given them. A page without cross-origin
 * isolation may not have such memory; there it is of one thread, which is all
 * that a device in such a page has.
 */
export function createThreadMemory(lengthBytes: number): SharedArrayBuffer {
  if (typeof SharedArrayBuffer === "undefined") {
    return new ArrayBuffer(lengthBytes) as unknown as SharedArrayBuffer;
  }
  return new SharedArrayBuffer(lengthBytes);
}
