/**
 * Messages of a vhost-user front-end, with descriptors, in any order: a server
 * of this process, one connection after another.
 *
 * @module
 */

import type { Random } from "../../conformance/random.ts";
import { PACKED_START } from "../../device/ring/ring_start.ts";
import { Request } from "../../device/transport/vhost_user/messages.ts";
import { encodeSessionMessage } from "../../device/wire/session_message_encode.ts";
import { logBytesFor } from "../../device/ring/dirty_log.ts";
import { legalSessions } from "../../testing/valid_requests.ts";
import { connect, expectAnswer } from "../../testing/vhost_user_rings.ts";
import {
  GUEST_ADDRESS,
  longs,
  MEMORY_BYTES,
  ScriptedFrontEnd,
  words,
} from "../../testing/scripted_front_end.ts";
import {
  guestMappings,
  openDescriptors,
  startTestServer,
  type TestServer,
} from "../../testing/vhost_user_server.ts";
import {
  type Episode,
  FuzzFailure,
  hostileWord,
  spoil,
  type Target,
} from "./episode.ts";

const MESSAGES = 40;
const GONE_TIMEOUT_MS = 5000;
const RINGS = 3;
const LOG_BYTES = logBytesFor(GUEST_ADDRESS + MEMORY_BYTES);
const RING_SIZE = 64;
const CONFIG_BYTES = 56;
/** With the protocol's own, VERSION_1 and RING_PACKED. */
const PACKED_FEATURES = 0x5_7000_0000n;

interface SentMessage {
  readonly request: number;
  readonly payload: Uint8Array<ArrayBuffer>;
  readonly fds: readonly number[];
}

class SocketEpisode implements Episode {
  readonly #random: Random;
  readonly #server: TestServer;
  readonly #descriptors: number;
  readonly #mappings: number;

  constructor(server: TestServer, random: Random) {
    this.#server = server;
    this.#random = random;
    this.#descriptors = openDescriptors();
    this.#mappings = guestMappings();
  }

  /** One connection. */
  async step(): Promise<void> {
    const random = this.#random;
    const server = this.#server;
    const gone = this.#gone();
    const front = random.oneIn(5)
      ? ScriptedFrontEnd.connect(server.path)
      : connect(server);
    try {
      this.#start(front);
      for (let n = random.integer(MESSAGES); n > 0; n--) {
        if (!this.#send(front)) break;
        if (random.oneIn(4)) await turn();
      }
      await turn();
    } finally {
      front[Symbol.dispose]();
    }
    await this.#until(
      () => this.#gone() > gone,
      () => `a front-end is not gone: ${server.log.slice(-3).join(" | ")}`,
    );
  }

