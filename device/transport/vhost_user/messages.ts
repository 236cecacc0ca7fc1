/**
 * The messages of the vhost-user protocol: numbers, flags, and what a payload
 * must look like before its meaning matters.
 *
 * Fields are in the byte order of the machine, little-endian on all supported.
 *
 * @module
 */

import { readUint64, writeUint64 } from "../../wire/uint64.ts";

/** Requests of the front-end. */
export const enum Request {
  GetFeatures = 1,
  SetFeatures = 2,
  SetOwner = 3,
  ResetOwner = 4,
  SetMemTable = 5,
  SetLogBase = 6,
  SetLogFd = 7,
  SetVringNum = 8,
  SetVringAddr = 9,
  SetVringBase = 10,
  GetVringBase = 11,
  SetVringKick = 12,
  SetVringCall = 13,
  SetVringErr = 14,
  GetProtocolFeatures = 15,
  SetProtocolFeatures = 16,
  GetQueueNum = 17,
  SetVringEnable = 18,
  SetBackendReqFd = 21,
  GetConfig = 24,
  SetConfig = 25,
  CreateCryptoSession = 26,
  CloseCryptoSession = 27,
  ResetDevice = 34,
  GetMaxMemSlots = 36,
  AddMemReg = 37,
  RemMemReg = 38,
  SetStatus = 39,
  GetStatus = 40,
}

/** Requests of the back-end. */
export const enum BackendRequest {
  ConfigChange = 2,
}

/** Names of all requests by number, for logs. */
const NAMES: readonly string[] = [
  "",
  "GET_FEATURES",
  "SET_FEATURES",
  "SET_OWNER",
  "RESET_OWNER",
  "SET_MEM_TABLE",
  "SET_LOG_BASE",
  "SET_LOG_FD",
  "SET_VRING_NUM",
  "SET_VRING_ADDR",
  "SET_VRING_BASE",
  "GET_VRING_BASE",
  "SET_VRING_KICK",
  "SET_VRING_CALL",
  "SET_VRING_ERR",
  "GET_PROTOCOL_FEATURES",
  "SET_PROTOCOL_FEATURES",
  "GET_QUEUE_NUM",
  "SET_VRING_ENABLE",
  "SEND_RARP",
  "NET_SET_MTU",
  "SET_BACKEND_REQ_FD",
  "IOTLB_MSG",
  "SET_VRING_ENDIAN",
  "GET_CONFIG",
  "SET_CONFIG",
  "CREATE_CRYPTO_SESSION",
  "CLOSE_CRYPTO_SESSION",
  "POSTCOPY_ADVISE",
  "POSTCOPY_LISTEN",
  "POSTCOPY_END",
  "GET_INFLIGHT_FD",
  "SET_INFLIGHT_FD",
  "GPU_SET_SOCKET",
  "RESET_DEVICE",
  "VRING_KICK",
  "GET_MAX_MEM_SLOTS",
  "ADD_MEM_REG",
  "REM_MEM_REG",
  "SET_STATUS",
  "GET_STATUS",
  "GET_SHARED_OBJECT",
  "SET_DEVICE_STATE_FD",
  "CHECK_DEVICE_STATE",
  "GET_SHMEM_CONFIG",
];

/** Name of a request, or its number where the protocol has none. */
export function requestName(request: number): string {
  return NAMES[request] || `request ${request}`;
}

const bit = (number: number): bigint => 1n << BigInt(number);

/** Protocol features, as a set of bits. */
const PROTOCOL_F_MQ = bit(0);
export const PROTOCOL_F_REPLY_ACK = bit(3);
export const PROTOCOL_F_BACKEND_REQ = bit(5);
export const PROTOCOL_F_CRYPTO_SESSION = bit(7);
export const PROTOCOL_F_CONFIG = bit(9);
export const PROTOCOL_F_RESET_DEVICE = bit(13);
export const PROTOCOL_F_CONFIGURE_MEM_SLOTS = bit(15);
export const PROTOCOL_F_STATUS = bit(16);

export const OFFERED_PROTOCOL_FEATURES = PROTOCOL_F_MQ | PROTOCOL_F_REPLY_ACK |
  PROTOCOL_F_BACKEND_REQ | PROTOCOL_F_CRYPTO_SESSION | PROTOCOL_F_CONFIG |
  PROTOCOL_F_RESET_DEVICE | PROTOCOL_F_CONFIGURE_MEM_SLOTS | PROTOCOL_F_STATUS;

export const HEADER_BYTES = 12;
export const MAX_PAYLOAD_BYTES = 4096;
export const VERSION = 1;
const VERSION_MASK = 0x3;
export const FLAG_REPLY = 0x4;
export const FLAG_NEED_REPLY = 0x8;

/** Regions that one SET_MEM_TABLE may hold. */
const MAX_TABLE_REGIONS = 8;
const REGION_BYTES = 32;
/** A front-end's config space is at most this long. */
export const MAX_CONFIG_BYTES = 256;
export const CONFIG_HEADER_BYTES = 12;
/** SET_VRING_KICK, _CALL, _ERR: no descriptor comes with the message. */
const NO_DESCRIPTOR = 0x100;
const RING_INDEX_MASK = 0xff;

