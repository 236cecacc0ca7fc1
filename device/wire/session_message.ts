/**
 * Payloads of VHOST_USER_CREATE_CRYPTO_SESSION (26) and
 * VHOST_USER_CLOSE_CRYPTO_SESSION (27), with which QEMU's cryptodev hands
 * sessions over. They are C structures of its releases, in the byte order of
 * the host, which is taken to be little-endian; pointers in them are ignored.
 *
 * @module
 */

import {
  type ControlRequest,
  createFrom,
  refused,
  type RefusedRequest,
} from "./control_request.ts";
import {
  ControlOpcode,
  HashMode,
  ServiceNumber,
  SymmetricOperation,
} from "./opcodes.ts";
import { refuseBeyondLimits, type ServiceLimits } from "./session_limits.ts";
import {
  readPublicKeyParameters,
  SessionParameters,
} from "./session_parameters.ts";
import { Status } from "./status.ts";
import { readUint64 } from "./uint64.ts";

/**
 * A: QEMU 2.12 to 7.0 and DPDK 18.05 to 24.11. B: QEMU 7.1 to 8.0. C: QEMU from
 * 8.1 and DPDK from 25.03.
 */
export type SessionLayout = "A" | "B" | "C";

/** Length of a payload. */
export const SESSION_MESSAGE_BYTES: Readonly<Record<SessionLayout, number>> = {
  A: 632,
  B: 632,
  C: 1072,
};

/** Offsets that differ between the layouts; the keys' do not. */
interface Offsets {
  readonly sessionId: number;
  /** B has none: it carries symmetric sessions only. */
  readonly opcode?: number;
  /** Six words: cipher, key length, hash, result, second key length, aad. */
  readonly words: number;
  /** Four bytes: operation, direction, hash mode, chain order. */
  readonly bytes: number;
}

export const SESSION_OFFSETS: Readonly<Record<SessionLayout, Offsets>> = {
  A: { sessionId: 0, opcode: 8, words: 12, bytes: 36 },
  B: { sessionId: 0, words: 8, bytes: 32 },
  C: { sessionId: 1064, opcode: 0, words: 8, bytes: 32 },
};

export const CIPHER_KEY_AT = 56;
export const CIPHER_KEY_ROOM_BYTES = 64;
export const AUTH_KEY_AT = 120;
export const AUTH_KEY_ROOM_BYTES = 512;
/** Public-key sessions exist in layout C only. */
export const ASYMMETRIC = {
  algorithm: 8,
  keyType: 12,
  keyBytes: 16,
  algorithmParameters: 32,
  key: 40,
  keyRoomBytes: 1024,
} as const;

/**
 * The layout of a creation's payload, if it has one. A and B are equally long;
 * offset 36 holds the operation in A (1 or 2) and padding in B (0), which no
 * guest can steer: QEMU refuses operation 0 itself.
 */
export function detectSessionLayout(
  payload: Uint8Array,
): SessionLayout | undefined {
  if (payload.length === SESSION_MESSAGE_BYTES.C) return "C";
  if (payload.length !== SESSION_MESSAGE_BYTES.A) return undefined;
  switch (payload[SESSION_OFFSETS.A.bytes]) {
    case SymmetricOperation.Cipher:
    case SymmetricOperation.Chaining:
      return "A";
    case 0:
      return "B";
    default:
      return undefined;
  }
}

/** Decodes the payload of a creation; the result never is a destruction. */
export function decodeSessionMessage(
  payload: Uint8Array,
  layout: SessionLayout,
  limits: ServiceLimits,
): Exclude<ControlRequest, { kind: "destroy" }> {
  const expected = SESSION_MESSAGE_BYTES[layout];
  if (payload.length !== expected) {
    const reason = `payload of ${payload.length} bytes, expected ${expected}`;
    return refused(true, Status.Error, reason);
  }
  const view = new DataView(payload.buffer, payload.byteOffset, expected);
  const { opcode: at } = SESSION_OFFSETS[layout];
  const opcode = at === undefined
    ? ControlOpcode.CipherCreate
    : view.getUint32(at, true);
  if (opcode === ControlOpcode.CipherCreate) {
    return decodeSymmetric(payload, view, layout, limits);
  }
  if (opcode === ControlOpcode.AkcipherCreate && layout === "C") {
    return decodeAsymmetric(payload, view, limits);
  }
  return refused(true, Status.NotSupported, `session opcode ${opcode}`);
}

