/**
 * A stand-in for Cloud Hypervisor at the other end of the socket: the messages of
 * its generic vhost-user device, in its order, for a guest that it starts, moves
 * and connects again.
 *
 * @module
 */

import { ok, strictEqual } from "node:assert/strict";
import { Request } from "../device/transport/vhost_user/messages.ts";
import { logBytesFor } from "../device/ring/dirty_log.ts";
import {
  F_EVENT_IDX,
  F_INDIRECT_DESC,
  F_LOG_ALL,
  F_RING_PACKED,
  F_VERSION_1,
  F_VHOST_USER_PROTOCOL_FEATURES,
} from "../device/wire/features.ts";
import { type Mapping, regionAt } from "../ffi/libc.ts";
import {
  GUEST_ADDRESS,
  longs,
  MEMORY_BYTES,
  ScriptedFrontEnd,
  type ScriptedRing,
  u64,
  USER_ADDRESS,
  words,
} from "./scripted_front_end.ts";
import { channel, readToEnd, writeAll } from "./state_channel.ts";

const bit = (number: number) => 1n << BigInt(number);

/** VERSION_1, indirect descriptors, and protocol features. */
const FEATURES = F_VERSION_1 | F_INDIRECT_DESC | F_VHOST_USER_PROTOCOL_FEATURES;
/** CONFIG, MQ, CONFIGURE_MEM_SLOTS, REPLY_ACK, INFLIGHT, LOG, STATE, channel. */
const PROTOCOL_FEATURES = bit(9) | bit(0) | bit(15) | bit(3) | bit(12) |
  bit(1) | bit(19) | bit(5);
const INFLIGHT = bit(12);
const RINGS = 3;
export const CONTROL_RING = 2;
const RING_LOGS = 1;
const SIZE = 64;
const ACCEPTED = 0x100;

/** How a guest starts. */
export interface MovingOptions {
  readonly packed?: boolean;
  readonly eventIndex?: boolean;
  /** More that the driver chooses. */
  readonly features?: bigint;
}

/** A guest that stands still. */
export interface SavedGuest {
  readonly state: Uint8Array<ArrayBuffer>;
  readonly bases: readonly number[];
}

/** What other front-ends do otherwise: crosvm does both. */
export interface MovingManner {
  readonly pipe?: boolean;
  readonly featuresFirst?: boolean;
}

/** The dirty log of one round. */
export interface SharedLog extends Disposable {
  readonly fd: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** One guest of the device at a path. */
export class MovingFrontEnd implements Disposable {
  readonly front: ScriptedFrontEnd;
  rings: readonly ScriptedRing[];
  readonly #features: bigint;
  #protocolFeatures = 0n;
  #inflight: { readonly payload: Uint8Array; readonly fd: number } | undefined;
  readonly #logs: SharedLog[] = [];

  private constructor(
    front: ScriptedFrontEnd,
    rings: readonly ScriptedRing[],
    features: bigint,
  ) {
    this.front = front;
    this.rings = rings;
    this.#features = features;
  }

  /** Starts a guest: one ring of each index, and all of them enabled. */
  static async start(
    path: string,
    { packed = false, eventIndex = false, features: more = 0n }: MovingOptions =
      {},
  ): Promise<MovingFrontEnd> {
    const front = ScriptedFrontEnd.connect(path);
    const rings = Array.from(
      { length: RINGS },
      (_, index) => front.makeRing(index, SIZE, eventIndex, packed),
    );
    const features = FEATURES | (packed ? F_RING_PACKED : 0n) |
      (eventIndex ? F_EVENT_IDX : 0n) | more;
    const guest = new MovingFrontEnd(front, rings, features);
    await guest.#negotiate();
    await guest.#activate(rings.map(() => packed ? 0x8000_8000 : 0));
    return guest;
  }

