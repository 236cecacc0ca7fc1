/**
 * What the packets of an association change: sequence numbers, the anti-replay
 * window, and the counts that lifetimes are about. All queue threads share it
 * without locks.
 *
 * It is a row of 64-bit words. The window is a ring of words with the numbers of
 * 16 packets each: the upper 48 bits say which 16, the lower 16 which of them have
 * been seen. A word is taken over by newer numbers in the same step in which the
 * first of those is noted, so that nothing has to be cleared in between.
 *
 * @module
 */

/** The next number to send, or the highest one received. */
const SEQUENCE = 0;
const PACKETS = 1;
const BYTES = 2;
const WINDOW = 3;

/** Packets of a word of the window. */
const PACKETS_PER_WORD = 16;

/** The largest sequence number, without ESN (RFC 4303 §2.2) … */
const LAST_SHORT = 2 ** 32 - 1;
/** … and with ESN as far as numbers go here: centuries. */
const LAST_EXTENDED = Number.MAX_SAFE_INTEGER;

const TWO_TO_32 = 2 ** 32;
/** How far behind the highest a number may be where nothing else says so. */
const WIDTH_WITHOUT_WINDOW = 2 ** 31;

/** What `take` gives when there are no numbers left. */
export const NO_SEQUENCE = -1;

/** Words that the state with a window of `windowPackets` takes. */
export function stateWords(windowPackets: number): number {
  return WINDOW + windowWords(windowPackets);
}

/** One word more than the window fills, as it rarely begins with a word. */
function windowWords(windowPackets: number): number {
  return windowPackets === 0
    ? 0
    : Math.ceil(windowPackets / PACKETS_PER_WORD) + 1;
}

/** The way of a word to a number that makes no object of it. */
const SCRATCH = new DataView(new ArrayBuffer(8));

const scratchNumber = (): number =>
  SCRATCH.getUint32(0) * TWO_TO_32 + SCRATCH.getUint32(4);

/** One association's state, in memory that threads share. */
export class AssociationState {
  readonly #words: BigUint64Array;
  readonly #windowPackets: number;
  readonly #windowWords: number;
  readonly #last: number;

  constructor(
    words: BigUint64Array,
    windowPackets: number,
    isExtended: boolean,
  ) {
    this.#words = words;
    this.#windowPackets = windowPackets;
    this.#windowWords = windowWords(windowPackets);
    this.#last = isExtended ? LAST_EXTENDED : LAST_SHORT;
  }

  /** The next sequence number, the first of which is 1; `NO_SEQUENCE`: all are used. */
  take(): number {
    SCRATCH.setBigUint64(0, Atomics.add(this.#words, SEQUENCE, 1n));
    const number = scratchNumber() + 1;
    return number <= this.#last ? number : NO_SEQUENCE;
  }

  /** The highest number so far: sent, or received and found good. */
  get highest(): number {
    SCRATCH.setBigUint64(0, Atomics.load(this.#words, SEQUENCE));
    return scratchNumber();
  }

  /**
   * The whole number of a packet that says only the lower half of it (RFC 4303
   * §A2.2).
   */
  infer(low: number): number {
    const { highest } = this;
    const highestLow = highest % TWO_TO_32;
    const high = (highest - highestLow) / TWO_TO_32;
    const width = this.#windowPackets || WIDTH_WITHOUT_WINDOW;
    const bottom = highestLow - width + 1;
    if (bottom >= 0) {
      return low >= bottom
        ? high * TWO_TO_32 + low
        : (high + 1) * TWO_TO_32 + low;
    }
    // The window begins in the half before.
    return low >= bottom + TWO_TO_32 && high > 0
      ? (high - 1) * TWO_TO_32 + low
      : high * TWO_TO_32 + low;
  }

  /** Whether a number could be new; nothing is changed. */
  mayBeNew(number: number): boolean {
    // Who is not asked to look may see a counter that has wrapped (RFC 4303 §3.3.3).
    if (this.#windowPackets === 0) return true;
    if (number < 1 || number > this.#last) return false;
    if (number + this.#windowPackets <= this.highest) return false;
    const { block, bit } = placeOf(number);
    const word = Atomics.load(this.#words, this.#wordOf(block));
    const known = Number(word >> 16n);
    return known < block ||
      known === block && (Number(word & 0xffffn) & bit) === 0;
  }

  /**
   * Notes a packet whose ICV was right, and moves the window; false where it has
   * been seen meanwhile or is left of the window.
   */
  accept(number: number): boolean {
    if (this.#windowPackets === 0) {
      this.#raise(number);
      return true;
    }
    if (number + this.#windowPackets <= this.highest) return false;
    if (!this.#mark(number)) return false;
    this.#raise(number);
    return true;
  }

  #mark(number: number): boolean {
    const { block, bit } = placeOf(number);
    const at = this.#wordOf(block);
    for (;;) {
      const word = Atomics.load(this.#words, at);
      const known = Number(word >> 16n);
      if (known > block) return false;
      const seen = known === block ? Number(word & 0xffffn) : 0;
      if ((seen & bit) !== 0) return false;
      const next = BigInt(block) << 16n | BigInt(seen | bit);
      if (Atomics.compareExchange(this.#words, at, word, next) === word) {
        return true;
      }
    }
  }

  #wordOf(block: number): number {
    return WINDOW + block % this.#windowWords;
  }

  #raise(number: number): void {
    const next = BigInt(number);
    let known = Atomics.load(this.#words, SEQUENCE);
    while (known < next) {
      const found = Atomics.compareExchange(
        this.#words,
        SEQUENCE,
        known,
        next,
      );
      if (found === known) return;
      known = found;
    }
  }

  /** Packets and bytes that have been processed. */
  get packets(): number {
    return Number(Atomics.load(this.#words, PACKETS));
  }

  get bytes(): number {
    return Number(Atomics.load(this.#words, BYTES));
  }

  /** Counts a packet; returns how many there were before. */
  countPacket(): number {
    return Number(Atomics.add(this.#words, PACKETS, 1n));
  }

  /** Counts bytes; returns how many there were before. */
  countBytes(lengthBytes: number): number {
    return Number(Atomics.add(this.#words, BYTES, BigInt(lengthBytes)));
  }

  /** Takes back what has been counted. */
  uncount(lengthBytes: number): void {
    Atomics.sub(this.#words, PACKETS, 1n);
    Atomics.sub(this.#words, BYTES, BigInt(lengthBytes));
  }
}

/** Which 16 numbers, and which of them as a bit. */
function placeOf(number: number): { block: number; bit: number } {
  return {
    block: Math.floor(number / PACKETS_PER_WORD),
    bit: 1 << number % PACKETS_PER_WORD,
  };
}
