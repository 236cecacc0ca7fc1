/**
 * A vhost-user front-end whose every message a test writes itself.
 *
 * @module
 */

import {
  EAGAIN,
  type Libc,
  nativeBuffer,
  openLibc,
  regionAt,
} from "../ffi/libc.ts";
import type { Mapping } from "../ffi/libc.ts";
import { connectUnix, SocketMessages } from "../ffi/libc_socket.ts";
import { createDriverQueue } from "../driver/rings/create_driver_queue.ts";
import type { DriverQueue } from "../driver/rings/driver_queue.ts";
import type { Region } from "../memory/region.ts";
import { isReadable } from "./readable.ts";

export const GUEST_ADDRESS = 0x1_0000_0000;
export const USER_ADDRESS = 0x7f12_3450_0000;
export const MEMORY_BYTES = 4 * 1024 * 1024;
const RING_ROOM_BYTES = 0x8000;
const DATA_START = 0x10_0000;
/** The first queue thread of a test run is slow to load, a minute where emulated. */
const WAIT_MS = 180_000;
const NEED_REPLY = 0x8;

/** A reply as it came. */
export interface Reply {
  readonly request: number;
  readonly flags: number;
  readonly payload: Uint8Array;
}

/** `words` as 32-bit little-endian fields. */
export function words(...values: number[]): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(4 * values.length);
  const view = new DataView(payload.buffer);
  values.forEach((value, i) => view.setUint32(4 * i, value, true));
  return payload;
}

/** `values` as 64-bit little-endian fields. */
export function longs(
  ...values: (number | bigint)[]
): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(8 * values.length);
  const view = new DataView(payload.buffer);
  values.forEach((value, i) => view.setBigUint64(8 * i, BigInt(value), true));
  return payload;
}

/** A ring that the test drives, with its descriptors. */
export interface ScriptedRing {
  readonly queue: DriverQueue;
  readonly kickFd: number;
  callFd: number;
}

/** One connection with 4 MiB of guest memory. */
export class ScriptedFrontEnd implements Disposable {
  readonly libc: Libc;
  readonly fd: number;
  readonly memoryFd: number;
  readonly region: Region;
  /** Descriptors that replies have brought, the front-end's to close. */
  readonly received: number[] = [];
  readonly #mapping: Mapping;
  readonly #messages: SocketMessages;
  readonly #owned: number[] = [];
  #next = DATA_START;

