/**
 * A session as bytes: what queue threads are told of it, and what can be kept
 * outside the process. The bytes mean the same wherever they lie and whoever
 * reads them: little-endian, numbers of the standard, no pointers.
 *
 * | at   | what                                                       |
 * | ---- | ---------------------------------------------------------- |
 * | 0    | length of the record, a multiple of 8; written last        |
 * | 4    | version, 16 bits; then 16 bits of zeros                    |
 * | 8    | identifier, below 2^53                                     |
 * | 16   | fourteen words: the session's parameters                   |
 * | 72   | length of the placement, 0 for none; then a word of zeros  |
 * | 80   | key, second key, placement, zeros up to the length         |
 *
 * A session has one encoding, so that what can be read could have been written.
 *
 * @module
 */

import { findIllegal } from "../../algorithms/legality.ts";
import {
  keysOf,
  type SessionDescription,
  wipeKeys,
} from "../../algorithms/session_description.ts";
import { SERVICES } from "../wire/opcodes.ts";
import { setParameters } from "../wire/session_numbers.ts";
import {
  decodeSession,
  isRefusal,
  SessionParameters,
} from "../wire/session_parameters.ts";
import { readUint64, writeUint64 } from "../wire/uint64.ts";
import type { SessionPlacement } from "./placement.ts";
import { decodePlacement, encodePlacement } from "./placement_record.ts";

/** A session out of its record. */
export interface SessionRecord {
  readonly id: number;
  readonly description: SessionDescription;
  /** Absent where its reader places the session anew. */
  readonly placement?: SessionPlacement;
}

const VERSION = 1;
const VERSION_AT = 4;
const ID_AT = 8;
const PARAMETERS_AT = 16;
const PLACEMENT_BYTES_AT = 72;
const RESERVED_AT = 76;
const HEADER_BYTES = 80;
const ALIGNMENT_BYTES = 8;
/** Longer than any session; keeps sums of lengths exact. */
const MAXIMUM_BYTES = 2 ** 24;

/** In the order of their words. */
const PARAMETERS = [
  "service",
  "opType",
  "algorithm",
  "direction",
  "keyBytes",
  "digestBytes",
  "chainOrder",
  "hashMode",
  "hashAlgorithm",
  "authKeyBytes",
  "keyType",
  "rsaPadding",
  "rsaHash",
  "curve",
] as const satisfies readonly (keyof SessionParameters)[];

const NOTHING = new Uint8Array(0);

/**
 * Writes the record of a session to the room that `allocate` gives for its
 * length, which need not be private memory; nothing where it gives none.
 *
 * @throws RangeError for a session that no record has room for
 */
export function encodeSessionRecord<Room extends Uint8Array | undefined>(
  { id, description, placement }: SessionRecord,
  allocate: (lengthBytes: number) => Room,
): Room {
  const parameters = new SessionParameters();
  setParameters(parameters, description);
  const placed = placement ? encodePlacement(placement) : NOTHING;
  const keys = keysOf(description).slice(
    0,
    parameters.authKeyBytes > 0 ? 2 : 1,
  );
  const lengthBytes = recordBytes(parameters, placed.length);
  if (lengthBytes > MAXIMUM_BYTES) {
    throw new RangeError(
      `Cannot record a session in ${lengthBytes} bytes: ` +
        `expected at most ${MAXIMUM_BYTES}`,
    );
  }
  const room = allocate(lengthBytes);
  if (!room) return room;
  const bytes: Uint8Array = room;
  const view = new DataView(bytes.buffer, bytes.byteOffset, lengthBytes);
  bytes.fill(0, 0, lengthBytes);
  view.setUint16(VERSION_AT, VERSION, true);
  writeUint64(view, ID_AT, id);
  PARAMETERS.forEach((name, i) =>
    view.setUint32(PARAMETERS_AT + 4 * i, parameters[name], true)
  );
  view.setUint32(PLACEMENT_BYTES_AT, placed.length, true);
  let at = HEADER_BYTES;
  for (const part of [...keys, placed]) {
    bytes.set(part, at);
    at += part.length;
  }
  view.setUint32(0, lengthBytes, true);
  return room;
}

function recordBytes(
  { keyBytes, authKeyBytes }: SessionParameters,
  placementBytes: number,
): number {
  const end = HEADER_BYTES + keyBytes + authKeyBytes + placementBytes;
  return Math.ceil(end / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}

/** The length that the record at the start of `bytes` says of itself. */
export function sessionRecordBytes(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
}

/**
 * Reads the record that `bytes` hold from their start to their end, whoever has
 * written them; a string says what is wrong. The keys are copied.
 */
export function decodeSessionRecord(bytes: Uint8Array): SessionRecord | string {
  const { length, buffer, byteOffset } = bytes;
  if (length < HEADER_BYTES || length > MAXIMUM_BYTES) {
    return `a session record of ${length} bytes`;
  }
  const view = new DataView(buffer, byteOffset, length);
  const version = view.getUint32(VERSION_AT, true);
  if (version !== VERSION) return `a session record of version ${version}`;
  const parameters = new SessionParameters();
  const numbers: Record<typeof PARAMETERS[number], number> = parameters;
  PARAMETERS.forEach((name, i) => {
    numbers[name] = view.getUint32(PARAMETERS_AT + 4 * i, true);
  });
  if (parameters.service >= SERVICES.length) {
    return `a session record of service ${parameters.service}`;
  }
  const placementBytes = view.getUint32(PLACEMENT_BYTES_AT, true);
  const expected = recordBytes(parameters, placementBytes);
  const id = readUint64(view, ID_AT);
  if (
    length !== expected || view.getUint32(0, true) !== length ||
    view.getUint32(RESERVED_AT, true) !== 0
  ) return `a session record whose lengths contradict each other`;
  if (Number.isNaN(id)) return "a session record whose identifier is too large";
  return decodeParts(bytes, id, parameters, placementBytes);
}

function decodeParts(
  bytes: Uint8Array,
  id: number,
  parameters: SessionParameters,
  placementBytes: number,
): SessionRecord | string {
  const authKeyAt = HEADER_BYTES + parameters.keyBytes;
  const placementAt = authKeyAt + parameters.authKeyBytes;
  const end = placementAt + placementBytes;
  if (bytes.subarray(end).some((byte) => byte !== 0)) {
    return "a session record with something behind its end";
  }
  const placement = placementBytes === 0
    ? undefined
    : decodePlacement(bytes.subarray(placementAt, end));
  if (typeof placement === "string") return placement;
  const description = decodeSession(
    parameters,
    bytes.subarray(HEADER_BYTES, authKeyAt),
    bytes.subarray(authKeyAt, placementAt),
  );
  if (isRefusal(description)) return description.reason;
  const wrong = findIllegal(description)?.reason ??
    findUnused(parameters, description);
  if (wrong !== undefined) {
    wipeKeys(description);
    return wrong;
  }
  return { id, description, ...(placement && { placement }) };
}

/** Numbers that mean nothing for a session are zero in its record. */
function findUnused(
  parameters: SessionParameters,
  description: SessionDescription,
): string | undefined {
  const needed = new SessionParameters();
  setParameters(needed, description);
  const unused = PARAMETERS.find((name) => needed[name] !== parameters[name]);
  return unused && `a session record with a ${unused} that means nothing`;
}
