/**
 * A cipher's request whose result goes so many bytes behind its source: 0 is in
 * place.
 *
 * @module
 */

import { describeRequest, type RequestTarget } from "../driver/data_request.ts";
import { type Driver, insideOf } from "../driver/driver.ts";
import type { RequestQueue } from "../driver/request_queue.ts";
import type { Cipher } from "../driver/sessions.ts";
import { targetOf } from "../driver/session.ts";
import { encodeDataHeader } from "../device/wire/data_header.ts";
import { DataRequest } from "../device/wire/data_request.ts";

interface Buffer {
  readonly guestAddress: number;
  readonly lengthBytes: number;
}

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

/** One such request at a time, in memory of its own. */
export class ShiftedRequest {
  readonly #queue: RequestQueue;
  readonly #bytes: Uint8Array;
  readonly #source: Uint8Array;
  readonly #destination: Uint8Array;
  readonly #readable: Buffer[];
  readonly #writable: Buffer[];

  constructor(
    driver: Driver,
    session: Cipher,
    ivBytes: number,
    lengthBytes: number,
    shift: number,
  ) {
    const header = headerOf(driver, targetOf(session), ivBytes, lengthBytes);
    const { memory, dataQueues } = insideOf(driver);
    const roomBytes = DATA_AT + lengthBytes + shift;
    const at = memory.reserve(roomBytes);
    const base = memory.guestAddress + at;
    const bytes = memory.region.bytes.subarray(at, at + roomBytes);
    bytes.set(header);
    this.#queue = dataQueues[0]!;
    this.#bytes = bytes;
    this.#source = bytes.subarray(DATA_AT, DATA_AT + lengthBytes);
    this.#destination = bytes.subarray(DATA_AT + shift);
    const buffer = (start: number, lengthBytes: number): Buffer => ({
      guestAddress: base + start,
      lengthBytes,
    });
    this.#readable = [
      buffer(0, header.length + ivBytes),
      buffer(DATA_AT, lengthBytes),
    ];
    this.#writable = [
      buffer(DATA_AT + shift, lengthBytes),
      buffer(STATUS_AT, 1),
    ];
  }

  /** Has `data` enciphered. */
  async send(data: Uint8Array, iv: Uint8Array): Promise<ShiftedResult> {
    const bytes = this.#bytes;
    this.#source.set(data);
    bytes.set(iv, this.#readable[0]!.lengthBytes - iv.length);
    bytes[STATUS_AT] = NO_STATUS;
    await this.#queue.request(this.#readable, this.#writable);
    return {
      status: bytes[STATUS_AT]!,
      source: this.#source,
      destination: this.#destination,
    };
  }
}

/** Has `data` enciphered to `shift` bytes behind itself. */
export function encryptShifted(
  driver: Driver,
  session: Cipher,
  data: Uint8Array,
  iv: Uint8Array,
  shift: number,
): Promise<ShiftedResult> {
  const { length } = data;
  return new ShiftedRequest(driver, session, iv.length, length, shift)
    .send(data, iv);
}
