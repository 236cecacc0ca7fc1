/**
 * Control requests: sessions created with spoiled parameters and keys, used
 * once, and destroyed or not.
 *
 * @module
 */

import type { Random } from "../../conformance/random.ts";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import {
  decodeCreateOutcome,
  encodeCreateRequest,
  encodeDestroyRequest,
} from "../../device/wire/control_encode.ts";
import {
  decodeDraft9Created,
  DRAFT_9_REQUEST_BYTES,
  encodeDraft9Create,
  encodeDraft9Destroy,
} from "../../device/wire/draft9.ts";
import {
  F_INDIRECT_DESC,
  F_REVISION_1,
  F_RING_PACKED,
  F_VERSION_1,
} from "../../device/wire/features.ts";
import type { Layout } from "../../device/wire/mode.ts";
import { SERVICES } from "../../device/wire/opcodes.ts";
import { Status } from "../../device/wire/status.ts";
import { HandRing, type Piece } from "../../testing/hand_ring.ts";
import { Machine } from "../../testing/machine.ts";
import { legalRequest, legalSessions } from "../../testing/valid_requests.ts";
import {
  type Episode,
  expectNone,
  expectSound,
  FuzzFailure,
  hostileAddress,
  spoil,
  type Target,
} from "./episode.ts";
import { expectUsableAndEnd } from "./known_answer.ts";
import { readPieces, Scatter } from "./pieces.ts";

const RING_SIZE = 64;
const MAXIMUM_SESSIONS = 24;
const DATA_RING_AT = 0;
const CONTROL_RING_AT = 8 * 1024;

class ControlEpisode implements Episode {
  readonly #random: Random;
  readonly #machine: Machine;
  readonly #data: HandRing;
  readonly #control: HandRing;
  readonly #snapshot: Uint8Array;
  readonly #open = new Map<number, SessionDescription>();

  constructor(machine: Machine, random: Random) {
    this.#random = random;
    this.#machine = machine;
    this.#data = new HandRing(machine, 0, RING_SIZE, DATA_RING_AT);
    this.#control = new HandRing(machine, 1, RING_SIZE, CONTROL_RING_AT);
    this.#snapshot = machine.arena.snapshot();
  }

  step(): void {
    const random = this.#random;
    const choice = this.#open.size > 0 ? random.integer(8) : 7;
    if (choice < 3) this.#use();
    else if (choice < 5) this.#destroy();
    else this.#create();
    const { sessions } = this.#machine.device;
    if (sessions.size > MAXIMUM_SESSIONS) {
      throw new FuzzFailure(`${sessions.size} sessions`);
    }
    expectNone("backend contract", this.#machine.watch.problems[0]);
  }

  #create(): void {
    const random = this.#random;
    const description = random.pick(legalSessions());
    if (this.#machine.device.layout === "draft-9") {
      return this.#createDraft9(description);
    }
    const [header, ...keys] = encodeCreateRequest(
      description,
      this.#machine.device.mode,
    );
    if (random.oneIn(2)) spoil(random, header as Uint8Array<ArrayBuffer>);
    const key = random.pick(keys.length > 0 ? keys : [header!]);
    // DER is nested: its first bytes are tags and lengths.
    if (!random.oneIn(3)) {
      spoil(random, key.slice(), key.length);
      spoil(random, key as Uint8Array<ArrayBuffer>, Math.min(40, key.length));
    }
    const readable = concat([header!, ...keys]);
    const cut = random.oneIn(8)
      ? readable.slice(0, random.integer(readable.length + 1))
      : readable;
    const room = random.oneIn(6) ? random.integer(20) : 16;
    const out = this.#send(this.#control, cut, room);
    if (out.usedBytes === 16) {
      const outcome = decodeCreateOutcome(out.written);
      this.#remember(outcome.status, outcome.sessionId, description);
    }
  }

