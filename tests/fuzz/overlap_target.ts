/**
 * Requests whose buffers lie over each other in any way that descriptors can
 * say, compared with the same requests whose buffers lie apart.
 *
 * @module
 */

import type { Random } from "../../conformance/random.ts";
import {
  F_AEAD_STATELESS_MODE,
  F_CIPHER_STATELESS_MODE,
  F_HASH_STATELESS_MODE,
  F_INDIRECT_DESC,
  F_MAC_STATELESS_MODE,
  F_REVISION_1,
  F_RING_PACKED,
  F_VERSION_1,
} from "../../device/wire/features.ts";
import { LOW_ADDRESS } from "../../testing/arena.ts";
import { HandRing, type Piece } from "../../testing/hand_ring.ts";
import { Machine } from "../../testing/machine.ts";
import { OverlapComparison } from "../../testing/overlap.ts";
import {
  repeatableOperations,
  type SoundRequest,
  soundRequest,
} from "../../testing/sound_requests.ts";
import {
  type Episode,
  expectNone,
  expectSound,
  type Target,
} from "./episode.ts";
import {
  expectUsableAndEnd,
  type KnownSession,
  openLegalSessions,
} from "./known_answer.ts";

const RING_SIZE = 64;
const AREA_AT = 20 * 1024;
/** A part and what it may be shifted by. */
const ROOM_BYTES = 5 * 1024;
/** Of the border between two regions, which buffers may lie across. */
const BORDER_BYTES = 20 * 1024;
const LENGTHS = [16, 32, 48, 64, 80, 112, 208, 256, 1024, 4096];
const FARTHEST_SHIFT = 64;

/** A session whose answers repeat themselves, and what its requests may be. */
export interface RepeatableSession extends KnownSession {
  readonly operation: number;
}

/** Opens all sessions whose answers repeat themselves. */
export function openRepeatableSessions(machine: Machine): RepeatableSession[] {
  return openLegalSessions(machine).flatMap((session) =>
    repeatableOperations(session.description)
      .map((operation) => ({ ...session, operation }))
  );
}

/** A request of a session that is legal, of random contents. */
export function anyRequest(
  machine: Machine,
  { id, description, operation }: RepeatableSession,
  sourceBytes: number,
  additionalDataBytes: number,
  random: Random,
  isStateless = false,
): SoundRequest {
  const isPublic = description.service === "akcipher";
  const sessionId = isStateless && !isPublic ? undefined : id;
  return soundRequest(machine.device.mode, description, sessionId, {
    operation,
    sourceBytes: isPublic ? operation === 2 ? 20 : 128 : sourceBytes,
    additionalDataBytes,
    destinationBytes: 128,
  }, random);
}

class OverlapEpisode implements Episode {
  readonly #random: Random;
  readonly #machine: Machine;
  readonly #comparison: OverlapComparison;
  readonly #sessions: readonly RepeatableSession[];
  readonly #isStateless: boolean;

  constructor(machine: Machine, random: Random, isStateless: boolean) {
    this.#random = random;
    this.#machine = machine;
    this.#isStateless = isStateless;
    const ring = new HandRing(machine, 0, RING_SIZE, 0);
    this.#comparison = new OverlapComparison(machine, ring);
    this.#sessions = openRepeatableSessions(machine);
  }

  step(): void {
    const random = this.#random;
    const sound = anyRequest(
      this.#machine,
      random.pick(this.#sessions),
      random.pick(LENGTHS),
      random.pick([0, 1, 16, 20, 128]),
      random,
      this.#isStateless && random.oneIn(2),
    );
    const { inBytes, outBytes, readable } = sound;
    const lengths = [...inBytes, ...outBytes, 1];
    const places = this.#place(inBytes.length, lengths);
    const pieces = lengths.map((lengthBytes, i) =>
      this.#cut(places[i]!, lengthBytes, i >= inBytes.length)
    );
    expectNone(
      "not as with buffers apart",
      this.#comparison.findDifference(
        readable,
        pieces.slice(0, inBytes.length).flat(),
        pieces.slice(inBytes.length).flat(),
      ),
    );
    expectNone("backend contract", this.#machine.watch.problems[0]);
  }

  /** Where each part begins; the first ones are inputs. */
  #place(inputs: number, lengths: readonly number[]): number[] {
    const random = this.#random;
    const { lengthBytes } = this.#machine.arena.low.region;
    const area = random.oneIn(4) ? lengthBytes - BORDER_BYTES : AREA_AT;
    const places = lengths.map((_, i) =>
      LOW_ADDRESS + area + i * ROOM_BYTES + random.integer(16)
    );
    for (let i = 1; i < places.length; i++) {
      // Inputs over each other are another request; some of that is enough.
      const moves = i < inputs ? random.oneIn(8) : !random.oneIn(3);
      if (!moves) continue;
      const under = random.integer(i);
      const from = i < inputs && under === 0 ? 1 : under;
      const at = random.oneIn(3) ? random.integer(lengths[from]! + 1) : 0;
      const shift = random.oneIn(3)
        ? 0
        : random.integer(2 * FARTHEST_SHIFT + 1) - FARTHEST_SHIFT;
      places[i] = places[from]! + at + shift;
    }
    return places;
  }

  /** Pieces of one part, mostly one behind the other. */
  #cut(address: number, lengthBytes: number, writable: boolean): Piece[] {
    const random = this.#random;
    const pieces: Piece[] = [];
    let at = address;
    let left = lengthBytes;
    for (let n = random.pick([0, 0, 1, 2, 5]); n > 0 && left > 1; n--) {
      const taken = 1 + random.integer(left - 1);
      pieces.push({ address: at, lengthBytes: taken, writable });
      left -= taken;
      at += taken + random.pick([0, 1, 5]);
      if (random.oneIn(12)) at = address + random.integer(FARTHEST_SHIFT);
    }
    pieces.push({ address: at, lengthBytes: left, writable });
    return pieces;
  }

  finish(): void {
    expectSound(this.#machine);
    expectUsableAndEnd(this.#machine);
  }
}

const STATELESS = F_REVISION_1 | F_CIPHER_STATELESS_MODE |
  F_HASH_STATELESS_MODE | F_MAC_STATELESS_MODE | F_AEAD_STATELESS_MODE;

function overlapTarget(name: string, packed: bigint): Target {
  return {
    name,
    cases: 200,
    async start(backend, random) {
      const isStateless = random.oneIn(3);
      const layout = isStateless ? STATELESS : random.pick([0n, F_REVISION_1]);
      const features = F_VERSION_1 | F_INDIRECT_DESC | packed | layout;
      const machine = await Machine.start({ backend, features });
      return new OverlapEpisode(machine, random, isStateless);
    },
  };
}

export const OVERLAP_TARGETS: readonly Target[] = [
  overlapTarget("overlap-split", 0n),
  overlapTarget("overlap-packed", F_RING_PACKED),
];
