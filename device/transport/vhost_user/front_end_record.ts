/**
 * What a front-end has said, as bytes that the next process reads: its state,
 * where its descriptors are kept, and the answer to its last message.
 *
 * @module
 */

import { MAX_GUEST_REGIONS } from "../../ring/guest_memory.ts";
import { MAX_RING_SIZE } from "../../ring/layout.ts";
import { FieldReader, type FieldWriter } from "../../state/fields.ts";
import type { SessionLayout } from "../../wire/session_message.ts";
import type { RingPlan } from "./driver_life.ts";
import type { FrontEndState, RingState } from "./front_end_state.ts";
import { MAX_PAYLOAD_BYTES } from "./messages.ts";
import type {
  InflightDescription,
  LogDescription,
  RegionDescription,
} from "./payloads.ts";

/** Number of a descriptor at the keeper; 0: there is none. */
export type KeptNumber = number;

/** A ring as it is kept. */
export interface KeptRing {
  readonly state: RingState;
  readonly runs: boolean;
  readonly kick: KeptNumber;
  readonly call: KeptNumber;
  readonly error: KeptNumber;
  /** How it stopped, where it has run for the present driver. */
  readonly stopped: RingPlan | undefined;
}

/** A region of guest memory as it is kept. */
export interface KeptRegion extends RegionDescription {
  readonly file: KeptNumber;
}

/** An in-flight region as it is kept. */
export interface KeptInflight extends InflightDescription {
  readonly packed: boolean;
  readonly file: KeptNumber;
}

/** A dirty log as it is kept. */
export interface KeptLog extends LogDescription {
  readonly file: KeptNumber;
}

/** All that is kept of a front-end but its sessions. */
export interface FrontEndRecord {
  readonly state: Omit<FrontEndState, "rings">;
  readonly rings: readonly KeptRing[];
  readonly regions: readonly KeptRegion[];
  /** Where a front-end that moves the guest has writes logged. */
  readonly log: KeptLog | undefined;
  /** Where it keeps requests under way. */
  readonly inflight: KeptInflight | undefined;
  /** The region that was made for that last; GET_INFLIGHT_FD brings it. */
  readonly offeredInflight: KeptNumber;
  readonly sessionLayout: SessionLayout | undefined;
  /** The newest session when all rings had stopped, while that is open. */
  readonly newestSession: number | undefined;
  readonly connection: KeptNumber;
  readonly backendRequests: KeptNumber;
  /** How many messages have been handled. */
  readonly messages: number;
  /** What answers the last of them, unless that is known to be sent. */
  readonly reply: Uint8Array<ArrayBuffer> | undefined;
}

const VERSION = 2;
const LAYOUTS = [undefined, "A", "B", "C"] as const;
const ENABLED = [undefined, false, true] as const;
/** The most rings of a device. */
export const MAX_RINGS = 65;
const MAX_REPLY_BYTES = MAX_PAYLOAD_BYTES + 12;

/** The most bytes that a record takes. */
export const FRONT_END_RECORD_BYTES = 256 + MAX_REPLY_BYTES + 192 * MAX_RINGS +
  40 * MAX_GUEST_REGIONS;

/** Writes a record. */
export function writeFrontEnd(to: FieldWriter, record: FrontEndRecord): void {
  const { state, rings, regions, reply } = record;
  to.uint32(VERSION);
  to.bits(state.features);
  to.flag(state.featuresTold);
  to.bits(state.protocolFeatures);
  to.uint32(state.status);
  to.flag(state.tellsDriverOk);
  to.uint32(LAYOUTS.indexOf(record.sessionLayout));
  to.uint64(record.newestSession);
  to.uint64(record.connection);
  to.uint64(record.backendRequests);
  to.uint64(record.messages);
  to.flag(reply !== undefined);
  to.bytes(reply ?? new Uint8Array(0));
  to.list(rings, (ring) => writeRing(to, ring));
  to.list(regions, (region) => {
    to.uint64(region.guestAddress);
    to.uint64(region.lengthBytes);
    to.uint64(region.userAddress);
    to.uint64(region.fileOffset);
    to.uint64(region.file);
  });
  to.flag(record.log !== undefined);
  to.uint64(record.log?.lengthBytes);
  to.uint64(record.log?.fileOffset);
  to.uint64(record.log?.file);
  const { inflight } = record;
  to.flag(inflight !== undefined);
  to.uint64(inflight?.lengthBytes);
  to.uint64(inflight?.fileOffset);
  to.uint32(inflight?.queues ?? 0);
  to.uint32(inflight?.queueSize ?? 0);
  to.flag(inflight?.packed ?? false);
  to.uint64(inflight?.file);
  to.uint64(record.offeredInflight);
}