  #remember(
    status: number,
    sessionId: number,
    description: SessionDescription,
  ): void {
    if (status > Status.KeyRejected) throw new FuzzFailure(`status ${status}`);
    if (status !== Status.Ok) return;
    if (!this.#machine.device.sessions.get(sessionId)) {
      throw new FuzzFailure(`session ${sessionId} was announced, not made`);
    }
    this.#open.set(sessionId, description);
  }

  #createDraft9(description: SessionDescription): void {
    if (description.service === "akcipher") return;
    const random = this.#random;
    const scatter = new Scatter(random, this.#machine, 16 * 1024);
    const addresses = {
      keyAddress: scatter.place(64),
      authKeyAddress: scatter.place(64),
    };
    const structure = encodeDraft9Create(description, addresses, 0);
    if (random.oneIn(2)) spoil(random, structure);
    if (random.oneIn(3)) {
      new DataView(structure.buffer).setBigUint64(
        random.pick([32, 40, 64, 72]),
        hostileAddress(random, this.#machine),
        true,
      );
    }
    const written = this.#sendDraft9(structure);
    const outcome = decodeDraft9Created(written, description);
    if (this.#machine.device.sessions.get(outcome.sessionId)) {
      this.#open.set(outcome.sessionId, description);
    }
  }

  #destroy(): void {
    const random = this.#random;
    const id = random.oneIn(4)
      ? random.integer(1000)
      : random.pick([...this.#open.keys()]);
    const service = random.pick(SERVICES);
    const { device } = this.#machine;
    const before = device.sessions.size;
    if (device.layout === "draft-9") {
      this.#sendDraft9(encodeDraft9Destroy(service, id));
    } else {
      const request = encodeDestroyRequest(service, id, device.mode);
      if (random.oneIn(4)) spoil(random, request);
      this.#send(this.#control, request, random.pick([0, 1, 1, 1, 16]));
    }
    if (before - device.sessions.size > 1) {
      throw new FuzzFailure("more than one session was destroyed");
    }
    for (const open of this.#open.keys()) {
      if (!device.sessions.get(open)) this.#open.delete(open);
    }
  }

  /** One data request of a session whose parameters may be strange. */
  #use(): void {
    const random = this.#random;
    const { device } = this.#machine;
    if (device.layout === "draft-9") return;
    const [id, description] = random.pick([...this.#open]);
    const { readable, writableBytes } = legalRequest(
      device.mode,
      description,
      id,
      {
        operation: random.integer(description.service === "akcipher" ? 4 : 2),
        sourceBytes: random.pick([0, 16, 20, 32, 64, 128]),
        additionalDataBytes: 20,
        destinationBytes: random.pick([0, 128, 256]),
      },
    );
    this.#send(this.#data, readable, writableBytes + 1);
  }

  #send(
    ring: HandRing,
    readable: Uint8Array,
    roomBytes: number,
  ): { usedBytes: number; written: Uint8Array<ArrayBuffer> } {
    const random = this.#random;
    const scatter = new Scatter(random, this.#machine, 16 * 1024);
    const outPieces = scatter.room(roomBytes, random.pick([1, 4]));
    const pieces = [
      ...scatter.write(readable, random.pick([1, 6])),
      ...outPieces,
    ];
    const usedBytes = this.#serve(ring, pieces);
    const written = readPieces(this.#machine, outPieces);
    if (usedBytes > written.length) {
      throw new FuzzFailure(`used length ${usedBytes} of ${written.length}`);
    }
    return { usedBytes, written };
  }

  /** Sends a structure, now and then cut; returns it as it is then, whole. */
  #sendDraft9(whole: Uint8Array): Uint8Array<ArrayBuffer> {
    const random = this.#random;
    const lengthBytes = random.oneIn(8)
      ? random.integer(whole.length)
      : whole.length;
    const structure = whole.slice(0, lengthBytes);
    const scatter = new Scatter(random, this.#machine, 16 * 1024);
    const pieces = scatter.write(structure, random.pick([1, 3]))
      .map((piece) => ({ ...piece, writable: true }));
    const usedBytes = this.#serve(this.#control, pieces);
    const answer = new Uint8Array(whole.length);
    answer.set(readPieces(this.#machine, pieces));
    checkDraft9Answer(structure, answer, usedBytes);
    return answer;
  }

  #serve(ring: HandRing, pieces: readonly Piece[]): number {
    const { arena } = this.#machine;
    arena.snapshot(this.#snapshot);
    const used = ring.submit(pieces);
    if (!used) throw new FuzzFailure("a well-formed chain was not answered");
    arena.accept(this.#snapshot, arena.low.guestAddress, 16 * 1024);
    for (const { address, lengthBytes, writable } of pieces) {
      if (writable) arena.accept(this.#snapshot, address, lengthBytes);
    }
    expectNone(
      "written outside writable buffers",
      arena.difference(this.#snapshot),
    );
    return used.lengthBytes;
  }

  finish(): void {
    expectSound(this.#machine);
    this.#machine.reset();
    expectUsableAndEnd(this.#machine);
  }
}

/** Used length and status belong together, at the place of the status. */
function checkDraft9Answer(
  structure: Uint8Array<ArrayBuffer>,
  answer: Uint8Array<ArrayBuffer>,
  usedBytes: number,
): void {
  const statusAt = draft9StatusAt(structure);
  const answered = statusAt + 4 <= structure.length;
  if (usedBytes !== (answered ? structure.length : 0)) {
    throw new FuzzFailure(
      `used length ${usedBytes} of ${structure.length}, status at ${statusAt}`,
    );
  }
  if (!answered) return;
  const status = new DataView(answer.buffer).getUint32(statusAt, true);
  const isShort = structure.length < DRAFT_9_REQUEST_BYTES;
  if (status > Status.InvalidSession || (isShort && status !== Status.Error)) {
    throw new FuzzFailure(`status ${status} at ${statusAt}`);
  }
}

/** Where the draft has the status of a control request. */
function draft9StatusAt(structure: Uint8Array<ArrayBuffer>): number {
  const word = (at: number) =>
    at + 4 <= structure.length
      ? new DataView(structure.buffer).getUint32(at, true)
      : 0;
  const opcode = word(0);
  if ([0x003, 0x103, 0x203, 0x303, 0x405].includes(opcode)) return 24;
  const places: Readonly<Record<number, number>> = { 1: 32, 2: 48, 3: 56 };
  return places[opcode >>> 8] ?? (word(96) === 2 ? 88 : 48);
}

function concat(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(
    pieces.reduce((sum, piece) => sum + piece.length, 0),
  );
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

function controlTarget(name: string, layout: Layout, extra: bigint): Target {
  return {
    name,
    cases: 250,
    async start(backend, random) {
      const features = F_VERSION_1 | F_INDIRECT_DESC | extra |
        (random.oneIn(3) ? F_RING_PACKED : 0n);
      const machine = await Machine.start({
        backend,
        layout,
        features,
        maximumSessions: MAXIMUM_SESSIONS,
      });
      return new ControlEpisode(machine, random);
    },
  };
}

export const CONTROL_TARGETS: readonly Target[] = [
  controlTarget("control-legacy", "virtio", 0n),
  controlTarget("control-revision1", "virtio", F_REVISION_1),
  controlTarget("control-draft9", "draft-9", 0n),
];
