/**
 * The messages of the vhost-user protocol: one table of them, flags, and what a
 * message must look like before its meaning matters.
 *
 * @module
 */

const bit = (number: number): bigint => 1n << BigInt(number);

/** Protocol features, as a set of bits. */
const PROTOCOL_F_MQ = bit(0);
export const PROTOCOL_F_LOG_SHMFD = bit(1);
export const PROTOCOL_F_REPLY_ACK = bit(3);
export const PROTOCOL_F_BACKEND_REQ = bit(5);
const PROTOCOL_F_CRYPTO_SESSION = bit(7);
export const PROTOCOL_F_CONFIG = bit(9);
const PROTOCOL_F_INFLIGHT_SHMFD = bit(12);
const PROTOCOL_F_RESET_DEVICE = bit(13);
const PROTOCOL_F_CONFIGURE_MEM_SLOTS = bit(15);
export const PROTOCOL_F_STATUS = bit(16);
const PROTOCOL_F_DEVICE_STATE = bit(19);

export const OFFERED_PROTOCOL_FEATURES = PROTOCOL_F_MQ | PROTOCOL_F_LOG_SHMFD |
  PROTOCOL_F_REPLY_ACK | PROTOCOL_F_BACKEND_REQ | PROTOCOL_F_CRYPTO_SESSION |
  PROTOCOL_F_CONFIG |
  PROTOCOL_F_RESET_DEVICE | PROTOCOL_F_CONFIGURE_MEM_SLOTS | PROTOCOL_F_STATUS |
  PROTOCOL_F_DEVICE_STATE | PROTOCOL_F_INFLIGHT_SHMFD;

export const HEADER_BYTES = 12;
export const MAX_PAYLOAD_BYTES = 4096;
export const VERSION = 1;
const VERSION_MASK = 0x3;
export const FLAG_REPLY = 0x4;
export const FLAG_NEED_REPLY = 0x8;

/** Regions that one SET_MEM_TABLE may hold. */
export const MAX_TABLE_REGIONS = 8;
/** Bytes of a region's description. */
export const REGION_BYTES = 32;
/** A front-end's config space is at most this long. */
export const MAX_CONFIG_BYTES = 256;
export const CONFIG_HEADER_BYTES = 12;
/** SET_LOG_BASE with LOG_SHMFD: size and offset of the log in its file. */
export const LOG_BYTES = 16;

/** What the protocol says of a request of the front-end. */
interface MessageRule {
  readonly number: number;
  /** As the protocol's text has it, without VHOST_USER_. */
  readonly name: string;
  /** What the payload's length has to be; any that a message can have if absent. */
  readonly payloadBytes?: number | readonly [least: number, most: number];
  /** Descriptors without which it means nothing; more are closed. */
  readonly descriptors?: number;
  /** Has a reply of its own, whatever REPLY_ACK says. */
  readonly replies?: boolean;
  /** The protocol feature that has to be negotiated before. */
  readonly feature?: bigint;
  /** False where this back-end has nothing to do with it. */
  readonly offered?: false;
}

const UINT64 = 8;
const RING_STATE = 8;
const TRANSFER = 8;
/** With and without what C adds to its end. */
const INFLIGHT = [20, 24] as const;
const CONFIG = [
  CONFIG_HEADER_BYTES,
  CONFIG_HEADER_BYTES + MAX_CONFIG_BYTES,
] as const;
const MEMORY_TABLE = [8, 8 + MAX_TABLE_REGIONS * REGION_BYTES] as const;
const MEMORY_REGION = 8 + REGION_BYTES;

