/**
 * Requests that are like the one before but for their bytes, their places and
 * sometimes a field of their header: they get the answer that they would get if
 * they came first.
 *
 * @module
 */

import type { Random } from "../../conformance/random.ts";
import {
  F_INDIRECT_DESC,
  F_REVISION_1,
  F_RING_PACKED,
  F_VERSION_1,
} from "../../device/wire/features.ts";
import { ServiceNumber } from "../../device/wire/opcodes.ts";
import { LOW_ADDRESS } from "../../testing/arena.ts";
import { HandRing } from "../../testing/hand_ring.ts";
import { Machine } from "../../testing/machine.ts";
import { readable, writable } from "../../testing/overlap.ts";
import {
  type Episode,
  expectNone,
  expectSound,
  FuzzFailure,
  spoil,
  type Target,
} from "./episode.ts";
import { expectUsableAndEnd } from "./known_answer.ts";
import {
  anyRequest,
  openRepeatableSessions,
  type RepeatableSession,
} from "./overlap_target.ts";

const RING_SIZE = 64;
const AREA_AT = 16 * 1024;
/** A device-readable part, and then a device-writable part. */
const READABLE_ROOM_BYTES = 8 * 1024;
const WRITABLE_ROOM_BYTES = 6 * 1024;
/** A header is compared where it is in one piece. */
const FIRST_PIECE_BYTES = 104;
const HEADER_BYTES = 72;
const SESSION_ID_AT = 8;
const FLAG_AT = 16;
const LENGTHS = [16, 32, 48, 64, 208, 1024, 4096];
/** Places of a request; the device has to look at the header's alignment. */
const ALIGNMENT_BYTES = 4;

/** How a request is cut, which is the same for those that are to be alike. */
interface Shape {
  readonly inBytes: readonly number[];
  readonly outBytes: readonly number[];
}

interface Answer {
  readonly usedBytes: number;
  readonly status: number;
  readonly result: string;
}

/** Requests on one ring, one at a time, so that one slot has them all. */
export class RepeatEpisode implements Episode {
  readonly #random: Random;
  readonly #machine: Machine;
  readonly #ring: HandRing;
  readonly #sessions: readonly RepeatableSession[];
  /** Requests sent, and those that were like the one before. */
  sent = 0;
  alike = 0;

  constructor(machine: Machine, random: Random) {
    this.#random = random;
    this.#machine = machine;
    this.#ring = new HandRing(machine, 0, RING_SIZE, 0);
    this.#sessions = openRepeatableSessions(machine);
  }

  step(): void {
    const random = this.#random;
    const session = random.pick(this.#sessions);
    const sourceBytes = random.pick(LENGTHS);
    const additionalBytes = random.pick([0, 20]);
    const make = () =>
      anyRequest(
        this.#machine,
        session,
        sourceBytes,
        additionalBytes,
        random,
      );
    const first = make();
    const second = make().readable;
    const writableBytes = first.request.writableBytes;
    const shape = this.#shape(second.length, writableBytes);
    const isAlike = !random.oneIn(3);
    if (!isAlike) this.#change(second);
    this.#send(first.readable, shape, 0);
    if (isAlike) this.alike++;
    const repeated = this.#send(second, shape, 0);
    // A header at an odd address is taken for new, however it looks.
    const anew = this.#send(second, shape, 1);
    if (
      repeated.usedBytes !== anew.usedBytes ||
      repeated.status !== anew.status || repeated.result !== anew.result
    ) {
      throw new FuzzFailure(
        `repeated: status ${repeated.status}, used ${repeated.usedBytes}, ` +
          `${repeated.result}; new: status ${anew.status}, used ` +
          `${anew.usedBytes}, ${anew.result}`,
      );
    }
    expectNone("backend contract", this.#machine.watch.problems[0]);
  }

  /** Of the same kind, of another, or nonsense. */
  #change(request: Uint8Array<ArrayBuffer>): void {
    const random = this.#random;
    const view = new DataView(request.buffer);
    if (random.oneIn(2)) {
      const { id } = random.pick(this.#sessions);
      return view.setUint32(SESSION_ID_AT, id, true);
    }
    const start = request.slice(0, FLAG_AT);
    spoil(random, request, Math.min(HEADER_BYTES, request.length));
    // No other operation with a public key: some of these are random.
    const service = view.getUint32(0, true) >>> 8;
    if (service === ServiceNumber.Akcipher) request.set(start);
  }

  #shape(readableBytes: number, writableBytes: number): Shape {
    const random = this.#random;
    const first = FIRST_PIECE_BYTES + random.integer(40);
    const rest = readableBytes - first;
    const cut = rest > 1 ? 1 + random.integer(rest - 1) : 0;
    const half = random.integer(writableBytes + 1);
    return {
      inBytes: rest > 1 ? [first, cut, rest - cut] : [readableBytes],
      outBytes: random.oneIn(2)
        ? [half, writableBytes + 1 - half]
        : [writableBytes + 1],
    };
  }

  /** Sends a request from somewhere, aligned or one byte beside that. */
  #send(request: Uint8Array, shape: Shape, beside: number): Answer {
    const random = this.#random;
    const { arena } = this.#machine;
    const start = LOW_ADDRESS + AREA_AT + beside +
      ALIGNMENT_BYTES * random.integer(512);
    let at = start;
    const inPieces = shape.inBytes.map((lengthBytes) => {
      const piece = readable(at, lengthBytes);
      at += lengthBytes + 1 + random.integer(9);
      return piece;
    });
    // Some results come to lie over what they are made of.
    at = random.oneIn(4)
      ? inPieces.at(-1)!.address + random.integer(40)
      : start + READABLE_ROOM_BYTES;
    const outPieces = shape.outBytes.map((lengthBytes) => {
      const piece = writable(at, lengthBytes);
      at += lengthBytes + 1 + random.integer(9);
      return piece;
    });
    arena.write(
      start + READABLE_ROOM_BYTES,
      new Uint8Array(WRITABLE_ROOM_BYTES),
    );
    let done = 0;
    for (const { address, lengthBytes } of inPieces) {
      arena.write(address, request.subarray(done, done += lengthBytes));
    }
    this.sent++;
    const used = this.#ring.submit([...inPieces, ...outPieces]);
    if (!used) throw new FuzzFailure("a well-formed chain was not answered");
    const out = outPieces.flatMap(({ address, lengthBytes }) => [
      ...arena.read(address, lengthBytes),
    ]);
    return {
      usedBytes: used.lengthBytes,
      status: out.at(-1)!,
      result: Uint8Array.from(out.slice(0, used.lengthBytes - 1)).toHex(),
    };
  }

  finish(): void {
    expectSound(this.#machine);
    expectUsableAndEnd(this.#machine);
  }
}

function repeatTarget(name: string, packed: bigint) {
  return {
    name,
    cases: 300,
    async start(backend: string, random: Random) {
      const features = F_VERSION_1 | F_INDIRECT_DESC | packed |
        random.pick([0n, F_REVISION_1]);
      const machine = await Machine.start({ backend, features });
      return new RepeatEpisode(machine, random);
    },
  };
}

export const REPEAT_TARGETS = [
  repeatTarget("repeat-split", 0n),
  repeatTarget("repeat-packed", F_RING_PACKED),
] satisfies readonly Target[];
