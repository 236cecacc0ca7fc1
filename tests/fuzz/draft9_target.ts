/**
 * Data requests of the v9 draft: their buffers are addresses in the request.
 *
 * @module
 */

import type { Random } from "../../conformance/random.ts";
import { DRAFT_9_REQUEST_BYTES } from "../../device/wire/draft9.ts";
import {
  Draft9DataRequest,
  encodeDraft9Data,
} from "../../device/wire/draft9_data.ts";
import {
  F_INDIRECT_DESC,
  F_RING_PACKED,
  F_VERSION_1,
} from "../../device/wire/features.ts";
import { Status } from "../../device/wire/status.ts";
import { HandRing } from "../../testing/hand_ring.ts";
import { Machine } from "../../testing/machine.ts";
import { describeRequest } from "../../testing/valid_requests.ts";
import {
  type Episode,
  expectNone,
  expectSound,
  FuzzFailure,
  hostileAddress,
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

const RING_SIZE = 16;
const SOURCE_LENGTHS = [0, 1, 16, 17, 32, 64, 256, 1024, 4096];
/** Longest digest of the sessions that are tried. */
const DIGEST_BYTES = 64;
/** Where destinations and digests may be named, in all of the structures. */
const RESULT_ADDRESSES_AT = [40, 48, 56, 64, 72, 80];

/** Statuses of requests that were not carried out. */
const REFUSALS: readonly Status[] = [
  Status.NotSupported,
  Status.InvalidSession,
];

class Draft9Episode implements Episode {
  readonly #random: Random;
  readonly #machine: Machine;
  #ring: HandRing;
  readonly #sessions: readonly KnownSession[];
  readonly #snapshot: Uint8Array;

  constructor(machine: Machine, random: Random) {
    this.#random = random;
    this.#machine = machine;
    this.#ring = new HandRing(machine, 0, RING_SIZE, 0);
    this.#snapshot = machine.arena.snapshot();
    this.#sessions = openLegalSessions(machine);
  }

  step(): void {
    const { arena } = this.#machine;
    const random = this.#random;
    const scatter = new Scatter(random, this.#machine, this.#ring.endOffset);
    const structure = this.#makeRequest(scatter);
    const pieces = scatter.write(structure, random.pick([1, 1, 4]))
      .map((piece) => ({ ...piece, writable: !random.oneIn(50) }));
    pieces.sort((a, b) => Number(a.writable) - Number(b.writable));
    arena.snapshot(this.#snapshot);
    const request = readPieces(
      this.#machine,
      pieces.filter((piece) => piece.writable),
    );
    const used = this.#ring.submit(pieces);
    if (this.#namesRing(structure)) {
      // Results in the ring itself: what the driver sees is its own doing.
      this.#ring = new HandRing(this.#machine, 0, RING_SIZE, 0);
      return;
    }
    if (!used) throw new FuzzFailure("a well-formed chain was not answered");
    const { guestAddress } = arena.low;
    arena.accept(this.#snapshot, guestAddress, this.#ring.endOffset);
    const writable = pieces.filter((piece) => piece.writable);
    const answer = readPieces(this.#machine, writable);
    for (const { address, lengthBytes } of writable) {
      arena.accept(this.#snapshot, address, lengthBytes);
    }
    const status = this.#checkAnswer(request, answer, used.lengthBytes);
    if (REFUSALS.includes(status)) expectStatusAlone(request, answer);
    else this.#acceptResults(structure);
    expectNone("written elsewhere", arena.difference(this.#snapshot));
    expectNone("backend contract", this.#machine.watch.problems[0]);
  }

  /** Used length and status belong together, at the place of the status. */
  #checkAnswer(
    request: Uint8Array<ArrayBuffer>,
    answer: Uint8Array<ArrayBuffer>,
    usedBytes: number,
  ): Status {
    const statusAt = this.#statusAt(request);
    const availableBytes = Math.min(request.length, DRAFT_9_REQUEST_BYTES);
    const answered = statusAt + 4 <= request.length;
    if (usedBytes !== (answered ? availableBytes : 0)) {
      throw new FuzzFailure(
        `used length ${usedBytes} of ${request.length}, status at ${statusAt}`,
      );
    }
    if (!answered) return Status.Error;
    const status = new DataView(answer.buffer).getUint32(statusAt, true);
    const isShort = request.length < DRAFT_9_REQUEST_BYTES;
    const expected = isShort
      ? Status.Error
      : isDefined(request)
      ? undefined
      : Status.NotSupported;
    if (status > Status.InvalidSession || status !== (expected ?? status)) {
      throw new FuzzFailure(`status ${status} at ${statusAt}`);
    }
    return status;
  }

  /** Where the draft has the status: service, then session, then op_type. */
  #statusAt(request: Uint8Array<ArrayBuffer>): number {
    const word = (at: number) =>
      at + 4 <= request.length
        ? new DataView(request.buffer).getUint32(at, true)
        : 0;
    const service = word(0) >>> 8;
    if (service === 1 || service === 2) return 56;
    if (service === 3) return 80;
    const session = this.#machine.device.sessions.get(
      word(12) * 2 ** 32 + word(8),
    );
    switch (session?.description.service) {
      case "cipher":
        return 72;
      case "chain":
        return 88;
      default:
        return word(96) === 2 ? 88 : 72;
    }
  }

  #makeRequest(scatter: Scatter): Uint8Array<ArrayBuffer> {
    const random = this.#random;
    const { id, description } = random.pick(this.#sessions);
    const request = new Draft9DataRequest();
    describeRequest(request, description, {
      operation: random.integer(2),
      sourceBytes: random.pick(SOURCE_LENGTHS),
      additionalDataBytes: random.pick([0, 20, 128]),
      destinationBytes: 0,
    });
    request.sessionId = id;
    request.ivAddress = scatter.place(16);
    request.sourceAddress = scatter.place(request.sourceBytes);
    request.additionalDataAddress = scatter.place(request.additionalDataBytes);
    request.destinationAddress = random.oneIn(3)
      ? request.sourceAddress
      : scatter.place(request.sourceBytes);
    request.digestAddress = scatter.place(DIGEST_BYTES);
    const structure = new Uint8Array(
      DRAFT_9_REQUEST_BYTES + (random.oneIn(9) ? random.integer(40) - 20 : 0),
    );
    const whole = new DataView(new ArrayBuffer(DRAFT_9_REQUEST_BYTES));
    encodeDraft9Data(request, whole);
    structure.set(new Uint8Array(whole.buffer).subarray(0, structure.length));
    this.#spoil(structure);
    return structure;
  }

  #spoil(structure: Uint8Array<ArrayBuffer>): void {
    const random = this.#random;
    const view = new DataView(structure.buffer);
    switch (random.integer(4)) {
      case 0:
        return spoil(random, structure);
      case 1: {
        const at = 24 + 8 * random.integer(9);
        if (at + 8 > structure.length) return;
        const address = hostileAddress(random, this.#machine);
        return view.setBigUint64(at, address, true);
      }
      case 2: {
        const at = 24 + 4 * random.integer(4);
        return view.setUint32(at, hostileWord(random), true);
      }
    }
  }

  /** Whether a result could be in the ring. */
  #namesRing(structure: Uint8Array<ArrayBuffer>): boolean {
    const { guestAddress } = this.#machine.arena.low;
    const ringEnd = guestAddress + this.#ring.endOffset;
    return this.#results(structure).some(({ address, lengthBytes }) =>
      address < ringEnd && address + lengthBytes > guestAddress
    );
  }

  #acceptResults(structure: Uint8Array<ArrayBuffer>): void {
    for (const { address, lengthBytes } of this.#results(structure)) {
      this.#machine.arena.accept(this.#snapshot, address, lengthBytes);
    }
  }

  /** What the request itself names as places of results. */
  #results(
    structure: Uint8Array<ArrayBuffer>,
  ): { address: number; lengthBytes: number }[] {
    if (structure.length < DRAFT_9_REQUEST_BYTES) return [];
    const view = new DataView(structure.buffer);
    const resultBytes = Math.max(view.getUint32(28, true), DIGEST_BYTES) +
      view.getUint32(32, true);
    const lengthBytes = Math.min(resultBytes, 64 * 1024);
    return RESULT_ADDRESSES_AT.map((at) => ({
      address: Number(view.getBigUint64(at, true)),
      lengthBytes,
    }));
  }

  finish(): void {
    expectSound(this.#machine);
    expectUsableAndEnd(this.#machine);
  }
}

/** Whether the draft has the opcode: two operations of CIPHER and AEAD. */
function isDefined(request: Uint8Array<ArrayBuffer>): boolean {
  const opcode = new DataView(request.buffer).getUint32(0, true);
  return [0x000, 0x001, 0x100, 0x200, 0x300, 0x301].includes(opcode);
}

/** A refused request is as it was, but for the four bytes of its status. */
function expectStatusAlone(request: Uint8Array, answer: Uint8Array): void {
  const changed = [...request.keys()].filter((i) => request[i] !== answer[i]);
  if (changed.length > 0 && changed.at(-1)! - changed[0]! >= 4) {
    throw new FuzzFailure(`a refusal changed bytes ${changed.join(", ")}`);
  }
}

export const DRAFT_9_TARGET: Target = {
  name: "data-draft9",
  cases: 400,
  async start(backend, random) {
    const features = F_VERSION_1 | F_INDIRECT_DESC |
      (random.oneIn(3) ? F_RING_PACKED : 0n);
    const machine = await Machine.start({
      backend,
      layout: "draft-9",
      features,
    });
    return new Draft9Episode(machine, random);
  },
};