function writeRing(to: FieldWriter, ring: KeptRing): void {
  const { state, stopped } = ring;
  to.uint32(state.size);
  to.uint64(state.addresses?.descriptor);
  to.uint64(state.addresses?.used);
  to.uint64(state.addresses?.available);
  to.uint64(state.addresses?.log);
  to.uint64(state.base);
  to.flag(state.baseUnknown);
  to.flag(state.started);
  to.uint32(ENABLED.indexOf(state.enabled));
  to.flag(state.told);
  to.flag(state.baseTold);
  to.flag(ring.runs);
  to.uint64(ring.kick);
  to.uint64(ring.call);
  to.uint64(ring.error);
  to.flag(stopped !== undefined);
  to.uint32(stopped?.size ?? 0);
  to.uint64(stopped?.descriptorAddress);
  to.uint64(stopped?.availableAddress);
  to.uint64(stopped?.usedAddress);
  to.flag(stopped?.packed ?? false);
  to.uint64(stopped?.base);
}

/** Reads a record, whoever has written it; a string says what is wrong. */
export function readFrontEnd(bytes: Uint8Array): FrontEndRecord | string {
  const from = new FieldReader(bytes);
  const version = from.uint32();
  if (version !== VERSION) return `a front-end's record of version ${version}`;
  const state = {
    features: from.bits(),
    featuresTold: from.flag(),
    protocolFeatures: from.bits(),
    status: from.uint32Below(256),
    tellsDriverOk: from.flag(),
  };
  const sessionLayout = LAYOUTS[from.uint32Below(LAYOUTS.length)];
  const newestSession = from.optionalUint64();
  const connection = from.uint64();
  const backendRequests = from.uint64();
  const messages = from.uint64();
  const hasReply = from.flag();
  const reply = from.bytes(MAX_REPLY_BYTES);
  const rings = from.list(MAX_RINGS, () => readRing(from));
  const regions = from.list(MAX_GUEST_REGIONS, () => ({
    guestAddress: from.uint64(),
    lengthBytes: from.uint64(),
    userAddress: from.uint64(),
    fileOffset: from.uint64(),
    file: from.uint64(),
  }));
  const log = readLog(from);
  const inflight = readInflight(from);
  const offeredInflight = from.uint64();
  if (from.failed) return "a front-end's record that contradicts itself";
  return {
    state,
    rings,
    regions,
    log,
    inflight,
    offeredInflight,
    sessionLayout,
    newestSession,
    connection,
    backendRequests,
    messages,
    reply: hasReply ? reply : undefined,
  };
}

function readLog(from: FieldReader): KeptLog | undefined {
  const isThere = from.flag();
  const lengthBytes = from.optionalUint64();
  const fileOffset = from.optionalUint64();
  const file = from.optionalUint64();
  return isThere && lengthBytes !== undefined && fileOffset !== undefined &&
      file !== undefined
    ? { lengthBytes, fileOffset, file }
    : undefined;
}

function readInflight(from: FieldReader): KeptInflight | undefined {
  const isThere = from.flag();
  const lengthBytes = from.optionalUint64();
  const fileOffset = from.optionalUint64();
  const queues = from.uint32();
  const queueSize = from.uint32();
  const packed = from.flag();
  const file = from.optionalUint64();
  return isThere && lengthBytes !== undefined && fileOffset !== undefined &&
      file !== undefined
    ? { lengthBytes, fileOffset, queues, queueSize, packed, file }
    : undefined;
}

function readRing(from: FieldReader): KeptRing {
  const size = from.uint32Below(MAX_RING_SIZE + 1);
  const addresses = readAddresses(from);
  const state: RingState = {
    size,
    addresses,
    base: from.optionalUint64(),
    baseUnknown: from.flag(),
    started: from.flag(),
    enabled: ENABLED[from.uint32Below(ENABLED.length)],
    told: from.flag(),
    baseTold: from.flag(),
  };
  return {
    state,
    runs: from.flag(),
    kick: from.uint64(),
    call: from.uint64(),
    error: from.uint64(),
    stopped: readStopped(from),
  };
}

function readAddresses(from: FieldReader): RingState["addresses"] {
  const descriptor = from.optionalUint64();
  const used = from.optionalUint64();
  const available = from.optionalUint64();
  const log = from.optionalUint64();
  return descriptor === undefined || used === undefined ||
      available === undefined
    ? undefined
    : { descriptor, used, available, log };
}

function readStopped(from: FieldReader): RingPlan | undefined {
  const isThere = from.flag();
  const size = from.uint32Below(MAX_RING_SIZE + 1);
  const descriptorAddress = from.optionalUint64();
  const availableAddress = from.optionalUint64();
  const usedAddress = from.optionalUint64();
  const packed = from.flag();
  const base = from.optionalUint64();
  if (
    !isThere || descriptorAddress === undefined ||
    availableAddress === undefined || usedAddress === undefined ||
    base === undefined
  ) return undefined;
  return {
    size,
    descriptorAddress,
    availableAddress,
    usedAddress,
    packed,
    base,
  };
}
