/**
 * Requests of the data queues in the ratified layout (virtio 1.4 §5.9.9.3 to
 * §5.9.9.8): what a request says, and where its parts lie in the chain.
 *
 * The device decodes the fixed part from a private copy, looks up the session,
 * and only then lays out the variable part, since the length of the IV's field
 * depends on the algorithm, which a session request does not name.
 *
 * @module
 */

import {
  DataOpcode,
  FLAG_SESSION_MODE,
  isDataOpcode,
  ServiceNumber,
  serviceOfOpcode,
  SymmetricOperation,
} from "./opcodes.ts";
import type { WireMode } from "./mode.ts";
import {
  readPublicKeyParameters,
  SessionParameters,
} from "./session_parameters.ts";
import { Status } from "./status.ts";
import { readUint64 } from "./uint64.ts";

/** Length of struct virtio_crypto_op_header. */
export const DATA_HEADER_BYTES = 24;
/** Where session_id lies in it. */
export const SESSION_ID_AT = 8;
/** The longest header with its op_flf, that of a stateless CIPHER request. */
export const MAXIMUM_HEADER_BYTES = 100;

/** VIRTIO_CRYPTO_DATAQ_OP_SPEC_HDR_LEGACY: op_flf without REVISION_1. */
const LEGACY_FIXED_BYTES = 48;
/** op_flf with REVISION_1, by service. */
const REVISION_1_FIXED_BYTES: readonly number[] = [48, 8, 8, 24, 8];
/** op_flf where stateless mode was negotiated, by service. */
const STATELESS_FIXED_BYTES: readonly number[] = [76, 16, 16, 32, 28];

/** Where op_type lies, after the part of 40 or 72 bytes that it explains. */
export const OP_TYPE_AT = DATA_HEADER_BYTES + 40;
export const STATELESS_OP_TYPE_AT = DATA_HEADER_BYTES + 72;

/** Lengths of sess_para, which precedes the rest of a stateless op_flf. */
export const CIPHER_PARAMETER_BYTES = 12;
export const CHAIN_PARAMETER_BYTES = 32;
export const HASH_PARAMETER_BYTES = 4;
export const MAC_PARAMETER_BYTES = 8;
export const AEAD_PARAMETER_BYTES = 12;
export const AKCIPHER_PARAMETER_BYTES = 20;

/**
 * One request, kept and refilled. The inherited parameters hold the session of
 * a stateless request; of a session request only `service`, `opType`,
 * `algorithm` (as the header has it, 0 from Linux) and `digestBytes` are set.
 *
 * Positions count bytes from the start of the readable or the writable part.
 */
export class DataRequest extends SessionParameters {
  opcode = 0;
  /** NaN from 2^53 on, and in stateless requests: it matches no session. */
  sessionId = NaN;
  sessionMode = true;
  /** Whether op_flf and op_vlf are the stateless structures, in either mode. */
  statelessLayout = false;

  ivBytes = 0;
  sourceBytes = 0;
  destinationBytes = 0;
  /** AEAD and chains: associated data. Verification: the data signed. */
  additionalDataBytes = 0;
  cipherStart = 0;
  cipherBytes = 0;
  hashStart = 0;
  hashBytes = 0;

  /** In the readable part; the key also of MAC and AKCIPHER requests. */
  keyAt = 0;
  authKeyAt = 0;
  /** First byte of the IV itself, which may be the second of its field. */
  ivAt = 0;
  ivFieldBytes = 0;
  sourceAt = 0;
  additionalDataAt = 0;
  /** Readable bytes that the request needs, header included. */
  readableBytes = 0;
  /** Where the fields end that op_flf has, but for op_type … */
  fieldsEnd = 0;
  /** … and where that is; 0 in services without. */
  opTypeAt = 0;
  /**
   * In the writable part; but the tag of an AEAD decryption ends the source and
   * this is where it lies in the readable part.
   */
  digestAt = 0;
  /** Writable bytes that the request needs, without the status. */
  writableBytes = 0;

  /** Forgets what the last request said. */
  clear(): void {
    this.clearParameters();
    this.opcode = 0;
    this.sessionId = NaN;
    this.sessionMode = true;
    this.statelessLayout = false;
    this.ivBytes = 0;
    this.sourceBytes = 0;
    this.destinationBytes = 0;
    this.additionalDataBytes = 0;
    this.cipherStart = 0;
    this.cipherBytes = 0;
    this.hashStart = 0;
    this.hashBytes = 0;
    this.keyAt = 0;
    this.authKeyAt = 0;
    this.ivAt = 0;
    this.ivFieldBytes = 0;
    this.sourceAt = 0;
    this.additionalDataAt = 0;
    this.readableBytes = 0;
    this.fieldsEnd = 0;
    this.opTypeAt = 0;
    this.digestAt = 0;
    this.writableBytes = 0;
  }
}

