import { deepEqual, equal } from "node:assert/strict";
import { NO_STATUS, writeDraft9Status } from "./draft9.ts";
import {
  decodeDraft9Data,
  decodeDraft9DataStatus,
  Draft9DataRequest,
  encodeDraft9Data,
} from "./draft9_data.ts";
import { Status } from "./status.ts";
import { structure, viewOf } from "./test_samples.ts";

function decoded(fields: Record<number, number>): Draft9DataRequest {
  const request = new Draft9DataRequest();
  const view = viewOf(structure(104, fields));
  equal(decodeDraft9Data(view, 104, request), Status.Ok);
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
    equal(decodeDraft9Data(viewOf(bytes), 104, back), Status.Ok);
    deepEqual(back, request);
  }
});

Deno.test("a status is read where it was written", () => {
  const request = new Draft9DataRequest();
  const bytes = structure(104, aead);
  const view = viewOf(bytes);
  equal(decodeDraft9Data(view, 104, request), Status.Ok);
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

Deno.test("short and unknown requests are refused", () => {
  const request = new Draft9DataRequest();
  const statusOf = (fields: Record<number, number>, available = 104) =>
    decodeDraft9Data(viewOf(structure(104, fields)), available, request);
  for (let available = 0; available < 104; available++) {
    equal(statusOf(cipher, available), Status.Error);
    equal(request.statusAt, NO_STATUS);
  }
  for (const opcode of [2, 0x101, 0x400, 0x403, 0x500, top]) {
    equal(statusOf({ ...cipher, 0: opcode }), Status.NotSupported);
    equal(request.statusAt, NO_STATUS);
  }
  for (const opType of [0, 3, top]) {
    equal(statusOf({ ...cipher, 96: opType }), Status.NotSupported);
    equal(request.statusAt, 72);
  }
});

Deno.test("nothing of a request is left in the next", () => {
  const request = decoded(chain);
  const view = viewOf(structure(104, { 0: 0x100 }));
  equal(decodeDraft9Data(view, 104, request), Status.Ok);
  deepEqual(request, decoded({ 0: 0x100 }));
});
