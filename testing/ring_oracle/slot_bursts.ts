/**
 * Bursts of chains that keep many slots busy: the same shapes again and again,
 * shorter and longer ones, more ranges than a slot has room for, and more chains
 * out at once than there are slots at first.
 *
 * @module
 */

import { Random } from "../../conformance/random.ts";
import { encode, INDIRECT, NEXT, WRITE } from "./descriptor_kinds.ts";
import { RingDriver } from "./ring_driver.ts";
import { Mismatch, type RingKind } from "./ring_pair.ts";

/** Data and tables in one window of the product's, or on both sides of 1 GiB. */
const STARTS = [0x2000_0000, 0x3fff_f000];
const DATA_BYTES = 4096;
const TABLE_BYTES = 64 * 16;
const SIZE = 256;
const LONGEST = 63;

/** How long the parts of a chain are; the first `readable` of them are so. */
interface Shape {
  readonly lengths: readonly number[];
  readonly readable: number;
}

const evenShape = (count: number, lengthBytes: number, readable: number) => ({
  lengths: new Array<number>(count).fill(lengthBytes),
  readable,
});

/** Around a slot's home of 20 ranges, and far beyond. */
const SHAPES: readonly Shape[] = [
  { lengths: [16, 32, 1], readable: 1 },
  { lengths: [16, 32, 2], readable: 1 },
  { lengths: [16, 32, 1], readable: 2 },
  { lengths: [16, 32], readable: 1 },
  { lengths: [16, 16, 16, 1], readable: 3 },
  { lengths: [16], readable: 1 },
  { lengths: [16], readable: 0 },
  { lengths: [0, 16, 0, 1, 0], readable: 2 },
  { lengths: [0], readable: 0 },
  ...[19, 20, 21, 22, 40, LONGEST].flatMap((count) => [
    evenShape(count, 3, count >> 1),
    evenShape(count, 3, count),
    evenShape(count, 2, 1),
  ]),
];

const SHORT_SHAPES = SHAPES.slice(0, 9);

/** A driver that offers chains of given shapes, each by a table of its own. */
class Shapes {
  readonly driver: RingDriver;
  readonly #random: Random;
  readonly #packed: boolean;
  readonly #data: number;

  constructor(kind: RingKind, random: Random) {
    this.#random = random;
    this.#packed = kind.packed;
    this.#data = random.pick(STARTS);
    this.driver = new RingDriver(kind, [
      {
        guestAddress: this.#data,
        lengthBytes: DATA_BYTES + SIZE * TABLE_BYTES,
      },
    ]);
    this.driver.restart(kind.packed ? 0x8000_8000 : 0xff00);
  }

  offer(shapes: readonly Shape[]): void {
    const { driver } = this;
    for (const [i, shape] of shapes.entries()) {
      const table = this.#data + DATA_BYTES + i * TABLE_BYTES;
      this.#writeTable(table, shape);
      const reference = {
        address: BigInt(table),
        lengthBytes: 16 * shape.lengths.length,
        flags: INDIRECT,
        other: i,
      };
      driver.descriptor(i, encode(reference, this.#packed));
    }
    if (!this.#packed) driver.offer([...shapes.keys()]);
  }

  /** Its parts are apart, or some of them go on in the next. */
  #writeTable(table: number, { lengths, readable }: Shape): void {
    const random = this.#random;
    const { memory } = this.driver.pair;
    const joins = random.oneIn(4);
    let offset = random.integer(512);
    for (const [i, lengthBytes] of lengths.entries()) {
      const bytes = encode({
        address: BigInt(this.#data + offset),
        lengthBytes,
        flags: (i < readable ? 0 : WRITE) | (i < lengths.length - 1 ? NEXT : 0),
        other: i + 1,
      }, this.#packed);
      memory.write(table + 16 * i, bytes);
      offset += lengthBytes + (joins && random.oneIn(2) ? 0 : 1);
    }
  }
}

/** Serves `bursts` bursts over one ring; returns how many chains were alike. */
export function slotBursts(packed: boolean, seed: number, bursts: number) {
  const random = new Random(seed);
  const kind = { size: SIZE, packed, eventIndex: false, inOrder: false };
  const shapes = new Shapes(kind, random);
  const { pair } = shapes.driver;
  let common = random.pick(SHAPES);
  for (let burst = 0; burst < bursts; burst++) {
    if (random.oneIn(4)) {
      common = random.oneIn(2)
        ? random.pick(SHAPES)
        : random.pick(SHORT_SHAPES);
    }
    const kept = pair.out.length;
    const most = random.pick([1, 4, 32, 60, SIZE]);
    const count = Math.min(SIZE - kept, 1 + random.integer(most));
    const rare = random.pick([2, 8, 1000]);
    try {
      shapes.offer(Array.from(
        { length: count },
        () => random.oneIn(rare) ? random.pick(SHAPES) : common,
      ));
      shapes.driver.popAll();
      const leave = random.oneIn(3) ? random.integer(20) : 0;
      while (pair.out.length > leave) {
        pair.push(random.integer(pair.out.length), random.pick([0, 7, 400]));
      }
      pair.publish();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      throw new Mismatch(
        `${packed ? "packed" : "split"}, burst ${burst} of seed ${seed}: ` +
          error.message,
        { cause: error },
      );
    }
  }
  return pair.alikeCount;
}
