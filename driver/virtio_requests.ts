/**
 * Data requests in the ratified layout: header, keys, IV and data in the
 * readable part, results and status in the writable part (virtio 1.4 §5.9.9.3).
 *
 * @module
 */

import { keysOf } from "../algorithms/session_description.ts";
import { encodeDataHeader } from "../device/wire/data_header.ts";
import { layOutDataRequest } from "../device/wire/data_layout.ts";
import {
  DataRequest,
  MAXIMUM_HEADER_BYTES,
} from "../device/wire/data_request.ts";
import type { WireMode } from "../device/wire/mode.ts";
import { Status } from "../device/wire/status.ts";
import { Segments } from "../memory/segments.ts";
import {
  describeRequest,
  ivFieldBytesOf,
  type PlacedRequest,
  type PlannedRequest,
  type RequestFormat,
  type RequestShape,
  type RequestTarget,
} from "./data_request.ts";
import { UNANSWERED } from "./session_control.ts";
import type { SharedBytes, SharedMemory, Stretch } from "./shared_memory.ts";

function slice(from: Segments, start: number, lengthBytes: number): Segments {
  const part = new Segments();
  part.slice(from, start, lengthBytes);
  return part;
}

/** Writes requests of a negotiated mode. */
export class VirtioRequests implements RequestFormat {
  readonly #mode: WireMode;

  constructor(mode: WireMode) {
    this.#mode = mode;
  }

  plan(target: RequestTarget, shape: RequestShape): PlannedRequest {
    if (
      target.sessionId === undefined &&
      !this.#mode.stateless.has(serviceOf(target))
    ) {
      throw new TypeError(
        `Cannot make a stateless ${target.description.service} request: ` +
          `the mode was not negotiated`,
      );
    }
    return new PlannedVirtioRequest(this.#mode, target, shape);
  }
}

function serviceOf(target: RequestTarget) {
  const { service } = target.description;
  return service === "chain" ? "cipher" : service;
}

class PlannedVirtioRequest implements PlannedRequest {
  readonly stretches: readonly Stretch[];
  readonly #target: RequestTarget;
  readonly #shape: RequestShape;
  readonly #request = new DataRequest();
  readonly #header: Uint8Array;

  constructor(mode: WireMode, target: RequestTarget, shape: RequestShape) {
    this.#target = target;
    this.#shape = shape;
    const request = this.#request;
    describeRequest(request, target, shape);
    if (target.description.service === "aead") {
      // The tag is a part of the data on the side that has it (§5.9.9.7).
      if (shape.operation === "encrypt") {
        request.destinationBytes += shape.digestBytes;
      } else request.sourceBytes += shape.digestBytes;
    }
    const header = new Uint8Array(MAXIMUM_HEADER_BYTES);
    const view = new DataView(header.buffer);
    this.#header = header.subarray(
      0,
      encodeDataHeader(request, mode, view),
    );
    const ivFieldBytes = ivFieldBytesOf(target.description);
    if (layOutDataRequest(request, ivFieldBytes) !== Status.Ok) {
      throw new RangeError(
        `Cannot make a ${target.description.service} request: its lengths ` +
          `contradict each other`,
      );
    }
    this.stretches = [
      { lengthBytes: request.readableBytes, alignedAt: request.sourceAt },
      { lengthBytes: request.writableBytes + 1 },
    ];
  }

  place(_memory: SharedMemory, bytes: readonly SharedBytes[]): PlacedRequest {
    const readable = bytes[0]!;
    const writable = bytes[1]!;
    const shape = this.#shape;
    const request = this.#request;
    const stateless = this.#target.sessionId === undefined;
    const input = readable.segments;
    const output = writable.segments;
    input.write(0, this.#header);
    const keyBytes = request.keyBytes + request.authKeyBytes;
    if (stateless) this.#writeKeys(input);
    const tagIsInput = this.#target.description.service === "aead" &&
      shape.operation === "decrypt";
    const statusByte = slice(output, output.totalBytes - 1, 1);
    const status = statusByte.region(0).view;
    const statusAt = statusByte.offset(0);
    status.setUint8(statusAt, UNANSWERED);
    return {
      readable: readable.buffers,
      writable: writable.buffers,
      iv: slice(input, request.ivAt, shape.ivBytes),
      source: slice(input, request.sourceAt, shape.sourceBytes),
      additionalData: slice(
        input,
        request.additionalDataAt,
        shape.additionalDataBytes,
      ),
      destination: slice(output, 0, shape.destinationBytes),
      digest: slice(
        tagIsInput ? input : output,
        request.digestAt,
        shape.digestBytes,
      ),
      status: () => status.getUint8(statusAt),
      rearm: () => status.setUint8(statusAt, UNANSWERED),
      wipe: () => {
        if (keyBytes > 0) input.fill(request.keyAt, keyBytes, 0);
      },
      memory: bytes,
    };
  }

  #writeKeys(input: Segments): void {
    const [key, authKey] = keysOf(this.#target.description);
    if (key) input.write(this.#request.keyAt, key);
    if (authKey) input.write(this.#request.authKeyAt, authKey);
  }
}
