/**
 * The driver's side of `data_request.ts`: writes the fixed part of a request.
 *
 * @module
 */

import {
  AEAD_PARAMETER_BYTES,
  AKCIPHER_PARAMETER_BYTES,
  CHAIN_PARAMETER_BYTES,
  CIPHER_PARAMETER_BYTES,
  DATA_HEADER_BYTES,
  dataHeaderBytes,
  type DataRequest,
  HASH_PARAMETER_BYTES,
  MAC_PARAMETER_BYTES,
  OP_TYPE_AT,
  STATELESS_OP_TYPE_AT,
} from "./data_request.ts";
import type { WireMode } from "./mode.ts";
import {
  DataOpcode,
  FLAG_SESSION_MODE,
  ServiceNumber,
  SERVICES,
  SymmetricOperation,
} from "./opcodes.ts";
import { writePublicKeyParameters } from "./session_parameters.ts";
import { writeUint64 } from "./uint64.ts";

/**
 * Writes the header with its op_flf and returns their length. `request` says
 * what a decoded request says; its positions are set, so that
 * `layOutDataRequest` tells the driver where keys, IV and data go.
 *
 * A stateless request needs its session's parameters (`setParameters`) and
 * `sessionMode` false; the data's own lengths are the caller's to set.
 */
export function encodeDataHeader(
  request: DataRequest,
  mode: WireMode,
  view: DataView,
): number {
  const headerBytes = dataHeaderBytes(request.service, mode);
  for (let at = 0; at < headerBytes; at += 4) view.setUint32(at, 0, true);
  request.statelessLayout = mode.stateless.has(SERVICES[request.service]!);
  request.keyAt = headerBytes;
  request.authKeyAt = headerBytes + request.keyBytes;
  view.setUint32(0, request.opcode, true);
  view.setUint32(4, request.algorithm, true);
  if (request.sessionMode) {
    writeUint64(view, 8, request.sessionId);
    if (mode.revision1) view.setUint32(16, FLAG_SESSION_MODE, true);
  }
  writeFixedPart(request, view);
  return headerBytes;
}

function writeFixedPart(request: DataRequest, view: DataView): void {
  switch (request.service) {
    case ServiceNumber.Cipher:
      return writeSymmetric(request, view);
    case ServiceNumber.Hash:
      return writeHash(request, view);
    case ServiceNumber.Mac:
      return writeMac(request, view);
    case ServiceNumber.Aead:
      return writeAead(request, view);
    case ServiceNumber.Akcipher:
      return writeAkcipher(request, view);
  }
}

/** Writes words one after the other. */
function writeWords(view: DataView, at: number, ...words: number[]): void {
  for (const [index, word] of words.entries()) {
    view.setUint32(at + 4 * index, word, true);
  }
}

/** Start of op_flf after sess_para, which stays zero in session mode. */
function afterParameters(request: DataRequest, bytes: number): number {
  return DATA_HEADER_BYTES + (request.statelessLayout ? bytes : 0);
}

function writeSymmetric(request: DataRequest, view: DataView): void {
  const typeAt = request.statelessLayout ? STATELESS_OP_TYPE_AT : OP_TYPE_AT;
  view.setUint32(typeAt, request.opType, true);
  if (request.opType === SymmetricOperation.Chaining) {
    return writeChain(request, view);
  }
  const { algorithm, keyBytes, direction } = request;
  if (!request.sessionMode) {
    writeWords(view, DATA_HEADER_BYTES, algorithm, keyBytes, direction);
  }
  const at = afterParameters(request, CIPHER_PARAMETER_BYTES);
  const { ivBytes, sourceBytes, destinationBytes } = request;
  writeWords(view, at, ivBytes, sourceBytes, destinationBytes);
}

function writeChain(request: DataRequest, view: DataView): void {
  if (!request.sessionMode) writeChainParameters(request, view);
  writeWords(
    view,
    afterParameters(request, CHAIN_PARAMETER_BYTES),
    request.ivBytes,
    request.sourceBytes,
    request.destinationBytes,
    request.cipherStart,
    request.cipherBytes,
    request.hashStart,
    request.hashBytes,
    request.additionalDataBytes,
    request.digestBytes,
  );
}

function writeChainParameters(request: DataRequest, view: DataView): void {
  writeWords(
    view,
    DATA_HEADER_BYTES,
    request.chainOrder,
    request.additionalDataBytes,
    request.algorithm,
    request.keyBytes,
    request.direction,
    request.hashAlgorithm,
    request.authKeyBytes,
    request.hashMode,
  );
}

function writeHash(request: DataRequest, view: DataView): void {
  if (!request.sessionMode) {
    view.setUint32(DATA_HEADER_BYTES, request.algorithm, true);
  }
  const at = afterParameters(request, HASH_PARAMETER_BYTES);
  writeWords(view, at, request.sourceBytes, request.digestBytes);
}

function writeMac(request: DataRequest, view: DataView): void {
  if (!request.sessionMode) {
    writeWords(view, DATA_HEADER_BYTES, request.algorithm, request.keyBytes);
  }
  const at = afterParameters(request, MAC_PARAMETER_BYTES);
  writeWords(view, at, request.sourceBytes, request.digestBytes);
}

function writeAead(request: DataRequest, view: DataView): void {
  const { algorithm, keyBytes, direction, digestBytes, ivBytes } = request;
  const { additionalDataBytes, sourceBytes, destinationBytes } = request;
  if (!request.sessionMode) {
    writeWords(view, DATA_HEADER_BYTES, algorithm, keyBytes, direction);
  }
  const at = afterParameters(request, AEAD_PARAMETER_BYTES);
  view.setUint32(at, ivBytes, true);
  const lengths = [additionalDataBytes, sourceBytes, destinationBytes];
  if (request.statelessLayout) {
    writeWords(view, at + 4, digestBytes, ...lengths);
  } else writeWords(view, at + 4, ...lengths, digestBytes);
}

function writeAkcipher(request: DataRequest, view: DataView): void {
  if (!request.sessionMode) {
    const { algorithm, keyType, keyBytes } = request;
    writeWords(view, DATA_HEADER_BYTES, algorithm, keyType, keyBytes);
    writePublicKeyParameters(view, DATA_HEADER_BYTES + 12, request);
  }
  const at = afterParameters(request, AKCIPHER_PARAMETER_BYTES);
  const otherBytes = request.opcode === DataOpcode.AkcipherVerify
    ? request.additionalDataBytes
    : request.destinationBytes;
  writeWords(view, at, request.sourceBytes, otherBytes);
}
