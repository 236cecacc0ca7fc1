/**
 * Data requests: legal ones of every service, spoiled, in chains that are in
 * order.
 *
 * @module
 */

import type { Random } from "../../conformance/random.ts";
import {
  F_AEAD_STATELESS_MODE,
  F_AKCIPHER_STATELESS_MODE,
  F_CIPHER_STATELESS_MODE,
  F_HASH_STATELESS_MODE,
  F_INDIRECT_DESC,
  F_MAC_STATELESS_MODE,
  F_REVISION_1,
  F_RING_PACKED,
  F_VERSION_1,
} from "../../device/wire/features.ts";
import { Status } from "../../device/wire/status.ts";
import { HandRing, type Piece } from "../../testing/hand_ring.ts";
import { Machine } from "../../testing/machine.ts";
import { legalRequest } from "../../testing/valid_requests.ts";
import {
  type Episode,
  expectNone,
  expectSound,
  FuzzFailure,
  hostileWord,
  spoil,
  type Target,
} from "./episode.ts";
import {
  expectUsableAndEnd,
  type KnownSession,
  openLegalSessions,
} from "./known_answer.ts";
import { readPieces, Scatter } from "./pieces.ts";

const RING_SIZE = 64;
const CANARY = 0xa5;
const STATELESS = F_CIPHER_STATELESS_MODE | F_HASH_STATELESS_MODE |
  F_MAC_STATELESS_MODE | F_AEAD_STATELESS_MODE | F_AKCIPHER_STATELESS_MODE;
const SOURCE_LENGTHS = [
  0,
  1,
  15,
  16,
  17,
  32,
  48,
  64,
  100,
  128,
  256,
  1024,
  4096,
];

class DataEpisode implements Episode {
  readonly #random: Random;
  readonly #machine: Machine;
  readonly #ring: HandRing;
  readonly #sessions: readonly KnownSession[];
  readonly #stateless: boolean;
  #snapshot: Uint8Array;

  constructor(machine: Machine, random: Random, stateless: boolean) {
    this.#random = random;
    this.#machine = machine;
    this.#stateless = stateless;
    this.#ring = new HandRing(machine, 0, RING_SIZE, 0);
    this.#snapshot = machine.arena.snapshot();
    this.#sessions = openLegalSessions(machine);
  }

