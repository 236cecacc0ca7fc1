/**
 * Chains by indirect tables that follow one like them, and differ from it in
 * one descriptor: the product knows a chain again by its lengths.
 *
 * @module
 */

import {
  encode,
  type Fields,
  INDIRECT,
  NEXT,
  RANGES,
  STRETCHES,
  WRITE,
} from "./descriptor_kinds.ts";
import type { Sample } from "./ring_cases.ts";
import { RingDriver } from "./ring_driver.ts";
import { Mismatch } from "./ring_pair.ts";

/** A region with tables and buffers. */
const REGION = 0x5000_0000;
const REGION_BYTES = 256;
const BUFFERS = REGION + 128;
const END = REGION + REGION_BYTES;
/** Aligned, aligned to words, and not even that. */
const TABLES = [REGION, REGION + 4, REGION + 2];

type Part = readonly [address: number, lengthBytes: number, flags: number];

const ELSEWHERE = Number(RANGES[1]![0]);

/** Chains to begin with; the last range is where the table is, but for one. */
const CHAINS: readonly (readonly Part[])[] = [
  [[ELSEWHERE, 4, 0], [BUFFERS + 2, 3, WRITE]],
  [[BUFFERS, 4, 0], [BUFFERS + 12, 5, 0], [BUFFERS + 30, 3, WRITE]],
  [[BUFFERS, 4, 0], [BUFFERS + 12, 5, WRITE], [BUFFERS + 30, 3, WRITE]],
  [[BUFFERS, 4, 0], [BUFFERS + 12, 0, WRITE], [BUFFERS + 30, 3, WRITE]],
  [[BUFFERS, 2, 0], [BUFFERS + 2, 2, 0], [BUFFERS + 30, 3, WRITE]],
  [[BUFFERS, 4, 0], [BUFFERS + 12, 5, 0]],
  [[BUFFERS, 4, 0], [BUFFERS + 30, 3, WRITE]],
  [[BUFFERS, 4, WRITE]],
  [[BUFFERS, 4, 0]],
  [[BUFFERS, 4, 0], [ELSEWHERE, 3, WRITE]],
];

function table(parts: readonly Part[]): Fields[] {
  return parts.map(([address, lengthBytes, flags], i) => ({
    address: BigInt(address),
    lengthBytes,
    flags: flags | (i < parts.length - 1 ? NEXT : 0),
    other: i + 1,
  }));
}

/** Everything that one field of a descriptor may be instead. */
function variants(parts: readonly Part[], at: number): Fields[] {
  const fields = table(parts)[at]!;
  const before = parts[at - 1] ?? [BUFFERS, 0];
  const after = parts[at + 1] ?? [END, 0];
  const own = fields.lengthBytes;
  const addresses = new Set([
    fields.address,
    fields.address + 0x1_0000_0000n,
    fields.address + 0x4000_0000n,
    BigInt(before[0] + before[1]),
    BigInt(after[0] - own),
    BigInt(END - own),
    BigInt(END - own + 1),
    BigInt(REGION - 1),
    ...RANGES.map(([address]) => address),
  ]);
  const found: Fields[] = [];
  for (const address of addresses) {
    for (const lengthBytes of [own, own + 1, own ? own - 1 : 0, 0xffff_ffff]) {
      found.push({ ...fields, address, lengthBytes });
    }
    for (const flags of [0, 1, 2, 3, 4, 5, 6, 7, 8, 0x82, 0x8001]) {
      found.push({ ...fields, address, flags });
    }
  }
  for (const flags of [0, 1, 2, 3]) {
    for (const other of [0, 1, 2, 3, 4, 0xffff]) {
      found.push({ ...fields, flags, other });
    }
  }
  found.push({ ...fields, lengthBytes: own + 0x8000_0000 });
  return found;
}

/** What the descriptor that names a table of `count` may be. */
function references(address: number, count: number): Fields[] {
  const good = {
    address: BigInt(address),
    lengthBytes: 16 * count,
    flags: INDIRECT,
    other: 7,
  };
  const lengths = [0, 16, 32, 48, 64, 17, 0x8000_0000 + 16 * count];
  return [
    ...lengths.map((lengthBytes) => ({ ...good, lengthBytes })),
    ...[0, 1, 2, 3, 5, 6, 7].map((flags) => ({ ...good, flags, other: 0 })),
    { ...good, address: good.address + 16n },
    { ...good, address: BigInt(END - 16 * count) },
    { ...good, address: BigInt(END - 16 * count + 4) },
    { ...good, address: good.address + 0x1_0000_0000n },
    { ...good, address: good.address + 0x4000_0000n },
    { ...good, address: RANGES[1]![0] },
  ];
}

/** Serves a table behind others. */
class Repeater {
  readonly #driver: RingDriver;
  readonly #packed: boolean;
  #turn = 0;

  constructor(packed: boolean) {
    const kind = { size: 1, packed, eventIndex: false, inOrder: false };
    this.#packed = packed;
    this.#driver = new RingDriver(kind, [
      ...STRETCHES,
      { guestAddress: REGION, lengthBytes: REGION_BYTES },
    ]);
    this.#driver.restart(this.#base);
  }

  get #base(): number {
    return this.#packed ? 0x8000_8000 : this.#turn & 0xffff;
  }

  get alikeCount(): number {
    return this.#driver.pair.alikeCount;
  }

  serve(address: number, descriptors: readonly Fields[], reference?: Fields) {
    const driver = this.#driver;
    for (const [i, fields] of descriptors.entries()) {
      const bytes = encode(fields, this.#packed);
      driver.pair.memory.write(address + 16 * i, bytes);
    }
    reference ??= {
      address: BigInt(address),
      lengthBytes: 16 * descriptors.length,
      flags: INDIRECT,
      other: 7,
    };
    driver.descriptor(0, encode(reference, this.#packed));
    if (!this.#packed) driver.offer([0]);
    driver.burst(this.#turn++, this.#base);
  }
}

/**
 * Every chain behind every other, and behind each all that differ from it in one
 * descriptor; returns how many were known again.
 */
export function repeatedChains(packed: boolean, sample: Sample): number {
  const repeater = new Repeater(packed);
  let turn = sample.first ?? 0;
  for (const address of TABLES) {
    for (const chain of CHAINS) {
      const good = table(chain);
      const tries: (() => void)[] = [];
      for (const other of CHAINS) {
        tries.push(() => repeater.serve(address, table(other)));
      }
      for (const reference of references(address, chain.length)) {
        tries.push(() => repeater.serve(address, good, reference));
      }
      for (const at of chain.keys()) {
        for (const fields of variants(chain, at)) {
          tries.push(() => repeater.serve(address, good.with(at, fields)));
        }
      }
      for (const [number, attempt] of tries.entries()) {
        if (turn++ % sample.step !== 0) continue;
        try {
          repeater.serve(address, good);
          attempt();
        } catch (error) {
          if (!(error instanceof Error)) throw error;
          throw new Mismatch(
            `${packed ? "packed" : "split"} table at ${address}, ` +
              `chain ${JSON.stringify(chain)}, then ${number}: ` +
              error.message,
            { cause: error },
          );
        }
      }
    }
  }
  return repeater.alikeCount;
}
