/**
 * The rings that product and oracle are compared over: all small ones, and all
 * states of what suppresses notifications.
 *
 * @module
 */

import {
  describe,
  descriptorKinds,
  encode,
  type Fields,
  INDIRECT,
  NEXT,
  RANGES,
  STRETCHES,
  TABLE_PLACES,
  WRITE,
} from "./descriptor_kinds.ts";
import { Mark, RingDriver } from "./ring_driver.ts";
import { Mismatch } from "./ring_pair.ts";

/** Every `step`-th case of a section, from the `first` on. */
export interface Sample {
  readonly step: number;
  readonly first?: number;
}

/** A place where a split ring's indices soon wrap. */
const SPLIT_BASE = 0xfff0;
const PACKED_BASE = 0x8000_8000;
const MARKS = [Mark.Available, Mark.Used, Mark.UsedBefore, Mark.OtherLap];

/** One driver for each way to negotiate a ring of that size. */
class Drivers {
  readonly #all: readonly RingDriver[];
  readonly #packed: boolean;
  #turn = 0;

  constructor(size: number, packed: boolean) {
    this.#packed = packed;
    this.#all = [0, 1, 2, 3].map((i) => {
      const kind = { size, packed, eventIndex: i % 2 > 0, inOrder: i > 1 };
      const driver = new RingDriver(kind, STRETCHES);
      driver.restart(packed ? PACKED_BASE : SPLIT_BASE);
      return driver;
    });
  }

  /** Lets one of them write its ring, and both sides serve that. */
  run(write: (driver: RingDriver) => void): void {
    const turn = this.#turn++;
    const driver = this.#all[turn & 3]!;
    const which = turn >> 2;
    write(driver);
    driver.suppress(which % 7 < 4 ? which % 7 : 2, which % 5 - 1);
    const base = this.#packed ? PACKED_BASE : (SPLIT_BASE + turn) & 0xffff;
    driver.burst(which, base);
  }
}

/** Says which case it was. */
function inCase<T>(run: () => T, name: () => string): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new Mismatch(`${name()}: ${error.message}`, { cause: error });
  }
}

const named = (packed: boolean, what: string, fields: readonly Fields[]) =>
  `${packed ? "packed" : "split"} ${what} [${fields.map(describe).join(", ")}]`;

/** A good table: a readable and a writable descriptor. */
const goodTable = (packed: boolean) =>
  [{ flags: NEXT, other: 1 }, { flags: WRITE, other: 0 }].map((fields) =>
    encode({ address: RANGES[1]![0], lengthBytes: 9, ...fields }, packed)
  );
const GOOD_TABLES = [goodTable(false), goodTable(true)];

/** Puts a good table where one may be. */
function writeTable(driver: RingDriver, turn: number, packed: boolean): void {
  const place = TABLE_PLACES[turn % TABLE_PLACES.length]!;
  const [first, second] = GOOD_TABLES[packed ? 1 : 0]!;
  driver.pair.memory.write(place, first!);
  driver.pair.memory.write(place + 16, second!);
}

/** Every ring of one or two descriptors. */
export function smallRings(size: 1 | 2, packed: boolean, sample: Sample) {
  const kinds = descriptorKinds(size, packed);
  const bytes = kinds.map((kind) => encode(kind, packed));
  const drivers = new Drivers(size, packed);
  const seconds = size === 1 ? 1 : kinds.length;
  const marks = packed ? MARKS.length : 1;
  const total = kinds.length * seconds * marks;
  const heads = size === 1 ? [0] : [0, 1];
  let count = 0;
  for (let i = sample.first ?? 0; i < total; i += sample.step) {
    const mark = MARKS[i % marks]!;
    const first = Math.floor(i / marks) % kinds.length;
    const second = Math.floor(i / marks / kinds.length);
    inCase(() =>
      drivers.run((driver) => {
        writeTable(driver, i >> 2, packed);
        driver.descriptor(0, bytes[first]!, size === 1 ? mark : undefined);
        if (size === 2) driver.descriptor(1, bytes[second]!, mark);
        if (!packed) driver.offer(heads);
      }), () => {
      const ring = [kinds[first]!, ...size === 2 ? [kinds[second]!] : []];
      return named(packed, `mark ${mark}`, ring);
    });
    count++;
  }
  return count;
}

