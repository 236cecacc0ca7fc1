/**
 * Data requests of the v9 draft: one descriptor with the guest physical
 * addresses of IV, data and results, which lie together beside it.
 *
 * @module
 */

import {
  DRAFT_9_REQUEST_BYTES,
  DRAFT_9_UNANSWERED,
} from "../device/wire/draft9.ts";
import {
  decodeDraft9DataStatus,
  Draft9DataRequest,
  encodeDraft9Data,
} from "../device/wire/draft9_data.ts";
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
import type { SharedBytes, SharedMemory, Stretch } from "./shared_memory.ts";

/** Writes requests of the v9 draft. */
export class Draft9Requests implements RequestFormat {
  plan(target: RequestTarget, shape: RequestShape): PlannedRequest {
    const { description, sessionId } = target;
    if (sessionId === undefined || description.service === "akcipher") {
      throw new TypeError(
        "Cannot make the request: draft 9 has no stateless requests and no " +
          "akcipher service",
      );
    }
    if (
      description.service === "chain" &&
      (shape.cipherStart !== 0 || shape.cipherBytes !== shape.sourceBytes ||
        shape.hashStart !== 0 || shape.hashBytes !== shape.sourceBytes)
    ) {
      throw new TypeError(
        "Cannot make the request: chains of draft 9 cover the whole source",
      );
    }
    return new PlannedDraft9Request(target, shape);
  }
}

class PlannedDraft9Request implements PlannedRequest {
  readonly stretches: readonly Stretch[];
  readonly #target: RequestTarget;
  readonly #shape: RequestShape;
  readonly #ivFieldBytes: number;

  constructor(target: RequestTarget, shape: RequestShape) {
    this.#target = target;
    this.#shape = shape;
    this.#ivFieldBytes = ivFieldBytesOf(target.description);
    const dataBytes = (this.#ivFieldBytes || shape.ivBytes) +
      shape.sourceBytes + shape.additionalDataBytes + shape.destinationBytes +
      shape.digestBytes;
    this.stretches = [
      { lengthBytes: DRAFT_9_REQUEST_BYTES, whole: true },
      { lengthBytes: dataBytes, whole: true },
    ];
  }

  place(memory: SharedMemory, bytes: readonly SharedBytes[]): PlacedRequest {
    const shape = this.#shape;
    const data = bytes[1]!;
    let at = data.segments.count === 0 ? 0 : data.segments.offset(0);
    const next = (lengthBytes: number): Segments => {
      const part = new Segments();
      part.append(memory.region, at, lengthBytes);
      at += lengthBytes;
      return part;
    };
    const ivField = next(this.#ivFieldBytes || shape.ivBytes);
    const iv = new Segments();
    iv.slice(ivField, this.#ivFieldBytes === 0 ? 0 : 1, shape.ivBytes);
    const source = next(shape.sourceBytes);
    const additionalData = next(shape.additionalDataBytes);
    const destination = next(shape.destinationBytes);
    const digest = next(shape.digestBytes);

    const request = new Draft9DataRequest();
    describeRequest(request, this.#target, shape);
    const address = (part: Segments): number =>
      part.count === 0 ? NaN : memory.guestAddress + part.offset(0);
    request.ivAddress = address(ivField);
    request.sourceAddress = address(source);
    request.additionalDataAddress = address(additionalData);
    request.destinationAddress = address(destination);
    request.digestAddress = address(digest);
    const view = viewOf(bytes[0]!);
    encodeDraft9Data(request, view);
    view.setUint32(request.statusAt, DRAFT_9_UNANSWERED, true);
    return {
      readable: [],
      writable: bytes[0]!.buffers,
      iv,
      source,
      additionalData,
      destination,
      digest,
      status: () => decodeDraft9DataStatus(view, request),
      rearm: () => view.setUint32(request.statusAt, DRAFT_9_UNANSWERED, true),
      wipe: () => {},
      memory: bytes,
    };
  }
}

function viewOf(bytes: SharedBytes): DataView {
  const region = bytes.segments.region(0);
  return new DataView(
    region.bytes.buffer,
    region.bytes.byteOffset + bytes.segments.offset(0),
    bytes.segments.totalBytes,
  );
}
