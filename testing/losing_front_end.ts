/**
 * A front-end whose second region can lose its pages: rings, requests or tables
 * are there.
 *
 * @module
 */

import { strictEqual } from "node:assert/strict";
import {
  OFFERED_PROTOCOL_FEATURES,
  Request,
} from "../device/transport/vhost_user/messages.ts";
import { type Mapping, regionAt } from "../ffi/libc.ts";
import type { Region } from "../memory/region.ts";
import { type RawDescriptor, RawSplitRing } from "./raw_ring.ts";
import {
  GUEST_ADDRESS,
  longs,
  MEMORY_BYTES,
  ScriptedFrontEnd,
  USER_ADDRESS,
  words,
} from "./scripted_front_end.ts";

/** Bytes of the second region. */
export const LENT_BYTES = 0x20_0000;
/** Where a request is in it, and its result, and its table. */
export const REQUEST_AT = 0x8_0000;
export const RESULT_AT = 0x10_0000;
export const TABLE_AT = 0x18_0000;
export const NEXT = 1;
export const WRITE = 2;
export const INDIRECT = 4;

const LENT_ADDRESS = 0x2_0000_0000;
const LENT_USER_ADDRESS = USER_ADDRESS + 0x1_0000_0000;
const RING_ROOM_BYTES = 0x8000;
export const RING_SIZE = 64;
const FEATURES = (1n << 32n) | (1n << 30n) | (1n << 28n);

/** The guest's address of an offset in the second region. */
export const lentAddress = (offset: number): bigint =>
  BigInt(LENT_ADDRESS + offset);

/** A ring of a {@linkcode LosingFrontEnd}. */
export interface LosingRing {
  readonly kickFd: number;
  readonly callFd: number;
  /** Absent for a ring of the second region. */
  readonly own: RawSplitRing | undefined;
  sent: number;
}

/** A connection with two regions; the second one's file is the test's. */
export class LosingFrontEnd implements Disposable {
  readonly front: ScriptedFrontEnd;
  readonly lentFd: number;

  private constructor(front: ScriptedFrontEnd, lentFd: number) {
    this.front = front;
    this.lentFd = lentFd;
  }

  /** Connects, and shares its memory and the file `lentFd`, which it closes. */
  static async connect(path: string, lentFd: number): Promise<LosingFrontEnd> {
    const front = ScriptedFrontEnd.connect(path);
    front.send(Request.SetProtocolFeatures, longs(OFFERED_PROTOCOL_FEATURES));
    front.send(Request.SetFeatures, longs(FEATURES));
    const table = Uint8Array.from([
      ...words(2, 0),
      ...longs(GUEST_ADDRESS, MEMORY_BYTES, USER_ADDRESS, 0),
      ...longs(LENT_ADDRESS, LENT_BYTES, LENT_USER_ADDRESS, 0),
    ]);
    const fds = [front.memoryFd, lentFd];
    strictEqual(await front.tell(Request.SetMemTable, table, fds), 0);
    return new LosingFrontEnd(front, lentFd);
  }

  /** Starts a ring in one of the regions. */
  async startRing(index: number, where: "own" | "lent"): Promise<LosingRing> {
    const { front } = this;
    const ring = front.makeRing(index, RING_SIZE);
    const { kickFd, callFd } = ring;
    const addresses = front.ringAddresses(index, ring);
    if (where === "lent") {
      const view = new DataView(addresses.buffer);
      for (const at of [8, 16, 24]) {
        const offset = view.getBigUint64(at, true) - BigInt(USER_ADDRESS);
        view.setBigUint64(at, BigInt(LENT_USER_ADDRESS) + offset, true);
      }
    }
    front.send(Request.SetVringNum, words(index, RING_SIZE));
    front.send(Request.SetVringBase, words(index, 0));
    front.send(Request.SetVringAddr, addresses);
    front.send(Request.SetVringCall, longs(index), [callFd]);
    front.send(Request.SetVringEnable, words(index, 1));
    const kick = longs(index);
    strictEqual(await front.tell(Request.SetVringKick, kick, [kickFd]), 0);
    const at = index * RING_ROOM_BYTES;
    const own = where === "own"
      ? new RawSplitRing(front.region, at, RING_SIZE)
      : undefined;
    return { kickFd, callFd, own, sent: 0 };
  }

  /** Writes bytes to the second region, while that has its pages. */
  fill(at: number, bytes: Uint8Array): void {
    this.change((region) => region.bytes.set(bytes, at));
  }

  /** Lets `change` have the second region, while that has its pages. */
  change(change: (region: Region) => void): void {
    const { libc } = this.front;
    const mapping = libc.map(this.lentFd, 0, LENT_BYTES) as Mapping;
    change(regionAt(mapping.address, LENT_BYTES));
    libc.unmap(mapping);
  }

  /** Makes `times` requests available, all of these descriptors. */
  send(
    ring: LosingRing,
    descriptors: readonly RawDescriptor[],
    times = 1,
  ): void {
    const { own } = ring;
    if (!own) throw new Error("This ring's memory is lent");
    descriptors.forEach((one, index) => own.descriptor(index, one));
    for (let i = 0; i < times; i++) {
      own.availableEntry(ring.sent % RING_SIZE, 0);
      ring.sent = (ring.sent + 1) & 0xffff;
    }
    own.availableIndex(ring.sent);
    this.kick(ring);
  }

  kick({ kickFd }: LosingRing): void {
    this.front.libc.signal(kickFd);
  }

  /** Takes all pages of the second region away. */
  lose(): void {
    this.front.libc.truncate(this.lentFd, 0);
  }

  [Symbol.dispose](): void {
    this.front.libc.close(this.lentFd);
    this.front[Symbol.dispose]();
  }
}

/** The descriptors of a request in the second region. */
export function lentRequest(
  readableBytes: number,
  writableBytes: number,
): RawDescriptor[] {
  return [
    {
      address: lentAddress(REQUEST_AT),
      lengthBytes: readableBytes,
      flags: NEXT,
      next: 1,
    },
    {
      address: lentAddress(RESULT_AT),
      lengthBytes: writableBytes,
      flags: WRITE,
    },
  ];
}
