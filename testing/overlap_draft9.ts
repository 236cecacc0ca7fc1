/**
 * Requests of the v9 draft whose buffers share bytes, compared with the same
 * requests whose buffers lie apart.
 *
 * @module
 */

import { createNow } from "./sessions.ts";
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { SessionDescription } from "../algorithms/session_description.ts";
import { sessionInWords } from "../conformance/describe.ts";
import { plainSeal } from "../conformance/plain/aeads.ts";
import { Random } from "../conformance/random.ts";
import { DRAFT_9_REQUEST_BYTES, STATUS_BYTES } from "../device/wire/draft9.ts";
import {
  Draft9DataRequest,
  encodeDraft9Data,
} from "../device/wire/draft9_data.ts";
import { Status } from "../device/wire/status.ts";
import { LOW_ADDRESS } from "./arena.ts";
import { HandRing } from "./hand_ring.ts";
import type { Machine } from "./machine.ts";
import { writable } from "./overlap.ts";
import { repeatableOperations } from "./sound_requests.ts";
import { describeRequest, legalSessions } from "./valid_requests.ts";

const APART_AT = 64 * 1024;
const ROOM_BYTES = 5 * 1024;
const IV_FIELD_BYTES = 16;

/** The buffers of a request, in the order in which the driver fills them. */
export const DRAFT_9_BUFFERS = [
  "iv",
  "source",
  "additionalData",
  "digest",
  "destination",
  "structure",
] as const;

/** Where each buffer of a request begins. */
export type Draft9Places = Record<typeof DRAFT_9_BUFFERS[number], number>;

/** What a request says and is made of. */
export interface Draft9Sound {
  readonly request: Draft9DataRequest;
  readonly readsTag: boolean;
  readonly digestBytes: number;
  readonly contents: Readonly<
    Record<"iv" | "source" | "additionalData" | "digest", Uint8Array>
  >;
}

/** A request that its session allows, with random contents. */
export function soundDraft9Request(
  description: SessionDescription,
  sessionId: number,
  operation: number,
  sourceBytes: number,
  random: Random,
): Draft9Sound {
  const request = new Draft9DataRequest();
  describeRequest(request, description, {
    operation,
    sourceBytes,
    additionalDataBytes: 20,
    destinationBytes: 0,
  });
  request.sessionId = sessionId;
  const { digestBytes } = request;
  let source = random.bytes(sourceBytes);
  let digest = random.bytes(digestBytes);
  const iv = random.bytes(IV_FIELD_BYTES);
  const additionalData = random.bytes(request.additionalDataBytes);
  const readsTag = description.service === "aead" && operation === 1;
  if (readsTag) {
    const { algorithm, key, tagBytes } = description;
    const shift = algorithm === "ccm" ? 1 : 0;
    const nonce = iv.slice(shift, shift + request.ivBytes);
    const sealed = plainSeal(
      algorithm,
      key,
      nonce,
      source,
      additionalData,
      tagBytes,
    )!;
    source = sealed.ciphertext as Uint8Array<ArrayBuffer>;
    digest = sealed.tag as Uint8Array<ArrayBuffer>;
  }
  const contents = { iv, source, additionalData, digest };
  return { request, readsTag, digestBytes, contents };
}

/** All buffers apart from each other, from an offset of the low region on. */
export function draft9PlacesFrom(offset: number): Draft9Places {
  const places = DRAFT_9_BUFFERS.map((name, i) =>
    [name, LOW_ADDRESS + offset + i * ROOM_BYTES] as const
  );
  return Object.fromEntries(places) as Draft9Places;
}

interface Answer {
  readonly usedBytes: number | undefined;
  readonly status: Uint8Array<ArrayBuffer>;
  readonly destination: Uint8Array;
  readonly digest: Uint8Array;
}

/** Sends requests on one ring and says what is wrong with their answers. */
export class Draft9Comparison {
  readonly #machine: Machine;
  readonly #ring: HandRing;
  readonly #expected: Uint8Array;
  /** Requests that were compared, and those of them that succeeded. */
  compared = 0;
  succeeded = 0;

  constructor(machine: Machine, ring: HandRing) {
    this.#machine = machine;
    this.#ring = ring;
    this.#expected = machine.arena.snapshot();
  }