/** Every request that a front-end can make. */
// deno-fmt-ignore
export const MESSAGES = {
  GetFeatures: { number: 1, name: "GET_FEATURES", payloadBytes: 0, replies: true },
  SetFeatures: { number: 2, name: "SET_FEATURES", payloadBytes: UINT64 },
  SetOwner: { number: 3, name: "SET_OWNER", payloadBytes: 0 },
  ResetOwner: { number: 4, name: "RESET_OWNER", payloadBytes: 0 },
  SetMemTable: { number: 5, name: "SET_MEM_TABLE", payloadBytes: MEMORY_TABLE },
  SetLogBase: { number: 6, name: "SET_LOG_BASE" },
  SetLogFd: { number: 7, name: "SET_LOG_FD" },
  SetVringNum: { number: 8, name: "SET_VRING_NUM", payloadBytes: RING_STATE },
  SetVringAddr: { number: 9, name: "SET_VRING_ADDR", payloadBytes: 40 },
  SetVringBase: { number: 10, name: "SET_VRING_BASE", payloadBytes: RING_STATE },
  GetVringBase: { number: 11, name: "GET_VRING_BASE", payloadBytes: RING_STATE, replies: true },
  SetVringKick: { number: 12, name: "SET_VRING_KICK", payloadBytes: UINT64 },
  SetVringCall: { number: 13, name: "SET_VRING_CALL", payloadBytes: UINT64 },
  SetVringErr: { number: 14, name: "SET_VRING_ERR", payloadBytes: UINT64 },
  GetProtocolFeatures: { number: 15, name: "GET_PROTOCOL_FEATURES", payloadBytes: 0, replies: true },
  SetProtocolFeatures: { number: 16, name: "SET_PROTOCOL_FEATURES", payloadBytes: UINT64 },
  GetQueueNum: { number: 17, name: "GET_QUEUE_NUM", payloadBytes: 0, replies: true },
  SetVringEnable: { number: 18, name: "SET_VRING_ENABLE", payloadBytes: RING_STATE },
  SendRarp: { number: 19, name: "SEND_RARP", offered: false },
  NetSetMtu: { number: 20, name: "NET_SET_MTU", offered: false },
  SetBackendReqFd: { number: 21, name: "SET_BACKEND_REQ_FD", payloadBytes: 0, descriptors: 1, feature: PROTOCOL_F_BACKEND_REQ },
  IotlbMsg: { number: 22, name: "IOTLB_MSG", offered: false },
  SetVringEndian: { number: 23, name: "SET_VRING_ENDIAN", offered: false },
  GetConfig: { number: 24, name: "GET_CONFIG", payloadBytes: CONFIG, replies: true, feature: PROTOCOL_F_CONFIG },
  SetConfig: { number: 25, name: "SET_CONFIG", payloadBytes: CONFIG, feature: PROTOCOL_F_CONFIG },
  CreateCryptoSession: { number: 26, name: "CREATE_CRYPTO_SESSION", replies: true, feature: PROTOCOL_F_CRYPTO_SESSION },
  CloseCryptoSession: { number: 27, name: "CLOSE_CRYPTO_SESSION", payloadBytes: UINT64, feature: PROTOCOL_F_CRYPTO_SESSION },
  PostcopyAdvise: { number: 28, name: "POSTCOPY_ADVISE", offered: false },
  PostcopyListen: { number: 29, name: "POSTCOPY_LISTEN", offered: false },
  PostcopyEnd: { number: 30, name: "POSTCOPY_END", offered: false },
  GetInflightFd: { number: 31, name: "GET_INFLIGHT_FD", payloadBytes: INFLIGHT, replies: true, feature: PROTOCOL_F_INFLIGHT_SHMFD },
  SetInflightFd: { number: 32, name: "SET_INFLIGHT_FD", payloadBytes: INFLIGHT, descriptors: 1, feature: PROTOCOL_F_INFLIGHT_SHMFD },
  GpuSetSocket: { number: 33, name: "GPU_SET_SOCKET", offered: false },
  ResetDevice: { number: 34, name: "RESET_DEVICE", payloadBytes: 0, feature: PROTOCOL_F_RESET_DEVICE },
  VringKick: { number: 35, name: "VRING_KICK", offered: false },
  GetMaxMemSlots: { number: 36, name: "GET_MAX_MEM_SLOTS", payloadBytes: 0, replies: true, feature: PROTOCOL_F_CONFIGURE_MEM_SLOTS },
  AddMemReg: { number: 37, name: "ADD_MEM_REG", payloadBytes: MEMORY_REGION, descriptors: 1, feature: PROTOCOL_F_CONFIGURE_MEM_SLOTS },
  RemMemReg: { number: 38, name: "REM_MEM_REG", payloadBytes: MEMORY_REGION, feature: PROTOCOL_F_CONFIGURE_MEM_SLOTS },
  SetStatus: { number: 39, name: "SET_STATUS", payloadBytes: UINT64, feature: PROTOCOL_F_STATUS },
  GetStatus: { number: 40, name: "GET_STATUS", payloadBytes: 0, replies: true, feature: PROTOCOL_F_STATUS },
  GetSharedObject: { number: 41, name: "GET_SHARED_OBJECT", offered: false },
  SetDeviceStateFd: { number: 42, name: "SET_DEVICE_STATE_FD", payloadBytes: TRANSFER, descriptors: 1, replies: true, feature: PROTOCOL_F_DEVICE_STATE },
  CheckDeviceState: { number: 43, name: "CHECK_DEVICE_STATE", payloadBytes: 0, replies: true, feature: PROTOCOL_F_DEVICE_STATE },
  GetShmemConfig: { number: 44, name: "GET_SHMEM_CONFIG", offered: false },
} as const satisfies Readonly<Record<string, MessageRule>>;