  step(): void {
    const random = this.#random;
    const { readable, writableBytes } = this.#makeRequest();
    const scatter = new Scatter(random, this.#machine, this.#ring.endOffset);
    const table = random.oneIn(3) ? scatter.place(RING_SIZE * 16) : undefined;
    const inPieces = scatter.write(readable, random.pick([1, 3, 12]));
    const outPieces = scatter.room(writableBytes, random.pick([1, 3, 12]));
    for (const { address, lengthBytes } of outPieces) {
      scatter.fill(address, new Uint8Array(lengthBytes).fill(CANARY));
    }
    this.#send([...inPieces, ...outPieces], outPieces, table);
  }

  #makeRequest(): { readable: Uint8Array; writableBytes: number } {
    const random = this.#random;
    const { id, description } = random.pick(this.#sessions);
    const lengths = {
      operation: random.integer(description.service === "akcipher" ? 4 : 2),
      sourceBytes: random.pick(SOURCE_LENGTHS),
      additionalDataBytes: random.pick([0, 1, 16, 20, 128]),
      destinationBytes: random.pick([0, 1, 127, 128, 129, 256]),
    };
    const legal = legalRequest(
      this.#machine.device.mode,
      description,
      this.#stateless && random.oneIn(2) ? undefined : id,
      lengths,
    );
    let { readable, writableBytes } = legal;
    const { keyAt } = legal.request;
    readable.set(random.bytes(Math.min(64, readable.length - keyAt)), keyAt);
    if (random.oneIn(3)) return { readable, writableBytes: writableBytes + 1 };
    if (!random.oneIn(5)) {
      spoil(random, readable, Math.min(100, readable.length));
    }
    const change = random.integer(6);
    if (change === 0) {
      readable = readable.slice(0, random.integer(readable.length + 1));
    } else if (change === 1) {
      const longer = new Uint8Array(readable.length + random.integer(300));
      longer.set(readable);
      readable = longer;
    }
    if (random.oneIn(4)) writableBytes = Math.min(hostileWord(random), 5000);
    return { readable, writableBytes: writableBytes + random.integer(3) };
  }

  #send(
    pieces: readonly Piece[],
    outPieces: readonly Piece[],
    table: number | undefined,
  ): void {
    const { arena } = this.#machine;
    const inHigh = table !== undefined &&
      table + RING_SIZE * 16 > arena.high.guestAddress;
    const tableAddress = inHigh ? undefined : table;
    // The descriptors themselves may be written by the driver after this.
    arena.snapshot(this.#snapshot);
    const used = this.#ring.submit(pieces, tableAddress);
    if (!used) throw new FuzzFailure("a well-formed chain was not answered");
    this.#ring.acceptRingWrites(this.#snapshot);
    this.#acceptDriverWrites(tableAddress, pieces.length);
    for (const { address, lengthBytes } of outPieces) {
      arena.accept(this.#snapshot, address, lengthBytes);
    }
    expectNone(
      "written outside writable buffers",
      arena.difference(this.#snapshot),
    );
    checkOutcome(used.lengthBytes, readPieces(this.#machine, outPieces));
    expectNone("backend contract", this.#machine.watch.problems[0]);
  }

  #acceptDriverWrites(table: number | undefined, count: number): void {
    const { arena } = this.#machine;
    arena.accept(this.#snapshot, arena.low.guestAddress, this.#ring.endOffset);
    if (table !== undefined) arena.accept(this.#snapshot, table, 16 * count);
  }

  finish(): void {
    expectSound(this.#machine);
    expectUsableAndEnd(this.#machine);
  }
}

/** Used length, status and untouched bytes belong together. */
function checkOutcome(usedBytes: number, written: Uint8Array): void {
  if (written.length === 0) {
    if (usedBytes === 0) return;
    throw new FuzzFailure(`used length ${usedBytes} without a buffer`);
  }
  const status = written.at(-1)!;
  if (usedBytes < 1 || usedBytes > written.length) {
    throw new FuzzFailure(`used length ${usedBytes} of ${written.length}`);
  }
  if (status > Status.KeyRejected) throw new FuzzFailure(`status ${status}`);
  if (status !== Status.Ok && usedBytes !== 1) {
    throw new FuzzFailure(`status ${status} with used length ${usedBytes}`);
  }
  const rest = written.subarray(status === Status.Ok ? usedBytes - 1 : 0, -1);
  const touched = status === Status.Ok
    ? rest.some((byte) => byte !== CANARY)
    : rest.some((byte) => byte !== CANARY && byte !== 0);
  if (touched) {
    throw new FuzzFailure(
      `status ${status}, used length ${usedBytes}, and more was written`,
    );
  }
}

function dataTarget(
  name: string,
  features: bigint,
  stateless: boolean,
): Target {
  return {
    name,
    cases: 400,
    async start(backend, random) {
      const all = F_VERSION_1 | F_INDIRECT_DESC | features |
        (random.oneIn(3) ? F_RING_PACKED : 0n);
      const machine = await Machine.start({ backend, features: all });
      return new DataEpisode(machine, random, stateless);
    },
  };
}

export const DATA_TARGETS: readonly Target[] = [
  dataTarget("data-legacy", 0n, false),
  dataTarget("data-revision1", F_REVISION_1, false),
  dataTarget("data-stateless", F_REVISION_1 | STATELESS, true),
  dataTarget("data-packed", F_RING_PACKED | F_REVISION_1 | STATELESS, true),
];