  /** How the answer over `places` differs from that of the same bytes apart. */
  findDifference(sound: Draft9Sound, places: Draft9Places): string | undefined {
    const { arena } = this.#machine;
    this.#fill(sound, sound.contents, places);
    const given = {
      iv: arena.read(places.iv, IV_FIELD_BYTES),
      source: arena.read(places.source, sound.contents.source.length),
      additionalData: arena.read(
        places.additionalData,
        sound.contents.additionalData.length,
      ),
      digest: arena.read(places.digest, sound.digestBytes),
    };
    const apartPlaces = draft9PlacesFrom(APART_AT);
    this.#fill(sound, given, apartPlaces);
    const apart = this.#ask(sound, apartPlaces);
    // What lies apart may have lain where the others were.
    this.#fill(sound, sound.contents, places);
    const expected = arena.snapshot(this.#expected);
    const { usedBytes, status } = this.#ask(sound, places);
    if (usedBytes !== apart.usedBytes || status[0] !== apart.status[0]) {
      return `status ${status[0]}, used ${usedBytes}; ` +
        `apart ${apart.status[0]}, ${apart.usedBytes}`;
    }
    this.compared++;
    if (status[0] === Status.Ok) this.succeeded++;
    this.#demand(expected, sound, places, apart);
    return arena.difference(expected);
  }

  #fill(
    { request }: Draft9Sound,
    contents: Draft9Sound["contents"],
    places: Draft9Places,
  ): void {
    const { arena } = this.#machine;
    for (const name of DRAFT_9_BUFFERS) {
      if (name !== "destination" && name !== "structure") {
        arena.write(places[name], contents[name]);
      }
    }
    request.ivAddress = places.iv;
    request.sourceAddress = places.source;
    request.additionalDataAddress = places.additionalData;
    request.destinationAddress = places.destination;
    request.digestAddress = places.digest;
    const structure = new Uint8Array(DRAFT_9_REQUEST_BYTES);
    encodeDraft9Data(request, new DataView(structure.buffer));
    arena.write(places.structure, structure);
  }

  #ask({ request, digestBytes }: Draft9Sound, places: Draft9Places): Answer {
    const { arena } = this.#machine;
    const used = this.#ring.submit([
      writable(places.structure, DRAFT_9_REQUEST_BYTES),
    ]);
    return {
      usedBytes: used?.lengthBytes,
      status: arena.read(places.structure + request.statusAt, STATUS_BYTES),
      destination: arena.read(places.destination, request.destinationBytes),
      digest: arena.read(places.digest, digestBytes),
    };
  }

  #demand(
    expected: Uint8Array,
    { request, readsTag, digestBytes }: Draft9Sound,
    places: Draft9Places,
    { status, destination, digest }: Answer,
  ): void {
    const { arena } = this.#machine;
    arena.accept(expected, LOW_ADDRESS, this.#ring.endOffset);
    if (status[0] === Status.Ok) {
      arena.write(places.destination, destination, expected);
      if (!readsTag) arena.write(places.digest, digest, expected);
    } else {
      // Without success nobody promises what these hold.
      arena.accept(expected, places.destination, request.destinationBytes);
      if (!readsTag) arena.accept(expected, places.digest, digestBytes);
    }
    arena.write(places.structure + request.statusAt, status, expected);
  }
}

const SHIFTS = [-64, -33, -16, -1, 0, 1, 7, 16, 40, 63, 64];

/** Each pair of buffers at many distances, for requests of every service. */
export function checkDraft9Overlaps(machine: Machine): void {
  const random = new Random(12);
  const ring = new HandRing(machine, 0, 16, 0);
  const comparison = new Draft9Comparison(machine, ring);
  for (const description of legalSessions()) {
    if (description.service === "akcipher") continue;
    const created = createNow(machine.device.sessions, description);
    if (!("id" in created)) continue;
    const [operation] = repeatableOperations(description);
    for (const one of DRAFT_9_BUFFERS) {
      for (const other of DRAFT_9_BUFFERS) {
        if (one === other) continue;
        for (const shift of SHIFTS) {
          const sound = soundDraft9Request(
            description,
            created.id,
            operation!,
            random.pick([48, 208, 4096]),
            random,
          );
          const places = draft9PlacesFrom(20 * 1024);
          places[one] = places[other] + shift;
          strictEqual(
            comparison.findDifference(sound, places),
            undefined,
            `${sessionInWords(description)}, ${one} at ${other} + ${shift}`,
          );
        }
      }
    }
    machine.device.sessions.destroy(created.id);
  }
  // Two refusals are alike too, and say nothing.
  ok(comparison.succeeded > 0.9 * comparison.compared);
  strictEqual(machine.arena.fenceDamage(), undefined);
  deepStrictEqual(machine.watch.problems, []);
}