  /**
   * Goes on with the guest of `from` at another device, from its state and where
   * its rings stood.
   */
  static async restore(
    path: string,
    from: MovingFrontEnd,
    { state, bases }: SavedGuest,
    how: MovingManner = {},
  ): Promise<MovingFrontEnd> {
    const front = ScriptedFrontEnd.connect(path, from.front);
    const guest = new MovingFrontEnd(front, from.rings, from.#features);
    front.send(Request.SetOwner);
    await front.ask(Request.GetFeatures);
    guest.#protocolFeatures = from.#protocolFeatures;
    front.send(Request.SetProtocolFeatures, longs(guest.#protocolFeatures));
    if (how.featuresFirst) {
      await guest.#tell(Request.SetFeatures, longs(guest.#features));
    }
    try {
      await guest.load(state, how);
    } catch (error) {
      guest[Symbol.dispose]();
      throw error;
    }
    await guest.#activate(bases);
    return guest;
  }

  /**
   * Connects the guest of `from` again, whose device has ended: as it was, but for
   * where the rings go on, which is said to be behind all that is available.
   */
  static async reconnect(
    path: string,
    from: MovingFrontEnd,
  ): Promise<MovingFrontEnd> {
    const front = ScriptedFrontEnd.connect(path, from.front);
    const guest = new MovingFrontEnd(front, from.rings, from.#features);
    guest.#protocolFeatures = from.#protocolFeatures;
    guest.#inflight = from.#inflight && {
      ...from.#inflight,
      fd: front.libc.duplicate(from.#inflight.fd),
    };
    front.send(Request.SetOwner);
    await front.ask(Request.GetFeatures);
    front.send(Request.SetProtocolFeatures, longs(guest.#protocolFeatures));
    const { view } = front.region;
    await guest.#activate(
      guest.rings.map(({ queue: { addresses } }) =>
        view.getUint16(addresses.availableAddress - GUEST_ADDRESS + 2, true)
      ),
    );
    return guest;
  }

  /** Stops the guest and reads the device's state. */
  async save(how: MovingManner = {}): Promise<SavedGuest> {
    const { front } = this;
    const bases = await this.#stop();
    const [mine, theirs] = channel(front.libc, how);
    strictEqual(await this.#beginTransfer(0, theirs), ACCEPTED);
    const state = await readToEnd(front.libc, mine);
    front.libc.close(mine);
    await this.#check();
    return { state, bases };
  }

  /** Stops all rings; returns where they stand. */
  async #stop(): Promise<number[]> {
    const { front, rings } = this;
    const bases: number[] = [];
    for (const index of rings.keys()) {
      await this.#tell(Request.SetVringEnable, words(index, 0));
    }
    for (const index of rings.keys()) {
      const answer = await front.ask(Request.GetVringBase, words(index, 0));
      bases.push(new DataView(answer.buffer).getUint32(4, true));
    }
    return bases;
  }

  /** Has the device take a state; throws where it does not. */
  async load(state: Uint8Array, how: MovingManner = {}): Promise<void> {
    const { libc } = this.front;
    const [theirs, mine] = channel(libc, how);
    strictEqual(await this.#beginTransfer(1, theirs), ACCEPTED);
    await writeAll(libc, mine, state);
    libc.close(mine);
    await this.#check();
  }

  /** Begins with another driver, after the rings of the one before have stopped. */
  async rebind(): Promise<void> {
    await this.#stop();
    const packed = (this.#features & F_RING_PACKED) !== 0n;
    this.rings = this.rings.map((_, index) =>
      this.front.makeRing(index, SIZE, false, packed)
    );
    await this.#activate(this.rings.map(() => packed ? 0x8000_8000 : 0));
  }

  /** Goes on after a mere snapshot. */
  async resume({ bases }: SavedGuest): Promise<void> {
    await this.#activate(bases);
  }

  async #beginTransfer(direction: number, fd: number): Promise<number> {
    const payload = words(direction, 0);
    const request = Request.SetDeviceStateFd;
    const answer = u64(await this.front.ask(request, payload, [fd], 9));
    this.front.libc.close(fd);
    return answer;
  }

  async #check(): Promise<void> {
    const none = new Uint8Array();
    const answer = await this.front.ask(Request.CheckDeviceState, none, [], 9);
    if (u64(answer) !== 0) throw new Error("CHECK_DEVICE_STATE fails");
  }

  async #negotiate(): Promise<void> {
    const { front } = this;
    front.send(Request.SetOwner);
    const offered = BigInt(u64(await front.ask(Request.GetFeatures)));
    strictEqual(this.#features & ~offered, 0n);
    strictEqual(F_LOG_ALL & ~offered, 0n);
    const protocol = await front.ask(Request.GetProtocolFeatures);
    this.#protocolFeatures = BigInt(u64(protocol)) & PROTOCOL_FEATURES;
    front.send(Request.SetProtocolFeatures, longs(this.#protocolFeatures));
    // An administration queue is one more, which is left alone.
    ok(u64(await front.ask(Request.GetQueueNum)) >= RINGS);
  }

  /** Everything up to rings that run from `bases` on. */
  async #activate(bases: readonly number[]): Promise<void> {
    const { front, rings } = this;
    await this.#tell(Request.SetFeatures, longs(this.#features));
    const table = front.memoryTable();
    await this.#tell(Request.SetMemTable, table, [front.memoryFd]);
    for (const [index, { queue }] of rings.entries()) {
      await this.#tell(Request.SetVringNum, words(index, queue.size));
    }
    if ((this.#protocolFeatures & INFLIGHT) !== 0n) await this.#track();
    for (const [index, ring] of rings.entries()) {
      const addresses = front.ringAddresses(index, ring);
      await this.#tell(Request.SetVringAddr, addresses);
      await this.#tell(Request.SetVringBase, words(index, bases[index]!));
      await this.#tell(Request.SetVringCall, longs(index), [ring.callFd]);
      await this.#tell(Request.SetVringKick, longs(index), [ring.kickFd]);
    }
    for (const index of rings.keys()) {
      await this.#tell(Request.SetVringEnable, words(index, 1));
    }
  }

  /** Shares the in-flight region, and asks for it the first time. */
  async #track(): Promise<void> {
    const { front } = this;
    if (!this.#inflight) {
      // As C has it, with 4 bytes at its end.
      const question = Uint8Array.from([
        ...longs(0, 0),
        ...words(RINGS | SIZE << 16, 0),
      ]);
      const payload = await front.ask(Request.GetInflightFd, question, [], 9);
      const [fd] = front.received.splice(0);
      this.#inflight = { payload, fd: fd! };
    }
    const { payload, fd } = this.#inflight;
    await this.#tell(Request.SetInflightFd, payload, [fd]);
  }

  async #tell(
    request: number,
    payload: Uint8Array,
    fds: readonly number[] = [],
  ): Promise<void> {
    strictEqual(await this.front.tell(request, payload, fds), 0);
  }

  /** Begins to log: the log first, then the feature, then each ring's. */
  async startLogging(): Promise<SharedLog> {
    const log = await this.nextLog();
    await this.#tell(Request.SetFeatures, longs(this.#features | F_LOG_ALL));
    for (const [index, ring] of this.rings.entries()) {
      const payload = this.front.ringAddresses(index, ring);
      const view = new DataView(payload.buffer);
      view.setUint32(4, RING_LOGS, true);
      const used = BigInt(ring.queue.addresses.usedAddress);
      view.setBigUint64(32, used, true);
      await this.#tell(Request.SetVringAddr, payload);
    }
    return log;
  }

  /** Ends the logging. */
  async stopLogging(): Promise<void> {
    await this.#tell(Request.SetFeatures, longs(this.#features));
  }

  /** Has a new log used; the one before is complete then. */
  async nextLog(): Promise<SharedLog> {
    const { libc } = this.front;
    const lengthBytes = logBytesFor(GUEST_ADDRESS + MEMORY_BYTES);
    const fd = libc.memfdCreate("guest-log", lengthBytes);
    const mapping = libc.map(fd, 0, lengthBytes) as Mapping;
    const log = {
      fd,
      bytes: regionAt(mapping.address, lengthBytes).bytes,
      [Symbol.dispose]() {
        libc.unmap(mapping);
        libc.close(fd);
      },
    };
    this.#logs.push(log);
    const payload = longs(lengthBytes, 0);
    // The reply is the payload even where an acknowledgement is asked for.
    const reply = await this.front.ask(Request.SetLogBase, payload, [fd], 9);
    strictEqual(`${reply}`, `${payload}`);
    return log;
  }

  /** Ends everything, as a VMM that dies does. */
  [Symbol.dispose](): void {
    for (const log of this.#logs) log[Symbol.dispose]();
    if (this.#inflight) this.front.libc.close(this.#inflight.fd);
    this.front[Symbol.dispose]();
  }
}

/** A guest address as the front-end names it. */
export const userAddress = (address: number): number =>
  address - GUEST_ADDRESS + USER_ADDRESS;
