/**
 * Data requests of the v9 draft: the same single descriptor of 104 bytes, with
 * guest physical addresses in place of the data.
 *
 * @module
 */

import type { SessionDescription } from "../../algorithms/session_description.ts";
import {
  DATA_HEADER_BYTES,
  DataRequest,
  SESSION_ID_AT,
} from "./data_request.ts";
import {
  DRAFT_9_OP_TYPE_AT,
  DRAFT_9_REQUEST_BYTES,
  isDraft9Service,
  NO_STATUS,
  opTypeWithin,
  statusWithin,
} from "./draft9.ts";
import {
  isDataOpcode,
  ServiceNumber,
  serviceOfOpcode,
  SymmetricOperation,
} from "./opcodes.ts";
import { Status } from "./status.ts";
import { readUint64, writeUint64 } from "./uint64.ts";

/**
 * One request, kept and refilled. Addresses are guest physical, NaN from 2^53
 * on. `digestBytes` is 0: the draft's requests leave it to the session. Chains
 * cover the whole source. Of CCM, `ivAddress` is that of the 16-byte field. The
 * tag of an AEAD session lies at `digestAddress` in both directions.
 */
export class Draft9DataRequest extends DataRequest {
  ivAddress = NaN;
  sourceAddress = NaN;
  additionalDataAddress = NaN;
  destinationAddress = NaN;
  digestAddress = NaN;
  /** Offset of the status, a le32, or `NO_STATUS`. */
  statusAt = NO_STATUS;

  override clear(): void {
    super.clear();
    this.ivAddress = NaN;
    this.sourceAddress = NaN;
    this.additionalDataAddress = NaN;
    this.destinationAddress = NaN;
    this.digestAddress = NaN;
    this.statusAt = NO_STATUS;
  }
}

/** Offsets of the le64 addresses and of the status; an absent one is 0. */
interface Offsets {
  readonly iv: number;
  readonly source: number;
  readonly additionalData: number;
  readonly destination: number;
  readonly digest: number;
  readonly status: number;
}

const CIPHER_OFFSETS: Offsets = {
  iv: 40,
  source: 48,
  additionalData: 0,
  destination: 56,
  digest: 64,
  status: 72,
};
const CHAIN_OFFSETS: Offsets = {
  iv: 40,
  source: 48,
  additionalData: 56,
  destination: 72,
  digest: 80,
  status: 88,
};
const CHAIN_ADDITIONAL_DATA_BYTES_AT = 64;
const DIGEST_OFFSETS: Offsets = {
  iv: 0,
  source: 24,
  additionalData: 0,
  destination: 40,
  digest: 48,
  status: 56,
};
const AEAD_OFFSETS: Offsets = {
  iv: 40,
  source: 48,
  additionalData: 56,
  destination: 64,
  digest: 72,
  status: 80,
};

/** A service that the draft does not know has the positions of CIPHER. */
function offsetsOf(service: number, opType: number): Offsets {
  switch (service) {
    case ServiceNumber.Hash:
    case ServiceNumber.Mac:
      return DIGEST_OFFSETS;
    case ServiceNumber.Aead:
      return AEAD_OFFSETS;
    default:
      return opType === SymmetricOperation.Chaining
        ? CHAIN_OFFSETS
        : CIPHER_OFFSETS;
  }
}

/** The session that a private copy of a request names. */
export function draft9SessionId(view: DataView): number {
  return readUint64(view, SESSION_ID_AT);
}

/**
 * Reads a private copy of a request, of which only the first `availableBytes`
 * are the driver's. `sessionService` is that of the session it names, if there
 * is one: the draft has the device parse a request by its session. Any status
 * but Ok leaves `request` without meaning, except for `statusAt`.
 */
export function decodeDraft9Data(
  view: DataView,
  availableBytes: number,
  sessionService: SessionDescription["service"] | undefined,
  request: Draft9DataRequest,
): Status {
  request.clear();
  request.opcode = view.getUint32(0, true);
  request.service = serviceOfOpcode(request.opcode);
  const opType = operationOfSession(sessionService) ??
    opTypeWithin(view, availableBytes);
  if (request.service === ServiceNumber.Cipher) request.opType = opType;
  const offsets = offsetsOf(request.service, opType);
  request.statusAt = statusWithin(offsets.status, availableBytes);
  if (availableBytes < DRAFT_9_REQUEST_BYTES) return Status.Error;
  if (!isDataOpcode(request.opcode) || !isDraft9Service(request.service)) {
    return Status.NotSupported;
  }
  request.algorithm = view.getUint32(4, true);
  request.sessionId = draft9SessionId(view);
  readAddresses(view, offsets, request);
  readLengths(view, request);
  return Status.Ok;
}

