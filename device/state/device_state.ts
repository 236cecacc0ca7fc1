/**
 * A device as it moves to another host: what its driver was told and has chosen,
 * and its sessions. Where rings stand and what is in memory, the front-end moves
 * itself. The bytes come through its hands and a network, and are read as if an
 * enemy had written them.
 *
 * Fields (`fields.ts`): a magic number; the version that wrote it, and the oldest
 * that can read it; the driver's features; 1 where the front-end hands over the
 * control queue; the layout, 0 for the standard's and 1 for the draft's; the
 * config space; the next identifier; the sessions, each as its record
 * (`session_record.ts`), without placement; and from version 2 on the security
 * associations (`association_log.ts`), no bytes where there are none.
 *
 * @module
 */

import { wipeKeys } from "../../algorithms/session_description.ts";
import {
  decodeSessionRecord,
  encodeSessionRecord,
  type SessionRecord,
} from "../session/session_record.ts";
import { type Layout, LAYOUTS } from "../wire/mode.ts";
import { FieldReader, FieldWriter } from "./fields.ts";
import { MAX_NEXT_ID } from "./session_log.ts";

/** What a device that goes on elsewhere has to know. */
export interface DeviceState {
  /** As the driver has chosen them. */
  readonly features: bigint;
  /** Whether the front-end hands over control queue and config space. */
  readonly isGeneric: boolean;
  readonly layout: Layout;
  /** What the driver has read, or could have. */
  readonly config: Uint8Array<ArrayBuffer>;
  /** No session has had this identifier, nor a greater one. */
  readonly nextId: number;
  readonly sessions: readonly SessionRecord[];
  /** What the administration queue has come to; empty where there is none. */
  readonly associations: Uint8Array<ArrayBuffer>;
}

/** "vdcmove" in ASCII, from its end. */
const MAGIC = 0x65_766f_6d63_6476n;
const VERSION = 2;
/** The first version knows of no associations. */
const FIRST_READER = 1;
const HEADER_BYTES = 64;
const MAX_CONFIG_BYTES = 256;
const MAX_SESSIONS = 2 ** 24;
const MAX_RECORD_BYTES = 2 ** 24;
const MAX_ASSOCIATION_BYTES = 2 ** 31;

/** Writes a state; the bytes hold keys, and are the caller's to wipe. */
export function encodeDeviceState(state: DeviceState): Uint8Array<ArrayBuffer> {
  const records = state.sessions.map(({ id, description }) =>
    encodeSessionRecord(
      { id, description },
      (lengthBytes) => new Uint8Array(new ArrayBuffer(lengthBytes)),
    )
  );
  const lengthBytes = records.reduce(
    (sum, record) => sum + 4 + record.length,
    HEADER_BYTES + state.config.length + 4 + state.associations.length,
  );
  const bytes = new Uint8Array(new ArrayBuffer(lengthBytes));
  const to = new FieldWriter(bytes);
  to.bits(MAGIC);
  to.uint32(VERSION);
  to.uint32(state.associations.length > 0 ? VERSION : FIRST_READER);
  to.bits(state.features);
  to.flag(state.isGeneric);
  to.uint32(LAYOUTS.indexOf(state.layout));
  to.bytes(state.config);
  to.uint64(state.nextId);
  to.list(records, (record) => {
    to.bytes(record);
    record.fill(0);
  });
  to.bytes(state.associations);
  return bytes.subarray(0, to.lengthBytes);
}

/**
 * Reads a state, whoever has written it; a string says what is wrong. Its keys are
 * copies.
 */
export function decodeDeviceState(bytes: Uint8Array): DeviceState | string {
  const from = new FieldReader(bytes);
  if (from.bits() !== MAGIC) return "no state of a device";
  const writer = from.uint32();
  const oldestReader = from.uint32();
  if (oldestReader > VERSION) {
    return `a state for readers from version ${oldestReader} on, and this is ` +
      `version ${VERSION}`;
  }
  const features = from.bits();
  const isGeneric = from.flag();
  const layout = LAYOUTS[from.uint32Below(LAYOUTS.length)]!;
  const config = from.bytes(MAX_CONFIG_BYTES);
  const nextId = from.uint64();
  const sessions = new Map<number, SessionRecord>();
  let problem: string | undefined;
  from.list(MAX_SESSIONS, () => {
    const record = from.bytes(MAX_RECORD_BYTES);
    if (problem === undefined && !from.failed) {
      problem = takeRecord(record, nextId, sessions);
    }
    record.fill(0);
  });
  const associations = writer > FIRST_READER
    ? from.bytes(MAX_ASSOCIATION_BYTES)
    : new Uint8Array(new ArrayBuffer(0));
  if (nextId > MAX_NEXT_ID) problem ??= `a next identifier of ${nextId}`;
  if (from.failed) problem = "a state that contradicts itself";
  if (problem === undefined) {
    return {
      features,
      isGeneric,
      layout,
      config,
      nextId,
      sessions: [...sessions.values()],
      associations,
    };
  }
  associations.fill(0);
  for (const { description } of sessions.values()) wipeKeys(description);
  return problem;
}

/** Adds a session; returns what is wrong with it. */
function takeRecord(
  bytes: Uint8Array,
  nextId: number,
  sessions: Map<number, SessionRecord>,
): string | undefined {
  const record = decodeSessionRecord(bytes);
  if (typeof record === "string") return record;
  const { id, description } = record;
  if (sessions.has(id) || id >= nextId) {
    wipeKeys(description);
    return `session ${id} that cannot be`;
  }
  sessions.set(id, { id, description });
  return undefined;
}
