/**
 * Where the variable parts of a data request lie (op_vlf, virtio 1.4 §5.9.9.4
 * to §5.9.9.8).
 *
 * @module
 */

import type { DataRequest } from "./data_request.ts";
import { DataOpcode, ServiceNumber, SymmetricOperation } from "./opcodes.ts";
import { Status } from "./status.ts";

/**
 * Sets the positions of a decoded request. `ivFieldBytes` is the catalogue's
 * field of an algorithm whose IV starts at the field's second byte (CCM), 0
 * for all others, whose field is iv_len long.
 *
 * Error means that the request's own lengths contradict each other: its IV is
 * longer than the field, a chain's ranges leave the source, or a tag has no room.
 */
export function layOutDataRequest(
  request: DataRequest,
  ivFieldBytes: number,
): Status {
  const shift = ivFieldBytes === 0 ? 0 : 1;
  request.ivFieldBytes = ivFieldBytes === 0 ? request.ivBytes : ivFieldBytes;
  if (shift + request.ivBytes > request.ivFieldBytes) return Status.Error;
  const ivFieldAt = request.authKeyAt + request.authKeyBytes;
  request.ivAt = ivFieldAt + shift;
  layOutReadable(request, ivFieldAt + request.ivFieldBytes);
  request.digestAt = request.destinationBytes;
  request.writableBytes = request.destinationBytes + request.digestBytes;
  if (request.service === ServiceNumber.Aead) return layOutTag(request);
  return chainRangesFit(request) ? Status.Ok : Status.Error;
}

function layOutReadable(request: DataRequest, at: number): void {
  const { sourceBytes, additionalDataBytes } = request;
  // Of all structures the stateless chain alone has aad before src_data, and
  // it serves session requests too once stateless mode is negotiated.
  if (
    request.statelessLayout && request.opType === SymmetricOperation.Chaining
  ) {
    request.additionalDataAt = at;
    request.sourceAt = at + additionalDataBytes;
  } else {
    request.sourceAt = at;
    request.additionalDataAt = at + sourceBytes;
  }
  request.readableBytes = at + sourceBytes + additionalDataBytes;
}

/**
 * The tag follows the cipher result inside dst_data (§5.9.9.7). The standard
 * has no field for the tag to verify; as its counterpart it ends src_data.
 */
function layOutTag(request: DataRequest): Status {
  const { sourceBytes, destinationBytes, digestBytes } = request;
  request.writableBytes = destinationBytes;
  if (request.opcode === DataOpcode.AeadEncrypt) {
    request.digestAt = sourceBytes;
    return sourceBytes + digestBytes <= destinationBytes
      ? Status.Ok
      : Status.Error;
  }
  const resultBytes = sourceBytes - digestBytes;
  request.digestAt = request.sourceAt + resultBytes;
  return resultBytes >= 0 && resultBytes <= destinationBytes
    ? Status.Ok
    : Status.Error;
}

/** All zero, and so fitting, in requests that are no chains. */
function chainRangesFit(request: DataRequest): boolean {
  return request.cipherStart + request.cipherBytes <= request.sourceBytes &&
    request.hashStart + request.hashBytes <= request.sourceBytes;
}