/** Every indirect table of two descriptors, at every place. */
export function smallTables(packed: boolean, sample: Sample): number {
  const kinds = descriptorKinds(2, packed);
  const bytes = kinds.map((kind) => encode(kind, packed));
  const drivers = new Drivers(1, packed);
  const places = TABLE_PLACES.length;
  const references = TABLE_PLACES.map((place, i) =>
    encode({
      address: BigInt(place),
      lengthBytes: 32,
      flags: INDIRECT | (i % 2 > 0 ? WRITE : 0),
      other: i,
    }, packed)
  );
  const total = kinds.length ** 2 * places;
  let count = 0;
  for (let i = sample.first ?? 0; i < total; i += sample.step) {
    const place = i % places;
    const first = Math.floor(i / places) % kinds.length;
    const second = Math.floor(i / places / kinds.length);
    inCase(() =>
      drivers.run((driver) => {
        const { memory } = driver.pair;
        memory.write(TABLE_PLACES[place]!, bytes[first]!);
        memory.write(TABLE_PLACES[place]! + 16, bytes[second]!);
        driver.descriptor(0, references[place]!);
        if (!packed) driver.offer([0]);
      }), () => {
      const address = TABLE_PLACES[place]!.toString(16);
      const table = [kinds[first]!, kinds[second]!];
      return named(packed, `table at 0x${address}`, table);
    });
    count++;
  }
  return count;
}

/** Good descriptors but for their `next`. */
const GOOD: readonly Omit<Fields, "flags" | "other">[] = [
  { address: RANGES[1]![0], lengthBytes: 3 },
  { address: RANGES[9]![0], lengthBytes: 2 },
  { address: RANGES[22]![0] - 1n, lengthBytes: 0 },
];

/** Rings of more: chains of all lengths with at most one odd descriptor. */
export function largerRings(size: 3 | 4, packed: boolean, sample: Sample) {
  const kinds = descriptorKinds(size, packed);
  const drivers = new Drivers(size, packed);
  /** The chain's order in a split ring, how its readable part ends, its ranges. */
  const orders = packed ? [[0, 1, 2, 3]] : [[0, 1, 2, 3], [3, 1, 0, 2]];
  const goods = GOOD.length ** size;
  const perOrder = (size + 1) * goods * size * (kinds.length + 1) * size;
  const total = orders.length * perOrder;
  let count = 0;
  for (let i = sample.first ?? 0; i < total; i += sample.step) {
    let rest = i;
    const take = (below: number) => {
      const taken = rest % below;
      rest = Math.floor(rest / below);
      return taken;
    };
    const odd = take(kinds.length + 1);
    const at = take(size);
    const split = take(size + 1);
    /** Behind this place of the ring, a second chain starts. */
    const end = take(size);
    const good = take(goods);
    const order = orders[rest]!.slice(0, size);
    const ring = order.map((_, place): Fields => {
      const isLast = place === end || place === size - 1;
      const start = place > end ? end + 1 : 0;
      return {
        ...GOOD[Math.floor(good / GOOD.length ** place) % GOOD.length]!,
        flags: (isLast ? 0 : NEXT) | (place - start >= split ? WRITE : 0),
        other: isLast ? place : order[place + 1]!,
      };
    });
    const strange = kinds[odd];
    if (strange !== undefined) ring[at] = strange;
    inCase(() =>
      drivers.run((driver) => {
        writeTable(driver, i, packed);
        for (const [place, fields] of ring.entries()) {
          const index = packed ? place : order[place]!;
          driver.descriptor(index, encode(fields, packed));
        }
        if (packed) return;
        driver.offer(
          end === size - 1 ? [order[0]!] : [order[0]!, order[end + 1]!],
        );
      }), () => named(packed, `order ${order}, two from ${end + 1}`, ring));
    count++;
  }
  return count;
}