/** What a session that is symmetric tells of its requests. */
function operationOfSession(
  service: SessionDescription["service"] | undefined,
): SymmetricOperation | undefined {
  if (service === "cipher") return SymmetricOperation.Cipher;
  return service === "chain" ? SymmetricOperation.Chaining : undefined;
}

function readAddresses(
  view: DataView,
  offsets: Offsets,
  request: Draft9DataRequest,
): void {
  if (offsets.iv !== 0) request.ivAddress = readUint64(view, offsets.iv);
  request.sourceAddress = readUint64(view, offsets.source);
  if (offsets.additionalData !== 0) {
    request.additionalDataAddress = readUint64(view, offsets.additionalData);
  }
  request.destinationAddress = readUint64(view, offsets.destination);
  request.digestAddress = readUint64(view, offsets.digest);
}

function readLengths(view: DataView, request: Draft9DataRequest): void {
  const at = DATA_HEADER_BYTES;
  switch (request.service) {
    case ServiceNumber.Cipher:
      request.ivBytes = view.getUint32(at, true);
      request.sourceBytes = view.getUint32(at + 4, true);
      request.destinationBytes = view.getUint32(at + 8, true);
      if (request.opType !== SymmetricOperation.Chaining) return;
      request.additionalDataBytes = view.getUint32(
        CHAIN_ADDITIONAL_DATA_BYTES_AT,
        true,
      );
      request.cipherBytes = request.sourceBytes;
      request.hashBytes = request.sourceBytes;
      return;
    case ServiceNumber.Aead:
      request.ivBytes = view.getUint32(at, true);
      request.additionalDataBytes = view.getUint32(at + 4, true);
      request.sourceBytes = view.getUint32(at + 8, true);
      request.destinationBytes = view.getUint32(at + 12, true);
      return;
    default:
      request.sourceBytes = view.getUint32(at + 8, true);
  }
}

/**
 * Writes a request; sets its `statusAt`, where `decodeDraft9DataStatus` looks
 * afterwards. Addresses that are NaN are written as 0.
 */
export function encodeDraft9Data(
  request: Draft9DataRequest,
  view: DataView,
): void {
  for (let at = 0; at < DRAFT_9_REQUEST_BYTES; at += 4) {
    view.setUint32(at, 0, true);
  }
  view.setUint32(0, request.opcode, true);
  view.setUint32(4, request.algorithm, true);
  writeUint64(view, 8, request.sessionId);
  if (request.service === ServiceNumber.Cipher) {
    view.setUint32(DRAFT_9_OP_TYPE_AT, request.opType, true);
  }
  const offsets = offsetsOf(request.service, request.opType);
  request.statusAt = offsets.status;
  writeAddress(view, offsets.iv, request.ivAddress);
  writeAddress(view, offsets.source, request.sourceAddress);
  writeAddress(view, offsets.additionalData, request.additionalDataAddress);
  writeAddress(view, offsets.destination, request.destinationAddress);
  writeAddress(view, offsets.digest, request.digestAddress);
  writeLengths(view, request);
}

function writeAddress(view: DataView, offset: number, address: number): void {
  if (offset !== 0 && !Number.isNaN(address)) {
    writeUint64(view, offset, address);
  }
}

function writeLengths(view: DataView, request: Draft9DataRequest): void {
  const { ivBytes, sourceBytes, destinationBytes } = request;
  const lengths: number[] = [];
  switch (request.service) {
    case ServiceNumber.Cipher:
      lengths.push(ivBytes, sourceBytes, destinationBytes);
      break;
    case ServiceNumber.Aead:
      lengths.push(ivBytes, request.additionalDataBytes);
      lengths.push(sourceBytes, destinationBytes);
      break;
    default:
      view.setUint32(DATA_HEADER_BYTES + 8, sourceBytes, true);
  }
  for (const [index, length] of lengths.entries()) {
    view.setUint32(DATA_HEADER_BYTES + 4 * index, length, true);
  }
  if (request.opType === SymmetricOperation.Chaining) {
    const bytes = request.additionalDataBytes;
    view.setUint32(CHAIN_ADDITIONAL_DATA_BYTES_AT, bytes, true);
  }
}

/** The status that the device wrote into a request. */
export function decodeDraft9DataStatus(
  view: DataView,
  request: Draft9DataRequest,
): Status {
  return view.getUint32(request.statusAt, true);
}
