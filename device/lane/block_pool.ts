/**
 * Memory for copies of operations that two threads share.
 *
 * @module
 */

/** Memory of one operation. */
export interface Block {
  readonly number: number;
  readonly memory: SharedArrayBuffer;
  readonly bytes: Uint8Array<SharedArrayBuffer>;
}

const SMALLEST_BYTES = 4096;
/** What is kept of what is not in use. */
const KEPT_BYTES = 8 * 1024 * 1024;

/** Lends blocks; the other thread hears of new ones and of those that go. */
export class BlockPool {
  /** By the logarithm of their size. */
  readonly #free: Block[][] = [];
  #freeBytes = 0;
  #numbers = 0;
  readonly #made: (block: Block) => void;
  readonly #dropped: (block: Block) => void;

  constructor(
    made: (block: Block) => void,
    dropped: (block: Block) => void,
  ) {
    this.#made = made;
    this.#dropped = dropped;
  }

  /** A block of at least `lengthBytes` zeros. */
  take(lengthBytes: number): Block {
    const capacity = capacityFor(lengthBytes);
    const kept = this.#free[Math.log2(capacity)]?.pop();
    if (kept) {
      this.#freeBytes -= capacity;
      return kept;
    }
    const memory = new SharedArrayBuffer(capacity);
    const bytes = new Uint8Array(memory);
    const block = { number: ++this.#numbers, memory, bytes };
    this.#made(block);
    return block;
  }

  /** Takes a block back, the first `usedBytes` bytes of which were used. */
  give(block: Block, usedBytes: number): void {
    const capacity = block.memory.byteLength;
    block.bytes.fill(0, 0, usedBytes);
    if (this.#freeBytes + capacity > KEPT_BYTES) return this.#dropped(block);
    this.#freeBytes += capacity;
    (this.#free[Math.log2(capacity)] ??= []).push(block);
  }
}

function capacityFor(lengthBytes: number): number {
  let capacity = SMALLEST_BYTES;
  while (capacity < lengthBytes) capacity *= 2;
  return capacity;
}
