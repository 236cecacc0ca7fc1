/**
 * All kinds of overlap that the buffers of a request can have, for requests of
 * every service; what comes of each is compared with the same request's answer
 * where nothing overlaps.
 *
 * @module
 */

import { createNow } from "./sessions.ts";
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { sessionInWords } from "../conformance/describe.ts";
import { Random } from "../conformance/random.ts";
import { LOW_ADDRESS } from "./arena.ts";
import { HandRing, type Piece } from "./hand_ring.ts";
import type { Machine } from "./machine.ts";
import { OverlapComparison, readable, writable } from "./overlap.ts";
import {
  repeatableOperations,
  type SoundRequest,
  soundRequest,
} from "./sound_requests.ts";
import { legalSessions } from "./valid_requests.ts";

/** Short, up to what a loop copies, more, and long. */
const LENGTHS = [16, 48, 64, 208, 4096];
const FIRST = LOW_ADDRESS + 16 * 1024;
/** Room of each part, of the longest one and a half on both sides. */
const ROOM_BYTES = 6 * 1024;

/** Where each part of a request begins. */
interface Places {
  readonly inAt: number[];
  readonly outAt: number[];
  statusAt: number;
}

function apart({ inBytes, outBytes }: SoundRequest): Places {
  let next = FIRST;
  const place = () => next += ROOM_BYTES;
  return {
    inAt: inBytes.map(place),
    outAt: outBytes.map(place),
    statusAt: place(),
  };
}

const ALL_SHIFTS = Array.from({ length: 129 }, (_, i) => i - 64);
const SOME_SHIFTS = [-64, -17, -16, -1, 1, 8, 16, 63, 64];

type Alter = (places: Places, request: SoundRequest) => void;

const shiftBy = (shift: number): Alter => (places, request) => {
  places.outAt[0] = sourceOf(places, request) + shift;
};

const HEADER = 0;
const IV = 1;

/** The place of the source, and of the associated data, among the inputs. */
const sourceIndex = ({ request }: SoundRequest): number =>
  request.sourceAt <= request.additionalDataAt ? 2 : 3;
const additionalIndex = (sound: SoundRequest): number => 5 - sourceIndex(sound);
const sourceOf = (places: Places, sound: SoundRequest): number =>
  places.inAt[sourceIndex(sound)]!;
const last = (list: readonly number[]): number => list.length - 1;

const ALL_IN_ONE_PLACE = "all in one place";

/** Every kind of overlap that concerns more than source and destination. */
const KINDS: readonly (readonly [string, Alter])[] = [
  ["in place", shiftBy(0)],
  ["associated data in front of the source, in place", (places, sound) => {
    const additional = additionalIndex(sound);
    places.inAt[additional] = sourceOf(places, sound) -
      sound.inBytes[additional]!;
    places.outAt[0] = places.inAt[additional]!;
  }],
  ["associated data in the destination", (places, sound) => {
    places.inAt[additionalIndex(sound)] = places.outAt[0]! + 3;
  }],
  ["associated data and the last of the destination", (places, sound) => {
    places.inAt[additionalIndex(sound)] = places.outAt[0]! +
      sound.outBytes[0]! - 1;
  }],
  ["associated data in the source, in place", (places, sound) => {
    places.outAt[0] = sourceOf(places, sound);
    places.inAt[additionalIndex(sound)] = places.outAt[0]! + 4;
  }],
  ["IV in the destination", (places) => {
    places.inAt[IV] = places.outAt[0]! + 5;
  }],
  ["header in the destination", (places) => {
    places.inAt[HEADER] = places.outAt[0]! + 8;
  }],
  ["digest on the source", (places, sound) => {
    places.outAt[last(places.outAt)] = sourceOf(places, sound) + 2;
  }],
  ["digest on the associated data", (places, sound) => {
    places.outAt[last(places.outAt)] = places.inAt[additionalIndex(sound)]! + 1;
  }],
  ["digest in the destination", (places, sound) => {
    places.outAt[0] = places.outAt[last(places.outAt)]! -
      sound.outBytes[0]! + 3;
  }],
  ["digest in the destination, in place", (places, sound) => {
    places.outAt[0] = sourceOf(places, sound);
    places.outAt[last(places.outAt)] = places.outAt[0]! + 7;
  }],
  ["the end of the source at the start of the destination", (places, sound) => {
    places.outAt[0] = sourceOf(places, sound) +
      sound.inBytes[sourceIndex(sound)]! - 1;
  }],
  ["status in the source", (places, sound) => {
    places.statusAt = sourceOf(places, sound) + 1;
  }],
  ["status in the source, in place", (places, sound) => {
    places.outAt[0] = sourceOf(places, sound);
    places.statusAt = places.outAt[0]! + 9;
  }],
  ["status in the header", (places) => {
    places.statusAt = places.inAt[HEADER]! + 16;
  }],
  [ALL_IN_ONE_PLACE, (places, sound) => {
    const at = places.inAt[HEADER]! + sound.inBytes[HEADER]!;
    places.inAt.fill(at, 1);
    places.outAt.fill(at);
    places.statusAt = at;
  }],
];

