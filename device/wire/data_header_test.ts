import { deepEqual, equal } from "node:assert/strict";
import { wipeKeys } from "../../algorithms/session_description.ts";
import { encodeDataHeader } from "./data_header.ts";
import { layOutDataRequest } from "./data_layout.ts";
import {
  DataRequest,
  decodeDataRequest,
  MAXIMUM_HEADER_BYTES,
} from "./data_request.ts";
import { type WireMode, wireMode } from "./mode.ts";
import { ServiceNumber, SymmetricOperation } from "./opcodes.ts";
import { setParameters } from "./session_numbers.ts";
import { decodeSession } from "./session_parameters.ts";
import { Status } from "./status.ts";
import {
  EVERY_SESSION,
  joined,
  structure,
} from "../../testing/wire_samples.ts";

const MODES: Readonly<Record<string, WireMode>> = {
  legacy: wireMode("virtio", 0n),
  revision1: wireMode("virtio", 1n),
  stateless: wireMode("virtio", 0x3fn),
};

const OPERATIONS: Readonly<Record<number, readonly number[]>> = {
  [ServiceNumber.Cipher]: [0, 1],
  [ServiceNumber.Hash]: [0],
  [ServiceNumber.Mac]: [0],
  [ServiceNumber.Aead]: [0, 1],
  [ServiceNumber.Akcipher]: [0, 1, 2, 3],
};

/** Lengths that a request of the service has, all different. */
function setLengths(request: DataRequest): void {
  const { service, opType } = request;
  request.sourceBytes = 1000;
  if (service === ServiceNumber.Cipher || service === ServiceNumber.Aead) {
    request.ivBytes = 12;
    request.destinationBytes = 1040;
  }
  if (service === ServiceNumber.Aead) request.additionalDataBytes = 77;
  if (service === ServiceNumber.Akcipher) {
    if (request.opcode === 0x403) request.additionalDataBytes = 32;
    else request.destinationBytes = 256;
  }
  if (opType === SymmetricOperation.Chaining) {
    request.additionalDataBytes = 13;
    request.cipherStart = 100;
    request.cipherBytes = 800;
    request.hashStart = 50;
    request.hashBytes = 900;
  }
}

/** The header with other bytes wherever `request` says that no field is. */
function changeRest(view: DataView, request: DataRequest): DataView {
  const bytes = new Uint8Array(view.buffer.slice(0));
  const { fieldsEnd, opTypeAt } = request;
  for (let at = fieldsEnd; at < bytes.length; at++) {
    const isType = opTypeAt > 0 && at >= opTypeAt && at < opTypeAt + 4;
    if (!isType) bytes[at]! ^= 0xff;
  }
  return new DataView(bytes.buffer);
}

/** Encodes, decodes and lays out; both sides must agree on everything. */
function roundTrip(request: DataRequest, mode: WireMode): DataRequest {
  const view = new DataView(new ArrayBuffer(MAXIMUM_HEADER_BYTES));
  for (let at = 0; at < view.byteLength; at++) view.setUint8(at, 0xa5);
  const length = encodeDataHeader(request, mode, view);
  const back = new DataRequest();
  equal(decodeDataRequest(view, length, mode, back), Status.Ok);
  const again = new DataRequest();
  const changed = changeRest(view, back);
  equal(decodeDataRequest(changed, length, mode, again), Status.Ok);
  deepEqual(again, back);
  // Only decoding knows these.
  request.fieldsEnd = back.fieldsEnd;
  request.opTypeAt = back.opTypeAt;
  equal(layOutDataRequest(request, 0), Status.Ok);
  equal(layOutDataRequest(back, 0), Status.Ok);
  deepEqual(back, request);
  return back;
}

Deno.test("every request in session mode comes back from its bytes", () => {
  for (const mode of Object.values(MODES)) {
    for (const [service, operations] of Object.entries(OPERATIONS)) {
      for (const operation of operations) {
        for (const opType of service === "0" ? [1, 2] : [0]) {
          const request = new DataRequest();
          request.service = Number(service);
          request.opcode = request.service << 8 | operation;
          request.opType = opType;
          request.algorithm = 3;
          request.sessionId = 2 ** 40 + 9;
          if (opType === 2 || service !== "0") request.digestBytes = 16;
          if (service === "4") request.digestBytes = 0;
          setLengths(request);
          roundTrip(request, mode);
        }
      }
    }
  }
});

Deno.test("every session comes back from a stateless request", () => {
  for (const description of EVERY_SESSION) {
    const request = new DataRequest();
    setParameters(request, description);
    for (const operation of OPERATIONS[request.service]!) {
      request.opcode = request.service << 8 | operation;
      request.sessionMode = false;
      setLengths(request);
      const back = roundTrip(request, MODES["stateless"]!);
      const [key, authKey] = description.service === "chain"
        ? [description.cipher.key, description.authKey]
        : ["key" in description ? description.key : new Uint8Array()];
      const result = decodeSession(back, key, authKey ?? new Uint8Array());
      deepEqual(result, description);
      request.additionalDataBytes = 0;
      request.destinationBytes = 0;
    }
  }
});

Deno.test("a described stateless session has keys of its own", () => {
  const description = structuredClone(EVERY_SESSION[0]!);
  const request = new DataRequest();
  setParameters(request, description);
  const key = "key" in description ? description.key : new Uint8Array();
  const result = decodeSession(request, key, new Uint8Array());
  wipeKeys(description);
  deepEqual(result, EVERY_SESSION[0]);
});

Deno.test("a header is the standard's bytes", () => {
  const request = new DataRequest();
  request.opcode = 0x301;
  request.service = ServiceNumber.Aead;
  request.sessionId = 2 ** 32 + 6;
  request.ivBytes = 12;
  request.additionalDataBytes = 9;
  request.sourceBytes = 80;
  request.destinationBytes = 64;
  request.digestBytes = 16;
  const header = { 0: 0x301, 8: 6, 12: 1 };
  const flf = { 24: 12, 28: 9, 32: 80, 36: 64, 40: 16 };
  const bytesIn = (mode: WireMode) => {
    const bytes = new Uint8Array(MAXIMUM_HEADER_BYTES);
    const view = new DataView(bytes.buffer);
    return bytes.subarray(0, encodeDataHeader(request, mode, view));
  };
  deepEqual(
    joined(bytesIn(MODES["legacy"]!)),
    structure(72, { ...header, ...flf }),
  );
  deepEqual(
    joined(bytesIn(MODES["revision1"]!)),
    structure(48, { ...header, ...flf, 16: 1 }),
  );
  const moved = { 36: 12, 40: 16, 44: 9, 48: 80, 52: 64 };
  deepEqual(
    joined(bytesIn(MODES["stateless"]!)),
    structure(56, { ...header, ...moved, 16: 1 }),
  );
});
