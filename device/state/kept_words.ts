/**
 * Words of 64 bits in memory that outlives the process. Each is stored whole: a
 * process that is killed has stored it or has not.
 *
 * @module
 */

/** Whole numbers below 2^53 at the start of `bytes`, which is a multiple of 8. */
export class KeptWords {
  readonly #words: BigUint64Array<ArrayBuffer>;

  constructor({ buffer, byteOffset, length }: Uint8Array<ArrayBuffer>) {
    this.#words = new BigUint64Array(buffer, byteOffset, length >> 3);
  }

  /** The word `index`; NaN where no number holds it. */
  get(index: number): number {
    const value = Number(Atomics.load(this.#words, index));
    return Number.isSafeInteger(value) ? value : NaN;
  }

  set(index: number, value: number): void {
    Atomics.store(this.#words, index, BigInt(value));
  }
}
