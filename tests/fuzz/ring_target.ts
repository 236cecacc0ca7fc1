/**
 * Ring memory: random descriptors, tables, indices and event fields, of both
 * formats, on a data queue and a control queue.
 *
 * @module
 */

import { createNow } from "../../testing/sessions.ts";
import type { Random } from "../../conformance/random.ts";
import {
  F_EVENT_IDX,
  F_IN_ORDER,
  F_INDIRECT_DESC,
  F_RING_PACKED,
  F_VERSION_1,
} from "../../device/wire/features.ts";
import { ringBytes, ringOffsets } from "../../driver/rings/layout.ts";
import {
  RawPackedRing,
  RawSplitRing,
  writeRawDescriptor,
} from "../../testing/raw_ring.ts";
import { Machine } from "../../testing/machine.ts";
import { legalRequest, legalSessions } from "../../testing/valid_requests.ts";
import {
  type Episode,
  expectSound,
  FuzzFailure,
  hostileAddress,
  hostileWord,
  type Target,
} from "./episode.ts";
import { expectUsableAndEnd } from "./known_answer.ts";

const TABLES_AT = 64 * 1024;
const TABLE_DESCRIPTORS = 40;
const WRITE = 2;
const AVAILABLE_AND_USED = [0x80, 0x8000, 0x8080, 0];

class RingEpisode implements Episode {
  readonly #random: Random;
  readonly #machine: Machine;
  readonly #sizes: number[] = [];
  readonly #offsets: number[] = [];
  readonly #indices = [0, 0];
  readonly #header: Uint8Array;

