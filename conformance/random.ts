/**
 * Random numbers that a seed repeats: what a failed run reports is enough to
 * run it again.
 *
 * @module
 */

/** A small repeatable generator (sfc32); not for keys of anything real. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #count = 1;

  constructor(seed: number) {
    this.#a = seed | 0;
    this.#b = (seed / 0x1_0000_0000) | 0;
    this.#c = 0x9e3779b9 | 0;
    for (let i = 0; i < 12; i++) this.#word();
  }

  #word(): number {
    const sum = (this.#a + this.#b + this.#count) | 0;
    this.#count = (this.#count + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum | 0;
    return sum >>> 0;
  }

  /** An integer of `0 … limit - 1`; `limit` is at least 1. */
  integer(limit: number): number {
    return Math.floor(this.#word() / 0x1_0000_0000 * limit);
  }

  /** True once in `times` calls on average. */
  oneIn(times: number): boolean {
    return this.integer(times) === 0;
  }

  /** `lengthBytes` random bytes. */
  bytes(lengthBytes: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(lengthBytes);
    for (let i = 0; i < lengthBytes; i += 4) {
      const word = this.#word();
      for (let j = i; j < Math.min(i + 4, lengthBytes); j++) {
        bytes[j] = word >>> (8 * (j - i));
      }
    }
    return bytes;
  }

  /** One of `choices`, which is not empty. */
  pick<T>(choices: readonly T[]): T {
    return choices[this.integer(choices.length)]!;
  }

  /** Brings `list` into a random order, in place. */
  shuffle<T>(list: T[]): T[] {
    for (let i = list.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      [list[i], list[j]] = [list[j]!, list[i]!];
    }
    return list;
  }
}
