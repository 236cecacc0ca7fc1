/**
 * Requests of the control queue in the ratified layout (virtio 1.4 §5.9.9.2),
 * decoded for the device.
 *
 * The header's `algo` repeats what op_flf says; op_flf decides, since it alone
 * tells the algorithms of a chain. The aad_len of an AEAD or chain session is
 * ignored: every data request has its own.
 *
 * @module
 */

import type { Service } from "../../algorithms/catalogue.ts";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import type { WireMode } from "./mode.ts";
import {
  HashMode,
  isCreateOpcode,
  isDestroyOpcode,
  ServiceNumber,
  serviceOfOpcode,
  SERVICES,
  SymmetricOperation,
} from "./opcodes.ts";
import { refuseBeyondLimits, type ServiceLimits } from "./session_limits.ts";
import {
  decodeSession,
  isRefusal,
  readPublicKeyParameters,
  SessionParameters,
} from "./session_parameters.ts";
import { Status } from "./status.ts";
import { readUint64, writeUint64 } from "./uint64.ts";

/** Length of struct virtio_crypto_ctrl_header. */
export const CONTROL_HEADER_BYTES = 16;
/** VIRTIO_CRYPTO_CTRLQ_OP_SPEC_HDR_LEGACY: op_flf without REVISION_1. */
const LEGACY_FIXED_BYTES = 56;
/** op_flf of session creation with REVISION_1, by service. */
const CREATE_FIXED_BYTES: readonly number[] = [56, 8, 16, 24, 56];
const DESTROY_FIXED_BYTES = 8;

/** Length of struct virtio_crypto_create_session_input. */
export const CREATE_OUTCOME_BYTES = 16;
/** Length of struct virtio_crypto_destroy_session_input. */
export const DESTROY_OUTCOME_BYTES = 1;

export interface CreateRequest {
  readonly kind: "create";
  readonly service: Service;
  readonly description: SessionDescription;
}

export interface DestroyRequest {
  readonly kind: "destroy";
  readonly service: Service;
  /** NaN from 2^53 on, which matches no session. */
  readonly sessionId: number;
}

export interface RefusedRequest {
  readonly kind: "refused";
  /** Whether the outcome is that of a creation; so for unknown opcodes. */
  readonly create: boolean;
  readonly status: Status;
  readonly reason: string;
}

export type ControlRequest = CreateRequest | DestroyRequest | RefusedRequest;

/** A request that is answered with `status` alone. */
export function refused(
  create: boolean,
  status: Status,
  reason: string,
): RefusedRequest {
  return { kind: "refused", create, status, reason };
}

/** Length of a control request's header with its op_flf. */
export function controlHeaderBytes(opcode: number, mode: WireMode): number {
  if (!mode.revision1) return CONTROL_HEADER_BYTES + LEGACY_FIXED_BYTES;
  const fixed = isDestroyOpcode(opcode)
    ? DESTROY_FIXED_BYTES
    : CREATE_FIXED_BYTES[serviceOfOpcode(opcode)]!;
  return CONTROL_HEADER_BYTES + fixed;
}

