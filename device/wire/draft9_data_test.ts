import { deepEqual, equal } from "node:assert/strict";
import { NO_STATUS, writeDraft9Status } from "./draft9.ts";
import {
  decodeDraft9Data,
  decodeDraft9DataStatus,
  Draft9DataRequest,
  encodeDraft9Data,
} from "./draft9_data.ts";
import { Status } from "./status.ts";
import { structure, viewOf } from "../../testing/wire_samples.ts";

function decoded(fields: Record<number, number>): Draft9DataRequest {
  const request = new Draft9DataRequest();
  const view = viewOf(structure(104, fields));
  equal(decodeDraft9Data(view, 104, undefined, request), Status.Ok);
  return request;
}

function check(
  request: Draft9DataRequest,
  expected: Partial<Draft9DataRequest>,
): void {
  for (const [name, value] of Object.entries(expected)) {
    deepEqual(request[name as keyof Draft9DataRequest], value, name);
  }
}

const top = 0xffffffff;
const cipher = {
  0: 1,
  4: 3,
  8: 6,
  12: 1,
  24: 16,
  28: top,
  32: 101,
  40: 4,
  44: 1,
  48: 5,
  56: 6,
  64: 7,
  96: 1,
};
const chain = {
  8: 6,
  24: 16,
  28: 200,
  32: 201,
  40: 4,
  48: 5,
  56: 6,
  64: 13,
  72: 7,
  80: 8,
  96: 2,
};
const aead = {
  0: 0x301,
  8: 6,
  24: 12,
  28: 13,
  32: 200,
  36: 201,
  40: 4,
  48: 5,
  56: 6,
  64: 7,
  72: 8,
};

Deno.test("a cipher request has the draft's offsets", () => {
  check(decoded(cipher), {
    opcode: 1,
    opType: 1,
    algorithm: 3,
    sessionId: 2 ** 32 + 6,
    sessionMode: true,
    ivBytes: 16,
    sourceBytes: top,
    destinationBytes: 101,
    ivAddress: 2 ** 32 + 4,
    sourceAddress: 5,
    additionalDataAddress: NaN,
    destinationAddress: 6,
    digestAddress: 7,
    statusAt: 72,
  });
});

Deno.test("a chain request has the draft's offsets and covers its source", () => {
  check(decoded(chain), {
    opType: 2,
    ivBytes: 16,
    sourceBytes: 200,
    destinationBytes: 201,
    additionalDataBytes: 13,
    cipherStart: 0,
    cipherBytes: 200,
    hashStart: 0,
    hashBytes: 200,
    ivAddress: 4,
    sourceAddress: 5,
    additionalDataAddress: 6,
    destinationAddress: 7,
    digestAddress: 8,
    statusAt: 88,
  });
});

Deno.test("hash, MAC and AEAD requests have the draft's offsets", () => {
  for (const opcode of [0x100, 0x200]) {
    const fields = { 0: opcode, 8: 6, 24: 5, 32: 200, 40: 9, 48: 8 };
    check(decoded(fields), {
      opcode,
      sessionId: 6,
      sourceAddress: 5,
      sourceBytes: 200,
      digestAddress: 8,
      ivAddress: NaN,
      statusAt: 56,
    });
  }
  check(decoded(aead), {
    ivBytes: 12,
    additionalDataBytes: 13,
    sourceBytes: 200,
    destinationBytes: 201,
    ivAddress: 4,
    sourceAddress: 5,
    additionalDataAddress: 6,
    destinationAddress: 7,
    digestAddress: 8,
    statusAt: 80,
  });
});

Deno.test("every request comes back from its bytes, and they are the draft's", () => {
  const hash = { 0: 0x100, 8: 6, 24: 5, 32: 200, 40: 9, 48: 8 };
  for (const fields of [cipher, chain, hash, { ...hash, 0: 0x200 }, aead]) {
    const request = decoded(fields);
    const bytes = new Uint8Array(104).fill(0xa5);
    encodeDraft9Data(request, viewOf(bytes));
    deepEqual(bytes, structure(104, fields));
    const back = new Draft9DataRequest();
    equal(decodeDraft9Data(viewOf(bytes), 104, undefined, back), Status.Ok);
    deepEqual(back, request);
  }
});

Deno.test("a status is read where it was written", () => {
  const request = new Draft9DataRequest();
  const bytes = structure(104, aead);
  const view = viewOf(bytes);
  equal(decodeDraft9Data(view, 104, undefined, request), Status.Ok);
  writeDraft9Status(view, request.statusAt, Status.BadMessage);
  deepEqual(bytes, structure(104, { ...aead, 80: 2 }));
  equal(decodeDraft9DataStatus(view, request), Status.BadMessage);
});

