/**
 * The IVs of packets. Those of counter modes come from one counter of the device
 * with a random start, whatever association they are for: no nonce comes twice
 * under a key, not even if its association is destroyed and made again.
 *
 * @module
 */

/** A call for random bytes costs more than the bytes. */
const RANDOM_ROOM_BYTES = 4096;

/** Where a device's counter begins: nobody can tell. */
export const randomIvStart = (): bigint =>
  crypto.getRandomValues(new BigUint64Array(1))[0]!;

/** A thread's source of IVs. */
export class IvSource {
  readonly #counter: BigUint64Array;
  readonly #random = new Uint8Array(RANDOM_ROOM_BYTES);
  #used = RANDOM_ROOM_BYTES;

  /** `counter` is one word, which all threads of the device share. */
  constructor(counter: BigUint64Array) {
    this.#counter = counter;
  }

  /** Writes the counter's next value, 8 bytes. */
  writeNext(view: DataView, at: number): void {
    view.setBigUint64(at, Atomics.add(this.#counter, 0, 1n));
  }

  /** Writes bytes that nobody can foretell, as CBC needs them (RFC 3602 §3). */
  writeRandom(bytes: Uint8Array, at: number, lengthBytes: number): void {
    if (this.#used + lengthBytes > RANDOM_ROOM_BYTES) {
      crypto.getRandomValues(this.#random);
      this.#used = 0;
    }
    for (let i = 0; i < lengthBytes; i++) {
      bytes[at + i] = this.#random[this.#used + i]!;
    }
    this.#used += lengthBytes;
  }
}