/**
 * Length of a request's header with its op_flf. Where stateless mode was
 * negotiated for the service, op_flf is the stateless structure in session mode
 * too (§5.9.9.3); `flag` alone tells the modes apart.
 */
export function dataHeaderBytes(
  service: ServiceNumber,
  mode: WireMode,
): number {
  if (!mode.revision1) return DATA_HEADER_BYTES + LEGACY_FIXED_BYTES;
  const fixed = (mode.statelessMask >>> service & 1) !== 0
    ? STATELESS_FIXED_BYTES
    : REVISION_1_FIXED_BYTES;
  return DATA_HEADER_BYTES + fixed[service]!;
}

/** The longest header with op_flf that a mode has. */
export function longestDataHeaderBytes(mode: WireMode): number {
  const services = REVISION_1_FIXED_BYTES.keys();
  return Math.max(...services.map((service) => dataHeaderBytes(service, mode)));
}

/**
 * Reads the fixed part of a request from a private copy of `availableBytes` or
 * more. Any status but Ok leaves `request` without meaning.
 */
export function decodeDataRequest(
  view: DataView,
  availableBytes: number,
  mode: WireMode,
  request: DataRequest,
): Status {
  request.clear();
  if (availableBytes < DATA_HEADER_BYTES) return Status.Error;
  const opcode = view.getUint32(0, true);
  if (!isDataOpcode(opcode)) return Status.NotSupported;
  request.opcode = opcode;
  request.service = serviceOfOpcode(opcode);
  request.algorithm = view.getUint32(4, true);
  request.statelessLayout = (mode.statelessMask >>> request.service & 1) !== 0;
  // Without REVISION_1 the flag is ignored (§5.9.9.3).
  request.sessionMode = !mode.revision1 ||
    (view.getUint32(16, true) & FLAG_SESSION_MODE) !== 0;
  if (request.sessionMode) request.sessionId = readUint64(view, SESSION_ID_AT);
  else if (!request.statelessLayout) return Status.NotSupported;

  const headerBytes = dataHeaderBytes(request.service, mode);
  if (availableBytes < headerBytes) return Status.Error;
  request.keyAt = headerBytes;
  const status = readFixedPart(view, request);
  request.authKeyAt = request.keyAt + request.keyBytes;
  return status;
}

function readFixedPart(
  view: DataView,
  request: DataRequest,
): Status {
  switch (request.service) {
    case ServiceNumber.Cipher:
      return readSymmetric(view, request);
    case ServiceNumber.Hash:
      return readHash(view, request);
    case ServiceNumber.Mac:
      return readMac(view, request);
    case ServiceNumber.Aead:
      return request.statelessLayout
        ? readStatelessAead(view, request)
        : readAead(view, request);
    case ServiceNumber.Akcipher:
      return readAkcipher(view, request);
  }
}

function readSymmetric(
  view: DataView,
  request: DataRequest,
): Status {
  const typeAt = request.statelessLayout ? STATELESS_OP_TYPE_AT : OP_TYPE_AT;
  request.opTypeAt = typeAt;
  request.opType = view.getUint32(typeAt, true);
  switch (request.opType) {
    case SymmetricOperation.Cipher:
      return readCipher(view, request);
    case SymmetricOperation.Chaining:
      return readChain(view, request);
    default:
      return Status.NotSupported;
  }
}

function readCipher(
  view: DataView,
  request: DataRequest,
): Status {
  let at = DATA_HEADER_BYTES;
  if (request.statelessLayout) {
    if (!request.sessionMode) {
      request.algorithm = view.getUint32(at, true);
      request.keyBytes = view.getUint32(at + 4, true);
      request.direction = view.getUint32(at + 8, true);
    }
    at += CIPHER_PARAMETER_BYTES;
  }
  request.ivBytes = view.getUint32(at, true);
  request.sourceBytes = view.getUint32(at + 4, true);
  request.destinationBytes = view.getUint32(at + 8, true);
  request.fieldsEnd = at + 12;
  return Status.Ok;
}