Deno.test("an address that a number cannot hold is NaN", () => {
  const request = decoded({ ...aead, 44: 0x200000, 52: top, 76: 0x80000000 });
  check(request, {
    ivAddress: NaN,
    sourceAddress: NaN,
    additionalDataAddress: 6,
    digestAddress: NaN,
  });
});

/** Offsets of the status by service, and of what only the session decides. */
const HASH_STATUS_AT = 56;
const AEAD_STATUS_AT = 80;
const CIPHER_STATUS_AT = 72;
const CHAIN_STATUS_AT = 88;

function refusalOf(
  fields: Record<number, number>,
  availableBytes: number,
  sessionService?: "cipher" | "chain" | "hash",
): [Status, number] {
  const request = new Draft9DataRequest();
  const view = viewOf(structure(104, fields));
  const status = decodeDraft9Data(
    view,
    availableBytes,
    sessionService,
    request,
  );
  return [status, request.statusAt];
}

Deno.test("a short request is an error where it holds its status", () => {
  for (let available = 0; available < 104; available++) {
    const placeOf = (fields: Record<number, number>) => {
      const [status, statusAt] = refusalOf(fields, available);
      equal(status, Status.Error);
      return statusAt;
    };
    const within = (statusAt: number) =>
      available >= statusAt + 4 ? statusAt : NO_STATUS;
    equal(placeOf(cipher), within(CIPHER_STATUS_AT));
    // op_type is at the end of what it decides about.
    const chainAt = available < 100 ? CIPHER_STATUS_AT : CHAIN_STATUS_AT;
    equal(placeOf(chain), within(chainAt));
    equal(placeOf({ 0: 0x100 }), within(HASH_STATUS_AT));
    equal(placeOf({ 0: 0x200 }), within(HASH_STATUS_AT));
    equal(placeOf(aead), within(AEAD_STATUS_AT));
    equal(placeOf({ 0: top }), within(CIPHER_STATUS_AT));
  }
});

Deno.test("an undefined opcode is not supported, where its service has the status", () => {
  const places: [number, number][] = [
    [2, CIPHER_STATUS_AT],
    [0x101, HASH_STATUS_AT],
    [0x2ff, HASH_STATUS_AT],
    [0x302, AEAD_STATUS_AT],
    [0x400, CIPHER_STATUS_AT],
    [0x403, CIPHER_STATUS_AT],
    [0x500, CIPHER_STATUS_AT],
    [top, CIPHER_STATUS_AT],
  ];
  for (const [opcode, statusAt] of places) {
    const fields = { ...cipher, 0: opcode };
    deepEqual(refusalOf(fields, 104), [Status.NotSupported, statusAt]);
  }
  const chaining = { ...cipher, 0: 0x502, 96: 2 };
  deepEqual(refusalOf(chaining, 104), [Status.NotSupported, CHAIN_STATUS_AT]);
});

Deno.test("the session tells cipher and chain requests apart, not op_type", () => {
  for (const opType of [0, 1, 2, 3, top]) {
    const request = new Draft9DataRequest();
    const view = viewOf(structure(104, { ...chain, 96: opType }));
    equal(decodeDraft9Data(view, 104, "chain", request), Status.Ok);
    deepEqual(request, decoded(chain));
    equal(decodeDraft9Data(view, 104, "cipher", request), Status.Ok);
    deepEqual(request, decoded({ ...chain, 96: 1 }));
  }
});

Deno.test("without a session that is one of the two, op_type is left", () => {
  const places: [number, number][] = [
    [0, CIPHER_STATUS_AT],
    [1, CIPHER_STATUS_AT],
    [2, CHAIN_STATUS_AT],
    [3, CIPHER_STATUS_AT],
    [top, CIPHER_STATUS_AT],
  ];
  for (const [opType, statusAt] of places) {
    const fields = { ...cipher, 96: opType };
    deepEqual(refusalOf(fields, 104), [Status.Ok, statusAt]);
    deepEqual(refusalOf(fields, 104, "hash"), [Status.Ok, statusAt]);
  }
});

Deno.test("nothing of a request is left in the next", () => {
  const request = decoded(chain);
  const view = viewOf(structure(104, { 0: 0x100 }));
  equal(decodeDraft9Data(view, 104, undefined, request), Status.Ok);
  deepEqual(request, decoded({ 0: 0x100 }));
});