  #gone(): number {
    return this.#server.log.filter((line) => line.includes("gone:")).length;
  }

  /** What a front-end that means it sends first, now and then. */
  #start(front: ScriptedFrontEnd): void {
    const random = this.#random;
    // A ring that runs has a thread, which takes long to start.
    if (!random.oneIn(8)) return;
    const packed = random.oneIn(2);
    if (packed) front.send(Request.SetFeatures, longs(PACKED_FEATURES));
    front.send(Request.SetMemTable, front.memoryTable(), [front.memoryFd]);
    const index = random.integer(RINGS);
    const ring = front.makeRing(index, RING_SIZE, false, packed);
    front.send(Request.SetVringNum, words(index, RING_SIZE));
    front.send(
      Request.SetVringBase,
      words(index, packed ? PACKED_START : 0),
    );
    front.send(Request.SetVringAddr, front.ringAddresses(index, ring));
    front.send(Request.SetVringEnable, words(index, 1));
    if (random.oneIn(2)) {
      front.region.bytes.set(random.bytes(2048), 0x8000 * index);
    }
    front.send(Request.SetVringKick, longs(index), [ring.kickFd]);
    front.libc.signal(ring.kickFd);
  }

  /** Sends a message; false when the device has hung up. */
  #send(front: ScriptedFrontEnd): boolean {
    const random = this.#random;
    const { request, payload, fds } = this.#message(front);
    if (random.oneIn(2)) spoil(random, payload);
    const flags = random.oneIn(12)
      ? random.integer(64)
      : random.pick([1, 1, 9]);
    const descriptors = random.oneIn(6)
      ? Array.from({ length: random.integer(9) }, () => front.memoryFd)
      : fds;
    const lengthBytes = random.oneIn(20) ? hostileWord(random) : payload.length;
    const number = random.oneIn(15) ? random.integer(48) : request;
    const bytes = Uint8Array.from([
      ...words(number, flags, lengthBytes),
      ...payload,
    ]);
    const cut = random.oneIn(15)
      ? bytes.subarray(0, random.integer(bytes.length) + 1)
      : bytes;
    try {
      front.sendRaw(cut, descriptors);
      return true;
    } catch {
      return false;
    }
  }

  #message(front: ScriptedFrontEnd): SentMessage {
    const random = this.#random;
    const index = random.integer(RINGS);
    const make = (
      request: number,
      payload: Uint8Array<ArrayBuffer> = new Uint8Array(),
      fds: readonly number[] = [],
    ): SentMessage => ({ request, payload, fds });
    const { memoryFd } = front;
    const table = front.memoryTable();
    const fd = random.pick([front.eventfd(), front.eventfd(), memoryFd]);
    // The guest's own memory serves as the region, too.
    const inflight = Uint8Array.from([
      ...longs(MEMORY_BYTES, 0),
      ...words(RINGS | RING_SIZE << 16, 0),
    ]);
    const config = () =>
      Uint8Array.from([
        ...words(0, CONFIG_BYTES, 0),
        ...new Uint8Array(CONFIG_BYTES),
      ]);
    return random.pick([
      () => make(random.pick([1, 3, 4, 15, 17, 34, 36, 40])),
      () => make(Request.SetFeatures, longs(0x1_7000_0000n)),
      () => make(Request.SetProtocolFeatures, longs(0x9_b2abn)),
      () => make(Request.SetMemTable, table, [memoryFd]),
      () => make(Request.SetMemTable, table, [memoryFd]),
      () => make(Request.AddMemReg, table, [memoryFd]),
      () => make(Request.RemMemReg, table),
      () => make(Request.SetVringNum, words(index, 64)),
      () => make(Request.SetVringBase, words(index, random.integer(70_000))),
      () =>
        make(
          Request.SetVringAddr,
          front.ringAddresses(index, front.makeRing(index)),
        ),
      () => make(Request.SetVringKick, longs(index), [fd]),
      () => make(Request.SetVringCall, longs(index), [fd]),
      () => make(Request.SetVringErr, longs(index), [fd]),
      () => make(Request.SetVringEnable, words(index, random.integer(2))),
      () => make(Request.GetVringBase, words(index, 0)),
      () => make(Request.GetConfig, config()),
      () => make(Request.SetConfig, config()),
      () => make(Request.SetStatus, longs(random.integer(256))),
      () => make(Request.SetBackendReqFd, new Uint8Array(), [fd]),
      () => make(Request.CreateCryptoSession, this.#session()),
      () => make(Request.CreateCryptoSession, this.#session()),
      () => make(Request.CloseCryptoSession, longs(random.integer(40))),
      () => make(Request.SetLogBase, longs(LOG_BYTES, 0), [memoryFd]),
      () => make(Request.GetInflightFd, inflight),
      () => make(Request.SetInflightFd, inflight, [memoryFd]),
      () =>
        make(
          Request.SetDeviceStateFd,
          words(random.integer(2), 0),
          [memoryFd],
        ),
      () => make(Request.CheckDeviceState),
      () => make(random.integer(48), random.bytes(random.integer(200)), [fd]),
    ])();
  }

  #session(): Uint8Array<ArrayBuffer> {
    const random = this.#random;
    const fitting = legalSessions().filter(({ service }) =>
      service === "cipher" || service === "chain"
    );
    const layout = random.pick(["A", "B", "C"] as const);
    return encodeSessionMessage(random.pick(fitting), layout);
  }

  async #until(condition: () => boolean, what: () => string): Promise<void> {
    const end = performance.now() + GONE_TIMEOUT_MS;
    while (!condition()) {
      if (performance.now() > end) throw new FuzzFailure(what());
      await turn();
    }
  }

  async finish(): Promise<void> {
    try {
      await expectAnswer(this.#server);
      await this.#until(
        () =>
          openDescriptors() <= this.#descriptors &&
          guestMappings() <= this.#mappings,
        () =>
          `${openDescriptors()} descriptors of ${this.#descriptors}, ` +
          `${guestMappings()} mappings of ${this.#mappings}`,
      );
      if (this.#server.device.sessions.size !== 0) {
        throw new FuzzFailure("sessions outlive their front-end");
      }
    } finally {
      await this.#server[Symbol.asyncDispose]();
    }
  }
}

const turn = () => new Promise<void>((resolve) => setTimeout(resolve, 1));

export const SOCKET_TARGET: Target = {
  name: "socket",
  cases: 15,
  async start(backend, random) {
    const server = await startTestServer(undefined, backend);
    // What the first connection opens, the server and this process keep.
    await expectAnswer(server);
    return new SocketEpisode(server, random);
  },
};
