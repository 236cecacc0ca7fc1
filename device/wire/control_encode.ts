/**
 * The driver's side of `control_request.ts`.
 *
 * @module
 */

import type { Service } from "../../algorithms/catalogue.ts";
import {
  keysOf,
  type SessionDescription,
} from "../../algorithms/session_description.ts";
import { CONTROL_HEADER_BYTES, controlHeaderBytes } from "./control_request.ts";
import type { WireMode } from "./mode.ts";
import {
  createOpcode,
  destroyOpcode,
  ServiceNumber,
  serviceNumber,
  SymmetricOperation,
} from "./opcodes.ts";
import { setParameters } from "./session_numbers.ts";
import {
  SessionParameters,
  writePublicKeyParameters,
} from "./session_parameters.ts";
import type { Status } from "./status.ts";
import { readUint64, writeUint64 } from "./uint64.ts";

/**
 * The readable pieces of a session's creation: header with op_flf, then the
 * keys, which are the description's own arrays.
 */
export function encodeCreateRequest(
  description: SessionDescription,
  mode: WireMode,
): Uint8Array[] {
  const parameters = new SessionParameters();
  setParameters(parameters, description);
  const opcode = createOpcode(parameters.service);
  const header = new Uint8Array(controlHeaderBytes(opcode, mode));
  const view = new DataView(header.buffer);
  view.setUint32(0, opcode, true);
  view.setUint32(4, parameters.algorithm, true);
  writeParameters(view, parameters);
  const keys = keysOf(description).filter((key) => key.length > 0);
  return [header, ...keys];
}

function writeParameters(view: DataView, parameters: SessionParameters): void {
  const at = CONTROL_HEADER_BYTES;
  switch (parameters.service) {
    case ServiceNumber.Cipher:
      return writeSymmetric(view, at, parameters);
    case ServiceNumber.Aead:
      view.setUint32(at, parameters.algorithm, true);
      view.setUint32(at + 4, parameters.keyBytes, true);
      view.setUint32(at + 8, parameters.digestBytes, true);
      view.setUint32(at + 16, parameters.direction, true);
      return;
    case ServiceNumber.Akcipher:
      view.setUint32(at, parameters.algorithm, true);
      view.setUint32(at + 4, parameters.keyType, true);
      view.setUint32(at + 8, parameters.keyBytes, true);
      return writePublicKeyParameters(view, at + 12, parameters);
    default:
      view.setUint32(at, parameters.algorithm, true);
      view.setUint32(at + 4, parameters.digestBytes, true);
      if (parameters.service === ServiceNumber.Mac) {
        view.setUint32(at + 8, parameters.keyBytes, true);
      }
  }
}

function writeSymmetric(
  view: DataView,
  at: number,
  parameters: SessionParameters,
): void {
  view.setUint32(at + 48, parameters.opType, true);
  const chaining = parameters.opType === SymmetricOperation.Chaining;
  const cipherAt = chaining ? at + 8 : at;
  view.setUint32(cipherAt, parameters.algorithm, true);
  view.setUint32(cipherAt + 4, parameters.keyBytes, true);
  view.setUint32(cipherAt + 8, parameters.direction, true);
  if (!chaining) return;
  view.setUint32(at, parameters.chainOrder, true);
  view.setUint32(at + 4, parameters.hashMode, true);
  view.setUint32(at + 24, parameters.hashAlgorithm, true);
  view.setUint32(at + 28, parameters.digestBytes, true);
  view.setUint32(at + 32, parameters.authKeyBytes, true);
}

/** The readable part of a session's destruction. */
export function encodeDestroyRequest(
  service: Service,
  sessionId: number,
  mode: WireMode,
): Uint8Array<ArrayBuffer> {
  const opcode = destroyOpcode(serviceNumber(service));
  const bytes = new Uint8Array(controlHeaderBytes(opcode, mode));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, opcode, true);
  writeUint64(view, CONTROL_HEADER_BYTES, sessionId);
  return bytes;
}

/** What the device says about a creation. */
export interface CreateOutcome {
  readonly status: Status;
  /** Means something only when the status is Ok. */
  readonly sessionId: number;
}

/** Reads struct virtio_crypto_create_session_input. */
export function decodeCreateOutcome(bytes: Uint8Array): CreateOutcome {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return { status: view.getUint32(8, true), sessionId: readUint64(view, 0) };
}

/** Reads struct virtio_crypto_destroy_session_input. */
export function decodeDestroyOutcome(bytes: Uint8Array): Status {
  return bytes[0]!;
}
