/**
 * What payloads of vhost-user messages say.
 *
 * Fields are in the byte order of the machine, little-endian on all supported.
 *
 * @module
 */

import { readUint64, writeUint64 } from "../../wire/uint64.ts";
import { MAX_TABLE_REGIONS, REGION_BYTES } from "./messages.ts";

/** SET_VRING_KICK, _CALL, _ERR: no descriptor comes with the message. */
const NO_DESCRIPTOR = 0x100;
const RING_INDEX_MASK = 0xff;

/** The vring state of SET_VRING_NUM, _BASE, _ENABLE and GET_VRING_BASE. */
export function decodeRingState(view: DataView): {
  index: number;
  value: number;
} {
  return { index: view.getUint32(0, true), value: view.getUint32(4, true) };
}

export function encodeRingState(
  index: number,
  value: number,
): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(8);
  const view = new DataView(payload.buffer);
  view.setUint32(0, index, true);
  view.setUint32(4, value, true);
  return payload;
}

/** Where the areas of a ring are in the front-end's address space. */
export interface RingAddresses {
  readonly descriptor: number;
  readonly used: number;
  readonly available: number;
  /** Where writes to the used ring are logged; undefined: they are not asked for. */
  readonly log?: number | undefined;
}

/** SET_VRING_ADDR: the used ring's writes are logged, at the log address. */
const RING_LOGS = 1;

/** SET_VRING_ADDR; the log address counts only with its flag. */
export function decodeRingAddresses(
  view: DataView,
): RingAddresses & { index: number } {
  return {
    index: view.getUint32(0, true),
    descriptor: readUint64(view, 8),
    used: readUint64(view, 16),
    available: readUint64(view, 24),
    log: decodeLogAddress(view),
  };
}

/** One that no log reaches is none: then the used ring's own is marked. */
function decodeLogAddress(view: DataView): number | undefined {
  if ((view.getUint32(4, true) & RING_LOGS) === 0) return undefined;
  const address = readUint64(view, 32);
  return Number.isNaN(address) ? undefined : address;
}

/** A dirty log in its file; NaN is 2^53 or more. */
export interface LogDescription {
  readonly lengthBytes: number;
  readonly fileOffset: number;
}

/** SET_LOG_BASE with LOG_SHMFD. */
export function decodeLog(view: DataView): LogDescription {
  return { lengthBytes: readUint64(view, 0), fileOffset: readUint64(view, 8) };
}

/** An in-flight region in its file; NaN is 2^53 or more. */
export interface InflightDescription {
  readonly lengthBytes: number;
  readonly fileOffset: number;
  readonly queues: number;
  /** The most descriptors of a queue. */
  readonly queueSize: number;
}

/** GET_INFLIGHT_FD and SET_INFLIGHT_FD. */
export function decodeInflight(view: DataView): InflightDescription {
  return {
    lengthBytes: readUint64(view, 0),
    fileOffset: readUint64(view, 8),
    queues: view.getUint16(16, true),
    queueSize: view.getUint16(18, true),
  };
}

/** The answer to GET_INFLIGHT_FD, as long as the question. */
export function encodeInflight(
  description: InflightDescription,
  payloadBytes: number,
): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(payloadBytes);
  const view = new DataView(payload.buffer);
  writeUint64(view, 0, description.lengthBytes);
  writeUint64(view, 8, description.fileOffset);
  view.setUint16(16, description.queues, true);
  view.setUint16(18, description.queueSize, true);
  return payload;
}

/** SET_DEVICE_STATE_FD. */
export function decodeTransfer(view: DataView): {
  direction: number;
  phase: number;
} {
  return { direction: view.getUint32(0, true), phase: view.getUint32(4, true) };
}

/** SET_VRING_KICK, _CALL, _ERR. */
export function decodeRingDescriptor(view: DataView): {
  index: number;
  hasDescriptor: boolean;
} {
  const word = view.getUint32(0, true);
  return {
    index: word & RING_INDEX_MASK,
    hasDescriptor: (word & NO_DESCRIPTOR) === 0,
  };
}

/** A region of guest memory as a front-end names it; NaN is 2^53 or more. */
export interface RegionDescription {
  readonly guestAddress: number;
  readonly lengthBytes: number;
  readonly userAddress: number;
  readonly fileOffset: number;
}

function decodeRegion(view: DataView, offset: number): RegionDescription {
  return {
    guestAddress: readUint64(view, offset),
    lengthBytes: readUint64(view, offset + 8),
    userAddress: readUint64(view, offset + 16),
    fileOffset: readUint64(view, offset + 24),
  };
}

/** The regions of SET_MEM_TABLE, or undefined when their count is wrong. */
export function decodeMemoryTable(
  view: DataView,
): RegionDescription[] | undefined {
  const count = view.getUint32(0, true);
  if (count > MAX_TABLE_REGIONS || view.byteLength < 8 + count * REGION_BYTES) {
    return undefined;
  }
  return Array.from(
    { length: count },
    (_, i) => decodeRegion(view, 8 + i * REGION_BYTES),
  );
}

/** The region of ADD_MEM_REG and REM_MEM_REG. */
export function decodeSingleRegion(view: DataView): RegionDescription {
  return decodeRegion(view, 8);
}

/** Header of GET_CONFIG and SET_CONFIG. */
export function decodeConfigHeader(view: DataView): {
  offset: number;
  lengthBytes: number;
} {
  return {
    offset: view.getUint32(0, true),
    lengthBytes: view.getUint32(4, true),
  };
}

export function encodeUint64(value: number): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(8);
  writeUint64(new DataView(payload.buffer), 0, value);
  return payload;
}

export function encodeBits(value: bigint): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(8);
  new DataView(payload.buffer).setBigUint64(0, value, true);
  return payload;
}