/** Header of a message. */
export interface Header {
  readonly request: number;
  readonly flags: number;
  readonly payloadBytes: number;
}

/** A message as it was received. */
export interface Message extends Header {
  /** The connection's own buffer, valid until the next message. */
  readonly payload: Uint8Array<ArrayBuffer>;
  readonly view: DataView;
  /** Descriptors that nobody has taken yet; the rest are closed. */
  readonly fds: number[];
}

/** What syntax requires of a request. */
interface Shape {
  readonly payloadBytes: number | readonly [least: number, most: number];
  /** Has a reply of its own, whatever REPLY_ACK says. */
  readonly replies?: boolean;
}

const EMPTY: Shape = { payloadBytes: 0 };
const UINT64: Shape = { payloadBytes: 8 };
const ANY: Shape = { payloadBytes: [0, MAX_PAYLOAD_BYTES] };
const CONFIG_BYTES = [
  CONFIG_HEADER_BYTES,
  CONFIG_HEADER_BYTES + MAX_CONFIG_BYTES,
] as const;

const SHAPES: Readonly<Record<Request, Shape>> = {
  [Request.GetFeatures]: { payloadBytes: 0, replies: true },
  [Request.SetFeatures]: UINT64,
  [Request.SetOwner]: EMPTY,
  [Request.ResetOwner]: EMPTY,
  [Request.SetMemTable]: {
    payloadBytes: [8, 8 + MAX_TABLE_REGIONS * REGION_BYTES],
  },
  [Request.SetLogBase]: ANY,
  [Request.SetLogFd]: ANY,
  [Request.SetVringNum]: UINT64,
  [Request.SetVringAddr]: { payloadBytes: 40 },
  [Request.SetVringBase]: UINT64,
  [Request.GetVringBase]: { payloadBytes: 8, replies: true },
  [Request.SetVringKick]: UINT64,
  [Request.SetVringCall]: UINT64,
  [Request.SetVringErr]: UINT64,
  [Request.GetProtocolFeatures]: { payloadBytes: 0, replies: true },
  [Request.SetProtocolFeatures]: UINT64,
  [Request.GetQueueNum]: { payloadBytes: 0, replies: true },
  [Request.SetVringEnable]: UINT64,
  [Request.SetBackendReqFd]: EMPTY,
  [Request.GetConfig]: { payloadBytes: CONFIG_BYTES, replies: true },
  [Request.SetConfig]: { payloadBytes: CONFIG_BYTES },
  [Request.CreateCryptoSession]: { ...ANY, replies: true },
  [Request.CloseCryptoSession]: UINT64,
  [Request.ResetDevice]: EMPTY,
  [Request.GetMaxMemSlots]: { payloadBytes: 0, replies: true },
  [Request.AddMemReg]: { payloadBytes: 8 + REGION_BYTES },
  [Request.RemMemReg]: { payloadBytes: 8 + REGION_BYTES },
  [Request.SetStatus]: UINT64,
  [Request.GetStatus]: { payloadBytes: 0, replies: true },
};

const shapeOf = (request: number): Shape =>
  (SHAPES as Readonly<Record<number, Shape>>)[request] ?? ANY;

/** Whether the request is answered by a reply of its own. */
export function hasOwnReply(request: number): boolean {
  return shapeOf(request).replies ?? false;
}

/** Why a header cannot begin a message of a front-end, or undefined. */
export function headerProblem(header: Header): string | undefined {
  const { request, flags, payloadBytes } = header;
  const name = requestName(request);
  const version = flags & VERSION_MASK;
  if (version !== VERSION) return `${name} with version ${version}`;
  if ((flags & FLAG_REPLY) !== 0) return `${name} is marked as a reply`;
  if (NAMES[request] === undefined || request === 0) {
    return `unknown request ${request}`;
  }
  if (payloadBytes > MAX_PAYLOAD_BYTES) {
    return `${name} with a payload of ${payloadBytes} bytes`;
  }
  const expected = shapeOf(request).payloadBytes;
  const [least, most] = typeof expected === "number"
    ? [expected, expected]
    : expected;
  if (payloadBytes >= least && payloadBytes <= most) return undefined;
  const range = least === most ? `${least}` : `${least} to ${most}`;
  return `${name} with a payload of ${payloadBytes} bytes, expected ${range}`;
}

/** Reads a header. */
export function decodeHeader(view: DataView): Header {
  return {
    request: view.getUint32(0, true),
    flags: view.getUint32(4, true),
    payloadBytes: view.getUint32(8, true),
  };
}

/** Writes a header. */
export function encodeHeader(view: DataView, header: Header): void {
  view.setUint32(0, header.request, true);
  view.setUint32(4, header.flags, true);
  view.setUint32(8, header.payloadBytes, true);
}

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
}

/** SET_VRING_ADDR; the log address counts only with logging. */
export function decodeRingAddresses(
  view: DataView,
): RingAddresses & { index: number } {
  return {
    index: view.getUint32(0, true),
    descriptor: readUint64(view, 8),
    used: readUint64(view, 16),
    available: readUint64(view, 24),
  };
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