const BEHIND = ["behind the source", shiftBy(9)] as const;
/** Where inputs and outputs are cut in two. */
const CUTS = [[7, 7], [40, 13], [999, 5]] as const;

function piecesOf(
  { inBytes, outBytes }: SoundRequest,
  { inAt, outAt, statusAt }: Places,
): [Piece[], Piece[]] {
  return [
    inBytes.map((lengthBytes, i) => readable(inAt[i]!, lengthBytes)),
    [
      ...outBytes.map((lengthBytes, i) => writable(outAt[i]!, lengthBytes)),
      writable(statusAt, 1),
    ],
  ];
}

/** Cuts pieces in two at `at`, and leaves a byte between the halves. */
const split = (pieces: readonly Piece[], at: number): Piece[] =>
  pieces.flatMap(({ address, lengthBytes, writable }) =>
    lengthBytes <= at ? [{ address, lengthBytes, writable }] : [
      { address, lengthBytes: at, writable },
      { address: address + at + 1, lengthBytes: lengthBytes - at, writable },
    ]
  );

/** Sends a request whose buffers overlap; `what` names it where it is wrong. */
type Send = (
  what: string,
  sound: SoundRequest,
  inPieces: readonly Piece[],
  outPieces: readonly Piece[],
) => void;

/** Calls `check` for each kind of request that a backend has. */
function withRequests(
  machine: Machine,
  lengths: readonly number[],
  check: (send: Send, next: () => SoundRequest, sourceBytes: number) => void,
): void {
  const random = new Random(11);
  const ring = new HandRing(machine, 0, 64, 0);
  const comparison = new OverlapComparison(machine, ring);
  const { sessions, mode } = machine.device;
  for (const description of legalSessions()) {
    const created = createNow(sessions, description);
    if (!("id" in created)) continue;
    const isPublic = description.service === "akcipher";
    for (const operation of repeatableOperations(description)) {
      for (const sourceBytes of isPublic ? [128] : lengths) {
        const next = () =>
          soundRequest(mode, description, created.id, {
            operation,
            sourceBytes: isPublic && operation === 2 ? 20 : sourceBytes,
            additionalDataBytes: 20,
            destinationBytes: 128,
          }, random);
        const send: Send = (what, sound, inPieces, outPieces) => {
          const { readable } = sound;
          const difference = comparison.findDifference(
            readable,
            inPieces,
            outPieces,
          );
          const name = `${sessionInWords(description)}, ${sourceBytes} bytes`;
          strictEqual(difference, undefined, `${name}: ${what}`);
        };
        check(send, next, sourceBytes);
      }
    }
    sessions.destroy(created.id);
  }
  // Two refusals are alike too, and say nothing.
  ok(comparison.succeeded > 0.9 * comparison.compared);
  strictEqual(machine.arena.fenceDamage(), undefined);
  deepStrictEqual(machine.watch.problems, []);
}

/** Destinations that begin up to 64 bytes before or behind their source. */
export function checkShifts(machine: Machine): void {
  withRequests(machine, LENGTHS, (send, next, sourceBytes) => {
    const shifts = sourceBytes === 48 ? ALL_SHIFTS : SOME_SHIFTS;
    for (const shift of shifts) {
      const sound = next();
      const places = apart(sound);
      shiftBy(shift)(places, sound);
      send(`shifted by ${shift}`, sound, ...piecesOf(sound, places));
    }
  });
}

/** Inputs under outputs, outputs under each other, the status under either. */
export function checkKinds(machine: Machine): void {
  withRequests(machine, LENGTHS, (send, next) => {
    for (const [kind, alter] of KINDS) {
      const sound = next();
      const places = apart(sound);
      alter(places, sound);
      send(kind, sound, ...piecesOf(sound, places));
    }
  });
}

/** The same with every buffer in two pieces. */
export function checkPieces(machine: Machine): void {
  withRequests(machine, [64, 208], (send, next) => {
    for (const [kind, alter] of [...KINDS, BEHIND]) {
      if (kind === ALL_IN_ONE_PLACE) continue;
      for (const [inCut, outCut] of CUTS) {
        const sound = next();
        const places = apart(sound);
        alter(places, sound);
        const [ins, outs] = piecesOf(sound, places);
        send(
          `${kind}, cut at ${inCut} and ${outCut}`,
          sound,
          split(ins, inCut),
          split(outs, outCut),
        );
      }
    }
  });
}

/** Destinations whose pieces share bytes: what is written last stays. */
export function checkResultsOverEachOther(machine: Machine): void {
  withRequests(machine, LENGTHS, (send, next) => {
    for (const isInPlace of [false, true]) {
      const sound = next();
      const places = apart(sound);
      const [ins, [out, ...others]] = piecesOf(sound, places);
      const half = out!.lengthBytes >> 1;
      if (half === 0) continue;
      const at = isInPlace ? sourceOf(places, sound) : out!.address;
      send(isInPlace ? "in place" : "apart", sound, ins, [
        writable(at, half),
        writable(at + (half >> 1), out!.lengthBytes - half),
        ...others,
      ]);
    }
  });
}