function readChain(view: DataView, request: DataRequest): Status {
  let at = DATA_HEADER_BYTES;
  if (request.statelessLayout) {
    if (!request.sessionMode) readChainParameters(view, at, request);
    at += CHAIN_PARAMETER_BYTES;
  }
  request.ivBytes = view.getUint32(at, true);
  request.sourceBytes = view.getUint32(at + 4, true);
  request.destinationBytes = view.getUint32(at + 8, true);
  request.cipherStart = view.getUint32(at + 12, true);
  request.cipherBytes = view.getUint32(at + 16, true);
  request.hashStart = view.getUint32(at + 20, true);
  request.hashBytes = view.getUint32(at + 24, true);
  request.additionalDataBytes = view.getUint32(at + 28, true);
  request.digestBytes = view.getUint32(at + 32, true);
  request.fieldsEnd = at + 36;
  return Status.Ok;
}

/** Its aad_len is left alone: op_flf has another, right beside the data. */
function readChainParameters(
  view: DataView,
  at: number,
  request: DataRequest,
): void {
  request.chainOrder = view.getUint32(at, true);
  request.algorithm = view.getUint32(at + 8, true);
  request.keyBytes = view.getUint32(at + 12, true);
  request.direction = view.getUint32(at + 16, true);
  request.hashAlgorithm = view.getUint32(at + 20, true);
  request.authKeyBytes = view.getUint32(at + 24, true);
  request.hashMode = view.getUint32(at + 28, true);
}

function readHash(view: DataView, request: DataRequest): Status {
  let at = DATA_HEADER_BYTES;
  if (request.statelessLayout) {
    if (!request.sessionMode) request.algorithm = view.getUint32(at, true);
    at += HASH_PARAMETER_BYTES;
  }
  request.sourceBytes = view.getUint32(at, true);
  request.digestBytes = view.getUint32(at + 4, true);
  request.fieldsEnd = at + 8;
  return Status.Ok;
}

function readMac(view: DataView, request: DataRequest): Status {
  let at = DATA_HEADER_BYTES;
  if (request.statelessLayout) {
    if (!request.sessionMode) {
      request.algorithm = view.getUint32(at, true);
      request.keyBytes = view.getUint32(at + 4, true);
    }
    at += MAC_PARAMETER_BYTES;
  }
  request.sourceBytes = view.getUint32(at, true);
  request.digestBytes = view.getUint32(at + 4, true);
  request.fieldsEnd = at + 8;
  return Status.Ok;
}

function readAead(view: DataView, request: DataRequest): Status {
  const at = DATA_HEADER_BYTES;
  request.ivBytes = view.getUint32(at, true);
  request.additionalDataBytes = view.getUint32(at + 4, true);
  request.sourceBytes = view.getUint32(at + 8, true);
  request.destinationBytes = view.getUint32(at + 12, true);
  request.digestBytes = view.getUint32(at + 16, true);
  request.fieldsEnd = at + 20;
  return Status.Ok;
}

/** The stateless structure has tag_len in another place (§5.9.9.7). */
function readStatelessAead(
  view: DataView,
  request: DataRequest,
): Status {
  let at = DATA_HEADER_BYTES;
  if (!request.sessionMode) {
    request.algorithm = view.getUint32(at, true);
    request.keyBytes = view.getUint32(at + 4, true);
    request.direction = view.getUint32(at + 8, true);
  }
  at += AEAD_PARAMETER_BYTES;
  request.ivBytes = view.getUint32(at, true);
  request.digestBytes = view.getUint32(at + 4, true);
  request.additionalDataBytes = view.getUint32(at + 8, true);
  request.sourceBytes = view.getUint32(at + 12, true);
  request.destinationBytes = view.getUint32(at + 16, true);
  request.fieldsEnd = at + 20;
  return Status.Ok;
}

function readAkcipher(
  view: DataView,
  request: DataRequest,
): Status {
  let at = DATA_HEADER_BYTES;
  if (request.statelessLayout) {
    if (!request.sessionMode) {
      request.algorithm = view.getUint32(at, true);
      request.keyType = view.getUint32(at + 4, true);
      request.keyBytes = view.getUint32(at + 8, true);
      readPublicKeyParameters(view, at + 12, request);
    }
    at += AKCIPHER_PARAMETER_BYTES;
  }
  request.sourceBytes = view.getUint32(at, true);
  const otherBytes = view.getUint32(at + 4, true);
  // Verification: dst_data_len counts the signed data, which follows the
  // signature in src_data; nothing is written (§5.9.9.8).
  if (request.opcode === DataOpcode.AkcipherVerify) {
    request.additionalDataBytes = otherBytes;
  } else request.destinationBytes = otherBytes;
  request.fieldsEnd = at + 8;
  return Status.Ok;
}