/** Every state of the driver's suppression, at every place of a small ring. */
export function suppression(size: number, packed: boolean): number {
  let count = 0;
  for (const eventIndex of [false, true]) {
    const kind = { size, packed, eventIndex, inOrder: false };
    const driver = new RingDriver(kind, STRETCHES);
    for (let start = 0; start < 2 * size; start++) {
      const base = packed
        ? (start % size | (start < size ? 0x8000 : 0)) * 0x1_0001
        : (0x1_0000 - size + start) & 0xffff;
      for (const [listLength, lists] of fillings(size, packed)) {
        for (const suppress of suppressions(size, packed)) {
          driver.restart(base);
          offerLists(driver, kind, listLength, lists);
          suppress.apply(driver);
          inCase(
            () => driver.burst(count, base),
            () =>
              `${JSON.stringify(kind)} from ${base}, ${suppress.name}, ` +
              `${lists} lists of ${listLength}`,
          );
          count++;
        }
      }
    }
  }
  return count;
}

/** Up to as many buffers as fill the ring; packed lists have 1 or 2 elements. */
function fillings(size: number, packed: boolean) {
  const found: [listLength: number, lists: number][] = [];
  for (const length of packed && size > 1 ? [1, 2] : [1]) {
    for (let lists = 0; lists * length <= size; lists++) {
      found.push([length, lists]);
    }
  }
  return found;
}

function offerLists(
  driver: RingDriver,
  { size, packed }: { size: number; packed: boolean },
  listLength: number,
  lists: number,
): void {
  const buffer = { address: RANGES[1]![0], lengthBytes: 3, other: 1 };
  for (let i = 0; i < size; i++) {
    const next = i % listLength < listLength - 1 ? NEXT : 0;
    const bytes = encode({ ...buffer, flags: WRITE | next }, packed);
    const isThere = i < lists * listLength;
    driver.descriptor(i, bytes, isThere ? Mark.Available : Mark.Used);
  }
  if (!packed) driver.offer([...Array(lists).keys()]);
}

/** Every value of the flags, with an event at every place and at none. */
function suppressions(size: number, packed: boolean) {
  const found: { name: string; apply: (driver: RingDriver) => void }[] = [];
  for (const flags of packed ? [0, 1, 2, 3, 4, 0xfffe] : [0, 1, 2, 3, 0xfffe]) {
    for (let distance = -2 * size - 1; distance <= 2 * size; distance++) {
      found.push({
        name: `flags ${flags}, event ${distance} behind`,
        apply: (driver) => driver.suppress(flags, distance),
      });
    }
    for (const event of [0, size, size + 1, 2 * size, 0x7fff]) {
      for (const wrap of [0, 0x8000]) {
        found.push({
          name: `flags ${flags}, event ${event | wrap}`,
          apply: (driver) => driver.suppressAt(flags, event | wrap),
        });
      }
    }
  }
  return found;
}

/** Every order in which buffers complete, shown one by one or together. */
export function completionOrders(size: number, packed: boolean): number {
  const bytes = [...Array(size).keys()].map((other) =>
    encode({
      address: RANGES[1]![0] + BigInt(4 * other),
      lengthBytes: 3,
      flags: WRITE,
      other,
    }, packed)
  );
  let count = 0;
  for (const inOrder of [false, true]) {
    for (const eventIndex of [false, true]) {
      const kind = { size, packed, eventIndex, inOrder };
      const driver = new RingDriver(kind, STRETCHES);
      driver.restart(packed ? PACKED_BASE : SPLIT_BASE);
      const { pair } = driver;
      for (const order of permutations(size)) {
        for (let together = 1; together <= size; together++) {
          for (const [i, each] of bytes.entries()) driver.descriptor(i, each);
          if (!packed) driver.offer([...Array(size).keys()].reverse());
          inCase(() => {
            driver.popAll();
            for (const [i, index] of order.entries()) {
              pair.push(index, i);
              driver.suppress(count % 3, i % 2);
              if ((i + 1) % together === 0) pair.publish();
            }
            pair.publish();
            pair.enable();
          }, () => `${JSON.stringify(kind)}, order ${order}, by ${together}`);
          count++;
        }
      }
    }
  }
  return count;
}

/** Every way to take all of a list, as the index among those that are left. */
function* permutations(length: number): Generator<number[]> {
  if (length === 0) yield [];
  else {
    for (const rest of permutations(length - 1)) {
      for (let i = 0; i < length; i++) yield [i, ...rest];
    }
  }
}
