/**
 * Hands out pieces of the memory that driver and device share: rings, tables,
 * requests and their buffers.
 *
 * @module
 */

/** Every piece starts at a multiple of this unless more is asked for. */
const DEFAULT_ALIGNMENT = 64;

/** First-fit allocator over `lengthBytes` bytes; it keeps its records outside. */
export class MemoryAllocator {
  readonly lengthBytes: number;
  /** Free pieces by rising offset; neighbours are always joined. */
  readonly #freeOffsets: number[];
  readonly #freeLengths: number[];
  readonly #usedLengths = new Map<number, number>();

  constructor(lengthBytes: number) {
    this.lengthBytes = lengthBytes;
    this.#freeOffsets = [0];
    this.#freeLengths = [lengthBytes];
  }

  /** Bytes that nobody holds. */
  get freeBytes(): number {
    return this.#freeLengths.reduce((sum, length) => sum + length, 0);
  }

  /** The offset of `lengthBytes` free bytes, or -1 when there are none. */
  tryAllocate(lengthBytes: number, alignment = DEFAULT_ALIGNMENT): number {
    const wanted = Math.max(lengthBytes, 1);
    for (let i = 0; i < this.#freeOffsets.length; i++) {
      const start = this.#freeOffsets[i]!;
      const offset = Math.ceil(start / alignment) * alignment;
      const rest = start + this.#freeLengths[i]! - offset - wanted;
      if (rest < 0) continue;
      this.#take(i, offset - start, rest);
      this.#usedLengths.set(offset, wanted);
      return offset;
    }
    return -1;
  }

  /** Like `tryAllocate`, but throws when there is no room. */
  allocate(lengthBytes: number, alignment = DEFAULT_ALIGNMENT): number {
    const offset = this.tryAllocate(lengthBytes, alignment);
    if (offset >= 0) return offset;
    throw new RangeError(
      `Cannot allocate ${lengthBytes} bytes of shared memory: ` +
        `${this.freeBytes} of ${this.lengthBytes} bytes are free`,
    );
  }

  /** Gives back the piece at `offset`. */
  free(offset: number): void {
    const lengthBytes = this.#usedLengths.get(offset);
    if (lengthBytes === undefined) {
      throw new RangeError(`Nothing is allocated at offset ${offset}`);
    }
    this.#usedLengths.delete(offset);
    const next = this.#firstFreeAfter(offset);
    const joinsPrevious = next > 0 &&
      this.#freeOffsets[next - 1]! + this.#freeLengths[next - 1]! === offset;
    const joinsNext = next < this.#freeOffsets.length &&
      offset + lengthBytes === this.#freeOffsets[next];
    if (joinsPrevious) {
      this.#freeLengths[next - 1]! += lengthBytes;
      if (joinsNext) {
        this.#freeLengths[next - 1]! += this.#freeLengths[next]!;
        this.#remove(next);
      }
    } else if (joinsNext) {
      this.#freeOffsets[next] = offset;
      this.#freeLengths[next]! += lengthBytes;
    } else {
      this.#freeOffsets.splice(next, 0, offset);
      this.#freeLengths.splice(next, 0, lengthBytes);
    }
  }

  /** Cuts a piece out of free piece `index`, leaving `before` and `after`. */
  #take(index: number, before: number, after: number): void {
    const start = this.#freeOffsets[index]!;
    const end = start + this.#freeLengths[index]!;
    if (before === 0 && after === 0) {
      this.#remove(index);
    } else if (before === 0) {
      this.#freeOffsets[index] = end - after;
      this.#freeLengths[index] = after;
    } else {
      this.#freeLengths[index] = before;
      if (after > 0) {
        this.#freeOffsets.splice(index + 1, 0, end - after);
        this.#freeLengths.splice(index + 1, 0, after);
      }
    }
  }

  #remove(index: number): void {
    this.#freeOffsets.splice(index, 1);
    this.#freeLengths.splice(index, 1);
  }

  #firstFreeAfter(offset: number): number {
    let low = 0;
    let high = this.#freeOffsets.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#freeOffsets[middle]! < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