/** Decodes a private copy of the whole readable part of a control request. */
export function decodeControlRequest(
  bytes: Uint8Array,
  mode: WireMode,
  limits: ServiceLimits,
): ControlRequest {
  if (bytes.length < CONTROL_HEADER_BYTES) {
    return refused(true, Status.Error, `header of ${bytes.length} bytes`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const opcode = view.getUint32(0, true);
  const create = isCreateOpcode(opcode);
  if (!create && !isDestroyOpcode(opcode)) {
    return refused(true, Status.NotSupported, `control opcode ${opcode}`);
  }
  const headerBytes = controlHeaderBytes(opcode, mode);
  if (bytes.length < headerBytes) {
    const reason = `${bytes.length} bytes, expected ${headerBytes}`;
    return refused(create, Status.Error, reason);
  }
  const service = serviceOfOpcode(opcode);
  if (create) return decodeCreate(bytes, view, service, headerBytes, limits);
  const sessionId = readUint64(view, CONTROL_HEADER_BYTES);
  return { kind: "destroy", service: SERVICES[service]!, sessionId };
}

function decodeCreate(
  bytes: Uint8Array,
  view: DataView,
  service: ServiceNumber,
  headerBytes: number,
  limits: ServiceLimits,
): CreateRequest | RefusedRequest {
  const parameters = readParameters(view, service);
  const refusal = refuseBeyondLimits(parameters, limits);
  if (refusal) return refused(true, refusal.status, refusal.reason);
  const authKeyAt = headerBytes + parameters.keyBytes;
  const end = authKeyAt + parameters.authKeyBytes;
  if (end > bytes.length) {
    return refused(true, Status.Error, `keys end at ${end}, data earlier`);
  }
  return createFrom(
    parameters,
    bytes.subarray(headerBytes, authKeyAt),
    bytes.subarray(authKeyAt, end),
  );
}

/** The request that the parameters and keys make; the keys are copied. */
export function createFrom(
  parameters: SessionParameters,
  key: Uint8Array,
  authKey: Uint8Array,
): CreateRequest | RefusedRequest {
  const description = decodeSession(parameters, key, authKey);
  if (isRefusal(description)) {
    return refused(true, description.status, description.reason);
  }
  const service = SERVICES[parameters.service]!;
  return { kind: "create", service, description };
}

function readParameters(
  view: DataView,
  service: ServiceNumber,
): SessionParameters {
  const parameters = new SessionParameters();
  parameters.service = service;
  const at = CONTROL_HEADER_BYTES;
  switch (service) {
    case ServiceNumber.Cipher:
      readSymmetric(view, at, parameters);
      break;
    case ServiceNumber.Aead:
      parameters.algorithm = view.getUint32(at, true);
      parameters.keyBytes = view.getUint32(at + 4, true);
      parameters.digestBytes = view.getUint32(at + 8, true);
      parameters.direction = view.getUint32(at + 16, true);
      break;
    case ServiceNumber.Akcipher:
      parameters.algorithm = view.getUint32(at, true);
      parameters.keyType = view.getUint32(at + 4, true);
      parameters.keyBytes = view.getUint32(at + 8, true);
      readPublicKeyParameters(view, at + 12, parameters);
      break;
    default:
      parameters.algorithm = view.getUint32(at, true);
      parameters.digestBytes = view.getUint32(at + 4, true);
      if (service === ServiceNumber.Mac) {
        parameters.keyBytes = view.getUint32(at + 8, true);
      }
  }
  return parameters;
}

/** struct virtio_crypto_sym_create_session_flf, op_type behind 48 bytes. */
function readSymmetric(
  view: DataView,
  at: number,
  parameters: SessionParameters,
): void {
  parameters.opType = view.getUint32(at + 48, true);
  const chaining = parameters.opType === SymmetricOperation.Chaining;
  const cipherAt = chaining ? at + 8 : at;
  parameters.algorithm = view.getUint32(cipherAt, true);
  parameters.keyBytes = view.getUint32(cipherAt + 4, true);
  parameters.direction = view.getUint32(cipherAt + 8, true);
  if (!chaining) return;
  parameters.chainOrder = view.getUint32(at, true);
  parameters.hashMode = view.getUint32(at + 4, true);
  parameters.hashAlgorithm = view.getUint32(at + 24, true);
  parameters.digestBytes = view.getUint32(at + 28, true);
  // A plain hash has no key; the rest of algo_flf is ignored then.
  if (parameters.hashMode === HashMode.Auth) {
    parameters.authKeyBytes = view.getUint32(at + 32, true);
  }
}

/** The outcome of a creation; it has an identifier only when it succeeded. */
export function createOutcome(
  status: Status,
  sessionId: number,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(CREATE_OUTCOME_BYTES);
  const view = new DataView(bytes.buffer);
  if (status === Status.Ok) writeUint64(view, 0, sessionId);
  view.setUint32(8, status, true);
  return bytes;
}

/** The outcome of a destruction. */
export function destroyOutcome(status: Status): Uint8Array<ArrayBuffer> {
  return new Uint8Array([status]);
}