  constructor(machine: Machine, random: Random) {
    this.#random = random;
    this.#machine = machine;
    const description = legalSessions()[0]!;
    const created = createNow(machine.device.sessions, description);
    if (!("id" in created)) throw new FuzzFailure(created.reason);
    this.#header = legalRequest(machine.device.mode, description, created.id, {
      operation: 0,
      sourceBytes: 64,
      additionalDataBytes: 0,
      destinationBytes: 0,
    }).readable;
    for (const index of [0, 1]) this.#start(index);
  }

  /** Sizes of packed rings need not be powers of two. */
  #start(index: number): void {
    const random = this.#random;
    const size = this.#machine.packed
      ? 1 + random.integer(40)
      : 1 << random.integer(7);
    const offset = index * 16 * 1024;
    this.#sizes[index] = size;
    this.#offsets[index] = offset;
    this.#indices[index] = 0;
    this.#machine.startQueue(index, size, offset);
  }

  step(): void {
    const random = this.#random;
    const index = random.integer(2);
    for (let n = random.integer(6); n > 0; n--) this.#writeTable();
    if (this.#machine.packed) this.#writePacked(index);
    else this.#writeSplit(index);
    if (random.oneIn(10)) this.#writeNoise(index);
    this.#machine.kick(index);
    if (this.#machine.queues[index]!.virtqueue.broken === undefined) return;
    expectSound(this.#machine);
    this.#start(index);
  }

  #address(): bigint {
    const random = this.#random;
    if (!random.oneIn(3)) return hostileAddress(random, this.#machine);
    const { guestAddress, region } = this.#machine.arena.low;
    const at = TABLES_AT + 4096 * random.integer(4);
    region.bytes.set(this.#header, at);
    return BigInt(guestAddress + at);
  }

  #length(): number {
    const random = this.#random;
    return random.oneIn(3)
      ? hostileWord(random)
      : random.pick([0, 1, 16, 72, 152, 64, 65, 640]);
  }

  #flags(): number {
    const random = this.#random;
    return random.oneIn(8)
      ? random.integer(0x1_0000)
      : random.pick([0, 1, 1, 1, WRITE, WRITE | 1, WRITE | 1, 4, 4, 5]);
  }

  #next(size: number): number {
    const random = this.#random;
    return random.oneIn(6) ? random.integer(0x1_0000) : random.integer(size);
  }

  /** A table that indirect descriptors can hit. */
  #writeTable(): void {
    const random = this.#random;
    const { region } = this.#machine.arena.low;
    const at = TABLES_AT + 4096 * random.integer(4) + 1024;
    const descriptor = random.integer(TABLE_DESCRIPTORS);
    writeRawDescriptor(region, at + 16 * descriptor, {
      address: this.#address(),
      lengthBytes: this.#length(),
      flags: this.#flags(),
      next: this.#next(TABLE_DESCRIPTORS),
    });
  }

  #tableAddress(): bigint {
    const random = this.#random;
    const { guestAddress } = this.#machine.arena.low;
    return random.oneIn(4) ? this.#address() : BigInt(
      guestAddress + TABLES_AT + 4096 * random.integer(4) + 1024,
    );
  }

  #writeSplit(index: number): void {
    const random = this.#random;
    const { region } = this.#machine.arena.low;
    const size = this.#sizes[index]!;
    const ring = new RawSplitRing(region, this.#offsets[index]!, size);
    for (let n = random.integer(size + 1); n > 0; n--) {
      const flags = this.#flags();
      const table = (flags & 4) !== 0;
      ring.descriptor(random.integer(size), {
        address: table ? this.#tableAddress() : this.#address(),
        lengthBytes: table && !random.oneIn(4)
          ? 16 * (1 + random.integer(TABLE_DESCRIPTORS))
          : this.#length(),
        flags,
        next: this.#next(size),
      });
    }
    const count = random.oneIn(20)
      ? random.integer(0x1_0000)
      : random.integer(size + 1);
    for (let i = 0; i < Math.min(count, size); i++) {
      const slot = (this.#indices[index]! + i) % size;
      const head = random.oneIn(40)
        ? random.integer(0x1_0000)
        : random.integer(size);
      ring.availableEntry(slot, head);
    }
    this.#indices[index] = (this.#indices[index]! + count) & 0xffff;
    ring.availableIndex(this.#indices[index]!);
    if (random.oneIn(4)) ring.usedEvent(random.integer(0x1_0000));
  }

  #writePacked(index: number): void {
    const random = this.#random;
    const { region } = this.#machine.arena.low;
    const size = this.#sizes[index]!;
    const ring = new RawPackedRing(region, this.#offsets[index]!, size);
    const wrap = random.oneIn(2) ? 0x80 : 0x8000;
    for (let i = 0; i < size; i++) {
      if (random.oneIn(3)) continue;
      const flags = this.#flags() & 0x7f7f;
      ring.descriptor(i, {
        address: (flags & 4) !== 0 ? this.#tableAddress() : this.#address(),
        lengthBytes: (flags & 4) !== 0
          ? 16 * (1 + random.integer(TABLE_DESCRIPTORS))
          : this.#length(),
        id: random.integer(0x1_0000),
        flags: flags |
          (random.oneIn(9) ? random.pick(AVAILABLE_AND_USED) : wrap),
      });
    }
    if (random.oneIn(4)) {
      ring.driverEvent(random.integer(0x1_0000), random.integer(4));
    }
  }

  /** Bytes of any of the ring's areas, those of the device included. */
  #writeNoise(index: number): void {
    const random = this.#random;
    const { bytes } = this.#machine.arena.low.region;
    const { packed } = this.#machine;
    const size = this.#sizes[index]!;
    const from = random.oneIn(2) ? 0 : ringOffsets(size, packed).driver;
    const room = ringBytes(size, packed) - from;
    for (let n = random.integer(12); n > 0; n--) {
      const at = this.#offsets[index]! + from + random.integer(room);
      bytes[at] = random.integer(256);
    }
  }

  finish(): void {
    expectSound(this.#machine);
    this.#machine.reset();
    expectUsableAndEnd(this.#machine);
  }
}

function ringTarget(name: string, features: bigint): Target {
  return {
    name,
    cases: 300,
    async start(backend, random) {
      const all = F_VERSION_1 | F_INDIRECT_DESC | features |
        (random.oneIn(2) ? F_EVENT_IDX : 0n) |
        (random.oneIn(3) ? F_IN_ORDER : 0n);
      return new RingEpisode(
        await Machine.start({ backend, features: all }),
        random,
      );
    },
  };
}

export const RING_TARGETS: readonly Target[] = [
  ringTarget("ring-split", 0n),
  ringTarget("ring-packed", F_RING_PACKED),
];
