/**
 * The front-end's side of `session_message.ts`.
 *
 * @module
 */

import {
  keysOf,
  type SessionDescription,
} from "../../algorithms/session_description.ts";
import { createOpcode, ServiceNumber } from "./opcodes.ts";
import {
  ASYMMETRIC,
  AUTH_KEY_AT,
  AUTH_KEY_ROOM_BYTES,
  CIPHER_KEY_AT,
  CIPHER_KEY_ROOM_BYTES,
  SESSION_MESSAGE_BYTES,
  SESSION_OFFSETS,
  type SessionLayout,
} from "./session_message.ts";
import { setParameters } from "./session_numbers.ts";
import {
  SessionParameters,
  writePublicKeyParameters,
} from "./session_parameters.ts";

/**
 * The payload that creates a session.
 *
 * @throws RangeError when the layout cannot carry the session or its key.
 */
export function encodeSessionMessage(
  description: SessionDescription,
  layout: SessionLayout,
): Uint8Array<ArrayBuffer> {
  const parameters = new SessionParameters();
  setParameters(parameters, description);
  const { service } = parameters;
  const asymmetric = service === ServiceNumber.Akcipher && layout === "C";
  if (service !== ServiceNumber.Cipher && !asymmetric) {
    const name = description.service;
    throw new RangeError(`Cannot encode a ${name} session in layout ${layout}`);
  }
  const payload = new Uint8Array(SESSION_MESSAGE_BYTES[layout]);
  const view = new DataView(payload.buffer);
  const { opcode } = SESSION_OFFSETS[layout];
  if (opcode !== undefined) {
    view.setUint32(opcode, createOpcode(service), true);
  }
  const [key = new Uint8Array(), authKey = new Uint8Array()] = keysOf(
    description,
  );
  if (asymmetric) {
    writeAsymmetric(view, parameters);
    putKey(payload, ASYMMETRIC.key, ASYMMETRIC.keyRoomBytes, key);
    return payload;
  }
  writeSymmetric(view, layout, parameters);
  putKey(payload, CIPHER_KEY_AT, CIPHER_KEY_ROOM_BYTES, key);
  putKey(payload, AUTH_KEY_AT, AUTH_KEY_ROOM_BYTES, authKey);
  return payload;
}

function putKey(
  payload: Uint8Array,
  at: number,
  roomBytes: number,
  key: Uint8Array,
): void {
  if (key.length > roomBytes) {
    const limit = `expected at most ${roomBytes}`;
    throw new RangeError(
      `Cannot encode a key of ${key.length} bytes: ${limit}`,
    );
  }
  payload.set(key, at);
}

function writeSymmetric(
  view: DataView,
  layout: SessionLayout,
  parameters: SessionParameters,
): void {
  const { words, bytes } = SESSION_OFFSETS[layout];
  view.setUint32(words, parameters.algorithm, true);
  view.setUint32(words + 4, parameters.keyBytes, true);
  view.setUint32(words + 8, parameters.hashAlgorithm, true);
  view.setUint32(words + 12, parameters.digestBytes, true);
  view.setUint32(words + 16, parameters.authKeyBytes, true);
  view.setUint8(bytes, parameters.opType);
  view.setUint8(bytes + 1, parameters.direction);
  view.setUint8(bytes + 2, parameters.hashMode);
  view.setUint8(bytes + 3, parameters.chainOrder);
}

function writeAsymmetric(view: DataView, parameters: SessionParameters): void {
  view.setUint32(ASYMMETRIC.algorithm, parameters.algorithm, true);
  view.setUint32(ASYMMETRIC.keyType, parameters.keyType, true);
  view.setUint32(ASYMMETRIC.keyBytes, parameters.keyBytes, true);
  writePublicKeyParameters(view, ASYMMETRIC.algorithmParameters, parameters);
}

/** The identifier in a reply; negative for a failure. */
export function decodeSessionReply(
  payload: Uint8Array,
  layout: SessionLayout,
): number {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const at = SESSION_OFFSETS[layout].sessionId;
  return Number(view.getBigInt64(at, true));
}
