/**
 * Requests of the v9 draft whose addresses name the same bytes in any way.
 *
 * @module
 */

import type { Random } from "../../conformance/random.ts";
import { F_RING_PACKED, F_VERSION_1 } from "../../device/wire/features.ts";
import { HandRing } from "../../testing/hand_ring.ts";
import { Machine } from "../../testing/machine.ts";
import {
  Draft9Comparison,
  type Draft9Places,
  draft9PlacesFrom,
  DRAFT_9_BUFFERS,
  soundDraft9Request,
} from "../../testing/overlap_draft9.ts";
import {
  type Episode,
  expectNone,
  expectSound,
  type Target,
} from "./episode.ts";
import { expectUsableAndEnd } from "./known_answer.ts";
import {
  openRepeatableSessions,
  type RepeatableSession,
} from "./overlap_target.ts";

const RING_SIZE = 16;
const AREA_AT = 20 * 1024;
/** Of the border between two regions, which buffers may lie across. */
const BORDER_BYTES = 16 * 1024;
const LENGTHS = [16, 32, 48, 64, 112, 256, 1024, 4096];

class Draft9OverlapEpisode implements Episode {
  readonly #random: Random;
  readonly #machine: Machine;
  readonly #comparison: Draft9Comparison;
  readonly #sessions: readonly RepeatableSession[];

  constructor(machine: Machine, random: Random) {
    this.#random = random;
    this.#machine = machine;
    const ring = new HandRing(machine, 0, RING_SIZE, 0);
    this.#comparison = new Draft9Comparison(machine, ring);
    this.#sessions = openRepeatableSessions(machine)
      .filter(({ description }) => description.service !== "akcipher");
  }

  step(): void {
    const random = this.#random;
    const { id, description, operation } = random.pick(this.#sessions);
    const sourceBytes = random.pick(LENGTHS);
    const sound = soundDraft9Request(
      description,
      id,
      operation,
      sourceBytes,
      random,
    );
    expectNone(
      "not as with buffers apart",
      this.#comparison.findDifference(sound, this.#places(sourceBytes)),
    );
    expectNone("backend contract", this.#machine.watch.problems[0]);
  }

  #places(sourceBytes: number): Draft9Places {
    const random = this.#random;
    const { lengthBytes } = this.#machine.arena.low.region;
    const area = random.oneIn(4) ? lengthBytes - BORDER_BYTES : AREA_AT;
    const places = draft9PlacesFrom(area + random.integer(200));
    for (let n = 1 + random.integer(3); n > 0; n--) {
      const [one, other] = random.shuffle([...DRAFT_9_BUFFERS]);
      const shift = random.pick([0, random.integer(129) - 64]);
      const at = random.oneIn(4) ? random.integer(sourceBytes) : 0;
      places[one!] = places[other!] + at + shift;
    }
    return places;
  }

  finish(): void {
    expectSound(this.#machine);
    expectUsableAndEnd(this.#machine);
  }
}

export const DRAFT_9_OVERLAP_TARGET: Target = {
  name: "overlap-draft9",
  cases: 200,
  async start(backend, random) {
    const packed = random.oneIn(2) ? F_RING_PACKED : 0n;
    const machine = await Machine.start({
      backend,
      layout: "draft-9",
      features: F_VERSION_1 | packed,
    });
    return new Draft9OverlapEpisode(machine, random);
  },
};
