/**
 * A cipher's request whose result goes so many bytes behind its source: 0 is in
 * place.
 *
 * @module
 */

import { describeRequest, type RequestTarget } from "../driver/data_request.ts";
import { type Driver, insideOf } from "../driver/driver.ts";
import type { Cipher } from "../driver/sessions.ts";
import { targetOf } from "../driver/session.ts";
import { encodeDataHeader } from "../device/wire/data_header.ts";
import { DataRequest } from "../device/wire/data_request.ts";

/** Header, IV and status before the data. */
const DATA_AT = 128;
const STATUS_AT = 100;
const NO_STATUS = 0xff;

function headerOf(
  { mode }: Driver,
  target: RequestTarget,
  ivBytes: number,
  lengthBytes: number,
): Uint8Array {
  const request = new DataRequest();
  describeRequest(request, target, {
    operation: "encrypt",
    ivBytes,
    sourceBytes: lengthBytes,
    additionalDataBytes: 0,
    destinationBytes: lengthBytes,
    digestBytes: 0,
    cipherStart: 0,
    cipherBytes: 0,
    hashStart: 0,
    hashBytes: 0,
  });
  const header = new Uint8Array(72);
  encodeDataHeader(request, mode, new DataView(header.buffer));
  return header;
}

/** What became of a request. */
export interface ShiftedResult {
  readonly status: number;
  /** Views of shared memory. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
}

/** Has `data` enciphered to `shift` bytes behind itself. */
export async function encryptShifted(
  driver: Driver,
  session: Cipher,
  data: Uint8Array,
  iv: Uint8Array,
  shift: number,
): Promise<ShiftedResult> {
  const lengthBytes = data.length;
  const header = headerOf(driver, targetOf(session), iv.length, lengthBytes);
  const { memory, dataQueues } = insideOf(driver);
  const roomBytes = DATA_AT + lengthBytes + shift;
  const at = memory.reserve(roomBytes);
  const base = memory.guestAddress + at;
  const bytes = memory.region.bytes.subarray(at, at + roomBytes);
  bytes.set(header);
  bytes.set(iv, header.length);
  bytes.set(data, DATA_AT);
  bytes[STATUS_AT] = NO_STATUS;
  const buffer = (guestAddress: number, lengthBytes: number) => ({
    guestAddress,
    lengthBytes,
  });
  await dataQueues[0]!.request(
    [
      buffer(base, header.length + iv.length),
      buffer(base + DATA_AT, lengthBytes),
    ],
    [
      buffer(base + DATA_AT + shift, lengthBytes),
      buffer(base + STATUS_AT, 1),
    ],
  );
  return {
    status: bytes[STATUS_AT]!,
    source: bytes.subarray(DATA_AT, DATA_AT + lengthBytes),
    destination: bytes.subarray(DATA_AT + shift),
  };
}