/** Room of the fields, or the device's own limits where those are lower. */
function refuse(
  parameters: SessionParameters,
  limits: ServiceLimits,
): RefusedRequest | undefined {
  const { services, maxCipherKeyBytes, maxAuthKeyBytes } = limits;
  const refusal = refuseBeyondLimits(parameters, {
    services,
    maxCipherKeyBytes: Math.min(maxCipherKeyBytes, CIPHER_KEY_ROOM_BYTES),
    maxAuthKeyBytes: Math.min(maxAuthKeyBytes, AUTH_KEY_ROOM_BYTES),
  });
  return refusal && refused(true, refusal.status, refusal.reason);
}

function decodeSymmetric(
  payload: Uint8Array,
  view: DataView,
  layout: SessionLayout,
  limits: ServiceLimits,
): Exclude<ControlRequest, { kind: "destroy" }> {
  const { words, bytes } = SESSION_OFFSETS[layout];
  const parameters = new SessionParameters();
  parameters.service = ServiceNumber.Cipher;
  parameters.opType = view.getUint8(bytes);
  parameters.algorithm = view.getUint32(words, true);
  parameters.keyBytes = view.getUint32(words + 4, true);
  parameters.direction = view.getUint8(bytes + 1);
  if (parameters.opType === SymmetricOperation.Chaining) {
    parameters.hashAlgorithm = view.getUint32(words + 8, true);
    parameters.digestBytes = view.getUint32(words + 12, true);
    parameters.hashMode = view.getUint8(bytes + 2);
    parameters.chainOrder = view.getUint8(bytes + 3);
    if (parameters.hashMode === HashMode.Auth) {
      parameters.authKeyBytes = view.getUint32(words + 16, true);
    }
  }
  const { keyBytes, authKeyBytes } = parameters;
  return refuse(parameters, limits) ?? createFrom(
    parameters,
    payload.subarray(CIPHER_KEY_AT, CIPHER_KEY_AT + keyBytes),
    payload.subarray(AUTH_KEY_AT, AUTH_KEY_AT + authKeyBytes),
  );
}

function decodeAsymmetric(
  payload: Uint8Array,
  view: DataView,
  limits: ServiceLimits,
): Exclude<ControlRequest, { kind: "destroy" }> {
  const parameters = new SessionParameters();
  parameters.service = ServiceNumber.Akcipher;
  parameters.algorithm = view.getUint32(ASYMMETRIC.algorithm, true);
  parameters.keyType = view.getUint32(ASYMMETRIC.keyType, true);
  parameters.keyBytes = view.getUint32(ASYMMETRIC.keyBytes, true);
  readPublicKeyParameters(view, ASYMMETRIC.algorithmParameters, parameters);
  const refusal = refuse(parameters, limits);
  if (refusal) return refusal;
  if (parameters.keyBytes > ASYMMETRIC.keyRoomBytes) {
    const reason = `key of ${parameters.keyBytes} bytes in a field of ` +
      `${ASYMMETRIC.keyRoomBytes}`;
    return refused(true, Status.Error, reason);
  }
  const end = ASYMMETRIC.key + parameters.keyBytes;
  const key = payload.subarray(ASYMMETRIC.key, end);
  return createFrom(parameters, key, new Uint8Array());
}

/**
 * Turns a payload into its own reply: zeros, which wipes the keys, and the
 * session's identifier, negative for a failure. The front-end reads no more.
 * A payload that has not the layout's length becomes -1 wherever one looks.
 */
export function encodeSessionReply<B extends ArrayBufferLike>(
  payload: Uint8Array<B>,
  layout: SessionLayout,
  sessionId: number,
): Uint8Array<B> {
  if (payload.length !== SESSION_MESSAGE_BYTES[layout]) return payload.fill(-1);
  payload.fill(0);
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const at = SESSION_OFFSETS[layout].sessionId;
  view.setBigInt64(at, BigInt(sessionId), true);
  return payload;
}

/** The session that a close message names; NaN when none can have the number. */
export function decodeSessionClose(payload: Uint8Array): number {
  if (payload.length !== 8) return NaN;
  const view = new DataView(payload.buffer, payload.byteOffset, 8);
  return readUint64(view, 0);
}
