/**
 * The messages that a vhost-user front-end sends, as bytes
 * (vhost-user protocol, "Front-end message types").
 *
 * @module
 */

/** Request numbers. */
export const REQUEST = {
  GET_FEATURES: 1,
  SET_FEATURES: 2,
  SET_OWNER: 3,
  SET_MEM_TABLE: 5,
  SET_VRING_NUM: 8,
  SET_VRING_ADDR: 9,
  SET_VRING_BASE: 10,
  GET_VRING_BASE: 11,
  SET_VRING_KICK: 12,
  SET_VRING_CALL: 13,
  GET_PROTOCOL_FEATURES: 15,
  SET_PROTOCOL_FEATURES: 16,
  GET_QUEUE_NUM: 17,
  SET_VRING_ENABLE: 18,
  SET_BACKEND_REQ_FD: 21,
  GET_CONFIG: 24,
  CREATE_CRYPTO_SESSION: 26,
  CLOSE_CRYPTO_SESSION: 27,
  RESET_DEVICE: 34,
  SET_STATUS: 39,
  GET_STATUS: 40,
} as const;

/** Requests that the back-end sends on its own channel. */
export const BACKEND_REQUEST_CONFIG_CHANGE = 2;

const protocolBit = (number: number): bigint => 1n << BigInt(number);

/** Protocol features that this front-end can use. */
export const PROTOCOL_FEATURE = {
  MQ: protocolBit(0),
  REPLY_ACK: protocolBit(3),
  BACKEND_REQ: protocolBit(5),
  CRYPTO_SESSION: protocolBit(7),
  CONFIG: protocolBit(9),
  RESET_DEVICE: protocolBit(13),
  STATUS: protocolBit(16),
} as const;

export const HEADER_BYTES = 12;
const VERSION = 1;
const VERSION_MASK = 3;
export const FLAG_REPLY = 1 << 2;
export const FLAG_NEED_REPLY = 1 << 3;

/** Whether a message with these flags is an answer, of this protocol. */
export function isAnswer(flags: number): boolean {
  return (flags & (VERSION_MASK | FLAG_REPLY)) === (VERSION | FLAG_REPLY);
}

/** A message header as received. */
export interface MessageHeader {
  readonly request: number;
  readonly flags: number;
  readonly payloadBytes: number;
}

/** A whole message. */
export function encodeMessage(
  request: number,
  payload: Uint8Array,
  flags = 0,
): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(HEADER_BYTES + payload.length);
  const view = new DataView(message.buffer);
  view.setUint32(0, request, true);
  view.setUint32(4, VERSION | flags, true);
  view.setUint32(8, payload.length, true);
  message.set(payload, HEADER_BYTES);
  return message;
}

/** The header at the start of `bytes`. */
export function decodeHeader(bytes: Uint8Array): MessageHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  return {
    request: view.getUint32(0, true),
    flags: view.getUint32(4, true),
    payloadBytes: view.getUint32(8, true),
  };
}

/** Payload of one 64-bit number. */
export function encodeU64(value: bigint): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return bytes;
}

export function decodeU64(bytes: Uint8Array): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .getBigUint64(0, true);
}

/** Payload of a vring index and a number: NUM, BASE, ENABLE. */
export function encodeVringState(
  index: number,
  value: number,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, index, true);
  view.setUint32(4, value, true);
  return bytes;
}

/** Where a vring lies, in the front-end's own addresses. */
export interface VringAddresses {
  readonly descriptorAddress: number;
  readonly usedAddress: number;
  readonly availableAddress: number;
}

export function encodeVringAddresses(
  index: number,
  addresses: VringAddresses,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(40);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, index, true);
  view.setBigUint64(8, BigInt(addresses.descriptorAddress), true);
  view.setBigUint64(16, BigInt(addresses.usedAddress), true);
  view.setBigUint64(24, BigInt(addresses.availableAddress), true);
  return bytes;
}

/** A memory table of one region, whose file descriptor goes along. */
export function encodeMemoryTable(
  guestAddress: number,
  lengthBytes: number,
  userAddress: number,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8 + 32);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 1, true);
  view.setBigUint64(8, BigInt(guestAddress), true);
  view.setBigUint64(16, BigInt(lengthBytes), true);
  view.setBigUint64(24, BigInt(userAddress), true);
  return bytes;
}

const CONFIG_HEADER_BYTES = 12;

/** Payload that asks for the first `lengthBytes` bytes of the config space. */
export function encodeConfigRequest(
  lengthBytes: number,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(CONFIG_HEADER_BYTES + lengthBytes);
  new DataView(bytes.buffer).setUint32(4, lengthBytes, true);
  return bytes;
}

/** The config space in the answer, or `undefined` when the device refused. */
export function decodeConfig(payload: Uint8Array): Uint8Array | undefined {
  return payload.length > CONFIG_HEADER_BYTES
    ? payload.slice(CONFIG_HEADER_BYTES)
    : undefined;
}
