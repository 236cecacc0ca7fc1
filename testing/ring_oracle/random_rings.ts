/**
 * Random rings for product and oracle: rings that go on, with buffers that stay
 * out, that complete in any order, and a driver that makes mistakes.
 *
 * @module
 */

import { Random } from "../../conformance/random.ts";
import {
  descriptorKinds,
  encode,
  INDIRECT,
  NEXT,
  RANGES,
  STRETCHES,
  TABLE_PLACES,
  WRITE,
} from "./descriptor_kinds.ts";
import { Mark, RingDriver } from "./ring_driver.ts";
import { Mismatch } from "./ring_pair.ts";

/** Rings that one seed makes. */
export const RINGS_PER_SEED = 32;

const SPLIT_SIZES = [1, 2, 4, 4, 8];
const PACKED_SIZES = [1, 2, 3, 3, 4, 7];
const MARKS = [Mark.Available, Mark.Used, Mark.UsedBefore, Mark.OtherLap];

const odd = new Map<string, readonly Uint8Array[]>();

/** Any kind of descriptor for a ring or table of `entries`. */
function oddDescriptors(entries: number, packed: boolean) {
  const key = `${entries} ${packed}`;
  let found = odd.get(key);
  if (found === undefined) {
    found = descriptorKinds(entries, packed).map((kind) =>
      encode(kind, packed)
    );
    odd.set(key, found);
  }
  return found;
}

/** One ring and its driver, which random numbers guide. */
class RandomRing {
  readonly #random: Random;
  readonly #driver: RingDriver;
  readonly #size: number;
  readonly #packed: boolean;
  /** The driver errs once in so many times. */
  readonly #errsOnceIn: number;

  constructor(random: Random) {
    const packed = random.oneIn(2);
    const size = random.pick(packed ? PACKED_SIZES : SPLIT_SIZES);
    const eventIndex = random.oneIn(2);
    const inOrder = random.oneIn(2);
    this.#random = random;
    this.#size = size;
    this.#packed = packed;
    this.#errsOnceIn = random.pick([3, 12, 1000]);
    this.#driver = new RingDriver(
      { size, packed, eventIndex, inOrder },
      STRETCHES,
    );
    this.#driver.restart(this.#base());
  }

  /** The driver writes its ring anew, and the device serves some of it. */
  step(): void {
    const random = this.#random;
    const driver = this.#driver;
    const { pair } = driver;
    if (random.oneIn(2)) this.#writeTable();
    this.#writeRing();
    driver.suppress(random.integer(5), random.integer(2 * this.#size + 3) - 2);
    if (random.oneIn(2)) pair.disable();
    driver.popAll(random.oneIn(2) ? Infinity : random.integer(this.#size + 1));
    for (let left = random.integer(pair.out.length + 1); left > 0; left--) {
      const bytes = random.pick([0, 1, 40, 200]);
      pair.push(random.integer(pair.out.length), bytes);
      if (random.oneIn(4)) pair.publish();
    }
    pair.publish();
    if (random.oneIn(2)) pair.enable();
    if (pair.isBroken) driver.restart(this.#base());
  }

  #base(): number {
    const random = this.#random;
    if (!this.#packed) return random.integer(0x1_0000);
    const position = random.integer(this.#size) | random.integer(2) << 15;
    return position * 0x1_0001;
  }

  get #errs(): boolean {
    return this.#random.oneIn(this.#errsOnceIn);
  }

  #writeTable(): void {
    const random = this.#random;
    const { memory } = this.#driver.pair;
    const place = random.pick(TABLE_PLACES);
    for (const index of [0, 1]) {
      const bytes = this.#errs
        ? random.pick(oddDescriptors(2, this.#packed))
        : this.#goodDescriptor(index === 0 ? NEXT : WRITE, 1);
      memory.write(place + 16 * index, bytes);
    }
  }

  #goodDescriptor(flags: number, other: number): Uint8Array {
    const random = this.#random;
    const [address, bytes] = RANGES[random.pick([0, 1, 2, 5, 6, 7, 8, 9, 12])]!;
    const lengthBytes = random.oneIn(2) ? bytes : Math.min(bytes, 3);
    return encode({ address, lengthBytes, flags, other }, this.#packed);
  }

  #goodReference(other: number): Uint8Array {
    const random = this.#random;
    return encode({
      address: BigInt(random.pick(TABLE_PLACES)),
      lengthBytes: 32,
      flags: INDIRECT | random.pick([0, WRITE]),
      other,
    }, this.#packed);
  }

  /** Chains one behind the other, as far as there is room, and mistakes. */
  #writeRing(): void {
    const random = this.#random;
    const driver = this.#driver;
    const size = this.#size;
    const taken = driver.pair.out.length;
    const room = this.#errs ? size : Math.max(0, size - taken);
    const heads: number[] = [];
    const start = this.#packed ? 0 : random.integer(size);
    for (let index = 0; index < room && !random.oneIn(5);) {
      const length = 1 + random.integer(Math.min(3, room - index));
      const readable = random.integer(length + 1);
      heads.push((start + index) % size);
      for (let i = 0; i < length; i++, index++) {
        const isLast = i === length - 1;
        const flags = (isLast ? 0 : NEXT) | (i >= readable ? WRITE : 0);
        const place = (start + index) % size;
        const other = this.#packed
          ? random.integer(0x1_0000)
          : (place + 1) % size;
        const bytes = this.#errs
          ? random.pick(oddDescriptors(size, this.#packed))
          : isLast && (i === 0 || !this.#packed) && random.oneIn(3)
          ? this.#goodReference(other)
          : this.#goodDescriptor(flags, other);
        driver.descriptor(
          place,
          bytes,
          this.#errs ? random.pick(MARKS) : undefined,
        );
      }
    }
    if (this.#packed) return;
    if (this.#errs) heads.push(random.integer(size + 1));
    if (this.#errs && random.oneIn(4)) heads.push(random.integer(0x1_0000));
    driver.offer(heads);
    if (this.#errs && random.oneIn(8)) {
      driver.availableIndex(random.integer(0x1_0000));
    }
  }
}

/** Tries at least `count` rings; a failure names the seed that repeats it. */
export function randomRings(seed: number, count: number): number {
  let done = 0;
  for (; done < count; seed++) {
    const ring = new RandomRing(new Random(seed));
    for (let i = 0; i < RINGS_PER_SEED; i++, done++) {
      try {
        ring.step();
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        throw new Mismatch(
          `${error.message} (ring ${i} of \`deno task oracle --seed ${seed} ` +
            `--count ${RINGS_PER_SEED}\`)`,
          { cause: error },
        );
      }
    }
  }
  return done;
}
