/**
 * What HASH and MAC algorithms have in common here: a state that is started
 * again for every message, fed in pieces and finished into a buffer.
 *
 * @module
 */

export interface Digest {
  /** Begins a new message. */
  restart(): void;
  update(bytes: Uint8Array): void;
  /**
   * Writes the first `result.length` bytes of the digest. False when the message
   * has a length that the algorithm does not take.
   */
  finish(result: Uint8Array): boolean;
  /** Overwrites the key; the state is useless afterwards. */
  wipe(): void;
}
