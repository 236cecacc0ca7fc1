/**
 * Data requests of the IPSEC service (virtio 1.4 §5.9.9.9.3): a whole packet in,
 * a whole packet out. There is no stateless mode, and the header's `algo` is
 * ignored (§5.9.9.3).
 *
 * @module
 */

import { DATA_HEADER_BYTES, SESSION_ID_AT } from "./data_request.ts";
import { IPSEC_FIXED_BYTES } from "./ipsec_readings.ts";
import { FLAG_SESSION_MODE, IPSEC_SERVICE } from "./opcodes.ts";
import { Status } from "./status.ts";
import { readUint64, writeUint64 } from "./uint64.ts";

/** Opcodes of the data queues. */
export const enum IpsecOpcode {
  Outbound = 0x0500,
  Inbound = 0x0501,
}

/** Where src_data begins. */
export const IPSEC_SOURCE_AT = DATA_HEADER_BYTES + IPSEC_FIXED_BYTES;

/** One request, kept and refilled. */
export class IpsecRequest {
  opcode: IpsecOpcode = IpsecOpcode.Outbound;
  /** The number of the resource object; NaN from 2^53 on. */
  associationId = NaN;
  sourceBytes = 0;
  destinationBytes = 0;
}

/** Whether a header belongs to the IPSEC service, whatever its operation. */
export function isIpsecRequest(
  view: DataView,
  availableBytes: number,
): boolean {
  return availableBytes >= DATA_HEADER_BYTES &&
    view.getUint32(0, true) >>> 8 === IPSEC_SERVICE;
}

/** Reads such a header; any status but Ok leaves `request` without meaning. */
export function decodeIpsecRequest(
  view: DataView,
  availableBytes: number,
  revision1: boolean,
  request: IpsecRequest,
): Status {
  const opcode = view.getUint32(0, true);
  if (opcode !== IpsecOpcode.Outbound && opcode !== IpsecOpcode.Inbound) {
    return Status.NotSupported;
  }
  // Without REVISION_1 the flag is ignored (§5.9.9.3).
  if (revision1 && (view.getUint32(16, true) & FLAG_SESSION_MODE) === 0) {
    return Status.NotSupported;
  }
  if (availableBytes < IPSEC_SOURCE_AT) return Status.Error;
  request.opcode = opcode;
  request.associationId = readUint64(view, SESSION_ID_AT);
  request.sourceBytes = view.getUint32(DATA_HEADER_BYTES, true);
  request.destinationBytes = view.getUint32(DATA_HEADER_BYTES + 4, true);
  return Status.Ok;
}

/** The driver's side: the header of a request. */
export function encodeIpsecRequest(
  request: IpsecRequest,
  revision1: boolean,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(IPSEC_SOURCE_AT);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, request.opcode, true);
  writeUint64(view, SESSION_ID_AT, request.associationId);
  if (revision1) view.setUint32(16, FLAG_SESSION_MODE, true);
  view.setUint32(DATA_HEADER_BYTES, request.sourceBytes, true);
  view.setUint32(DATA_HEADER_BYTES + 4, request.destinationBytes, true);
  return bytes;
}