type Messages = typeof MESSAGES;

/** Requests that this back-end carries out. */
export type OfferedMessage = {
  [Key in keyof Messages]: Messages[Key] extends { readonly offered: false }
    ? never
    : Key;
}[keyof Messages];

/** Numbers of the requests. */
export const Request = Object.fromEntries(
  Object.entries(MESSAGES).map(([key, { number }]) => [key, number]),
) as { readonly [Key in keyof Messages]: Messages[Key]["number"] };

/** A request's number. */
export type Request = Messages[keyof Messages]["number"];

/** Requests of the back-end. */
export const enum BackendRequest {
  ConfigChange = 2,
}

const KEYS: ReadonlyMap<number, keyof Messages> = new Map(
  Object.entries(MESSAGES).map((
    [key, { number }],
  ) => [number, key as keyof Messages]),
);

/** The key of a request in {@linkcode MESSAGES}; undefined: there is none. */
export function messageKey(request: number): keyof Messages | undefined {
  return KEYS.get(request);
}

/** What the table says of a request. */
export function messageRule(request: number): MessageRule | undefined {
  const key = messageKey(request);
  return key && MESSAGES[key];
}

/** Name of a request, or its number where the protocol has none. */
export function requestName(request: number): string {
  return messageRule(request)?.name ?? `request ${request}`;
}

/** Whether the request is answered by a reply of its own. */
export function hasOwnReply(request: number): boolean {
  return messageRule(request)?.replies ?? false;
}

/** Header of a message. */
export interface Header {
  readonly request: number;
  readonly flags: number;
  readonly payloadBytes: number;
}

/** A message as it was received. */
export interface Message extends Header {
  /** Counted from the connection's first message, 1. */
  readonly number: number;
  /** The connection's own buffer, valid until the next message. */
  readonly payload: Uint8Array<ArrayBuffer>;
  readonly view: DataView;
  /** Descriptors that nobody has taken yet; the rest are closed. */
  readonly fds: number[];
}

/** Why a header cannot begin a message of a front-end, or undefined. */
export function headerProblem(header: Header): string | undefined {
  const { request, flags, payloadBytes } = header;
  const name = requestName(request);
  const version = flags & VERSION_MASK;
  if (version !== VERSION) return `${name} with version ${version}`;
  if ((flags & FLAG_REPLY) !== 0) return `${name} is marked as a reply`;
  const rule = messageRule(request);
  if (!rule) return `unknown request ${request}`;
  if (payloadBytes > MAX_PAYLOAD_BYTES) {
    return `${name} with a payload of ${payloadBytes} bytes`;
  }
  const expected = rule.payloadBytes ?? [0, MAX_PAYLOAD_BYTES];
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