  /** With the memory of `other`, or with its own. */
  constructor(fd: number, other?: ScriptedFrontEnd) {
    this.libc = openLibc();
    this.fd = fd;
    this.#messages = new SocketMessages(this.libc);
    this.memoryFd = other
      ? this.libc.duplicate(other.memoryFd)
      : this.libc.memfdCreate("guest", MEMORY_BYTES);
    this.#owned.push(fd, this.memoryFd);
    this.#mapping = this.libc.map(this.memoryFd, 0, MEMORY_BYTES) as Mapping;
    this.region = regionAt(this.#mapping.address, MEMORY_BYTES);
  }

  /** Connects to the device at `path`. */
  static connect(path: string, other?: ScriptedFrontEnd): ScriptedFrontEnd {
    const libc = openLibc();
    const fd = connectUnix(libc, path);
    if (fd < 0) throw new Error(`Cannot connect: ${libc.describe(fd)}`);
    return new ScriptedFrontEnd(fd, other);
  }

  /** Sends bytes as they are. */
  sendRaw(bytes: Uint8Array, fds: readonly number[] = []): void {
    const native = nativeBuffer(bytes.length);
    native.set(bytes);
    const sent = this.#messages.send(this.fd, native, fds, true);
    if (sent !== bytes.length) throw new Error(`Sent ${sent}`);
  }

  send(
    request: number,
    payload: Uint8Array = new Uint8Array(),
    fds: readonly number[] = [],
    flags = 1,
  ): void {
    const header = words(request, flags, payload.length);
    this.sendRaw(Uint8Array.from([...header, ...payload]), fds);
  }

  /** Sends a request and returns its reply's payload. */
  async ask(
    request: number,
    payload?: Uint8Array,
    fds: readonly number[] = [],
    flags = 1,
  ): Promise<Uint8Array> {
    this.send(request, payload, fds, flags);
    const reply = await this.receive();
    if (reply?.request !== request || reply.flags !== 5) {
      throw new Error(`Reply to ${request} is ${JSON.stringify(reply)}`);
    }
    return reply.payload;
  }

  /** Sends a request that wants an acknowledgement; returns it. */
  async tell(
    request: number,
    payload?: Uint8Array,
    fds: readonly number[] = [],
  ): Promise<number> {
    const reply = await this.ask(request, payload, fds, 1 | NEED_REPLY);
    return u64(reply);
  }

  /** The next reply; undefined when the device has hung up. */
  async receive(): Promise<Reply | undefined> {
    const header = await this.#receiveBytes(12);
    if (!header) return undefined;
    const view = new DataView(header.buffer);
    const payload = await this.#receiveBytes(view.getUint32(8, true));
    if (!payload) return undefined;
    return {
      request: view.getUint32(0, true),
      flags: view.getUint32(4, true),
      payload,
    };
  }

  async #receiveBytes(
    length: number,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const bytes = nativeBuffer(length);
    let done = 0;
    while (done < length) {
      if (!await isReadable(this.fd, WAIT_MS)) throw new Error("No reply");
      const got = this.#messages.receive(
        this.fd,
        bytes.subarray(done),
        this.received,
      );
      if (got === -EAGAIN) continue;
      if (got <= 0) return undefined;
      done += got;
    }
    return bytes;
  }

  /** A descriptor that is closed with the front-end. */
  eventfd(): number {
    const fd = this.libc.eventfd();
    this.#owned.push(fd);
    return fd;
  }

  /** Closes a descriptor that is no longer needed. */
  close(fd: number): void {
    this.#owned.splice(this.#owned.indexOf(fd), 1);
    this.libc.close(fd);
  }

  /** Payload of SET_MEM_TABLE with the whole memory. */
  memoryTable(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from([
      ...words(1, 0),
      ...longs(GUEST_ADDRESS, MEMORY_BYTES, USER_ADDRESS, 0),
    ]);
  }

  /** Makes an empty ring in guest memory; the device does not know of it yet. */
  makeRing(
    index: number,
    size = 64,
    eventIndex = false,
    packed = false,
  ): ScriptedRing {
    const offset = index * RING_ROOM_BYTES;
    this.region.bytes.fill(0, offset, offset + RING_ROOM_BYTES);
    const queue = createDriverQueue({
      region: this.region,
      regionGuestAddress: GUEST_ADDRESS,
      offset,
      size,
      packed,
      eventIndex,
      inOrder: false,
    });
    return { queue, kickFd: this.eventfd(), callFd: this.eventfd() };
  }

  /** Payload of SET_VRING_ADDR. */
  ringAddresses(
    index: number,
    ring: { readonly queue: DriverQueue },
  ): Uint8Array<ArrayBuffer> {
    const { descriptorAddress, usedAddress, availableAddress } =
      ring.queue.addresses;
    const user = (address: number) => address - GUEST_ADDRESS + USER_ADDRESS;
    return Uint8Array.from([
      ...words(index, 0),
      ...longs(
        user(descriptorAddress),
        user(usedAddress),
        user(availableAddress),
        0xdead_beef,
      ),
    ]);
  }

  /** Runs one request on a ring and returns what the device wrote. */
  async request(
    ring: ScriptedRing,
    pieces: readonly Uint8Array[],
    writableBytes: readonly number[],
    kick = true,
  ): Promise<Uint8Array[]> {
    const place = (bytes: Uint8Array) => {
      const at = this.#next;
      this.#next += bytes.length;
      this.region.bytes.set(bytes, at);
      return { guestAddress: GUEST_ADDRESS + at, lengthBytes: bytes.length };
    };
    const mark = this.#next;
    const writable = writableBytes.map((length) =>
      place(new Uint8Array(length))
    );
    ring.queue.add(pieces.map(place), writable, 0);
    ring.queue.publish();
    if (kick) this.libc.signal(ring.kickFd);
    while (ring.queue.enableInterrupts() === false) {
      if (!await isReadable(ring.callFd, WAIT_MS)) {
        throw new Error("The request was not answered");
      }
      this.libc.clear(ring.callFd);
    }
    ring.queue.take();
    this.#next = mark;
    return writable.map(({ guestAddress, lengthBytes }) => {
      const at = guestAddress - GUEST_ADDRESS;
      return this.region.bytes.slice(at, at + lengthBytes);
    });
  }

  /** Closes everything of the front-end. */
  [Symbol.dispose](): void {
    for (const fd of [...this.#owned, ...this.received]) this.libc.close(fd);
    this.#owned.length = 0;
    this.received.length = 0;
    this.libc.unmap(this.#mapping);
  }
}

/** A 64-bit field as a number. */
export function u64(payload: Uint8Array): number {
  const view = new DataView(payload.buffer, payload.byteOffset);
  return Number(view.getBigUint64(0, true));
}
