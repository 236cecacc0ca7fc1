import { deepEqual, equal, ok } from "node:assert/strict";
import { layOutDataRequest } from "./data_layout.ts";
import {
  DataRequest,
  decodeDataRequest,
  MAXIMUM_HEADER_BYTES,
} from "./data_request.ts";
import { F_REVISION_1 } from "./features.ts";
import { wireMode } from "./mode.ts";
import { Status } from "./status.ts";
import { structure, viewOf } from "../../testing/wire_samples.ts";

const legacy = wireMode("virtio", 0n);
const revision1 = wireMode("virtio", F_REVISION_1);
const stateless = wireMode("virtio", 0x3fn);

const SESSION = { 8: 77 };
const FLAG = { 16: 1 };

/** Decodes and lays out; all three must succeed. */
function decoded(
  length: number,
  fields: Record<number, number>,
  mode = legacy,
  ivFieldBytes = 0,
): DataRequest {
  const request = new DataRequest();
  const view = viewOf(structure(length, fields));
  equal(decodeDataRequest(view, length, mode, request), Status.Ok);
  equal(layOutDataRequest(request, ivFieldBytes), Status.Ok);
  return request;
}

/** The fields of `request` that `expected` names. */
function check(request: DataRequest, expected: Partial<DataRequest>): void {
  for (const [name, value] of Object.entries(expected)) {
    deepEqual(request[name as keyof DataRequest], value, name);
  }
}

const cipherFields = { 0: 1, ...SESSION, 24: 16, 28: 100, 32: 101, 64: 1 };
const chainWords = (at: number) => ({
  [at]: 16,
  [at + 4]: 200,
  [at + 8]: 201,
  [at + 12]: 10,
  [at + 16]: 190,
  [at + 20]: 5,
  [at + 24]: 195,
  [at + 28]: 7,
  [at + 32]: 20,
});
const chainLengths = {
  ivBytes: 16,
  sourceBytes: 200,
  destinationBytes: 201,
  cipherStart: 10,
  cipherBytes: 190,
  hashStart: 5,
  hashBytes: 195,
  additionalDataBytes: 7,
  digestBytes: 20,
  digestAt: 201,
  writableBytes: 221,
};

Deno.test("a cipher request has 72 bytes before the IV, with or without REVISION_1", () => {
  for (const mode of [legacy, revision1]) {
    check(decoded(72, { ...cipherFields, ...FLAG }, mode), {
      opcode: 1,
      service: 0,
      opType: 1,
      sessionId: 77,
      sessionMode: true,
      ivBytes: 16,
      ivFieldBytes: 16,
      sourceBytes: 100,
      destinationBytes: 101,
      ivAt: 72,
      sourceAt: 88,
      readableBytes: 188,
      writableBytes: 101,
    });
  }
});

Deno.test("a chain request has aad after the source, the digest after the destination", () => {
  const fields = { ...SESSION, ...chainWords(24), 64: 2 };
  check(decoded(72, fields), {
    ...chainLengths,
    opType: 2,
    ivAt: 72,
    sourceAt: 88,
    additionalDataAt: 288,
    readableBytes: 295,
  });
});

Deno.test("hash and MAC requests are padded without REVISION_1 only", () => {
  for (const opcode of [0x100, 0x200]) {
    const fields = { 0: opcode, ...SESSION, ...FLAG, 24: 50, 28: 32 };
    const expected = { sourceBytes: 50, digestBytes: 32, digestAt: 0 };
    check(decoded(72, fields), {
      ...expected,
      sourceAt: 72,
      readableBytes: 122,
      writableBytes: 32,
    });
    check(decoded(32, fields, revision1), {
      ...expected,
      sourceAt: 32,
      readableBytes: 82,
    });
  }
});

const aeadFields = {
  ...SESSION,
  ...FLAG,
  24: 12,
  28: 9,
  32: 64,
  36: 80,
  40: 16,
};

Deno.test("an AEAD encryption writes its tag behind the ciphertext", () => {
  const expected = {
    ivBytes: 12,
    additionalDataBytes: 9,
    sourceBytes: 64,
    destinationBytes: 80,
    digestBytes: 16,
    digestAt: 64,
    writableBytes: 80,
  };
  const fields = { 0: 0x300, ...aeadFields };
  check(decoded(72, fields), {
    ...expected,
    ivAt: 72,
    sourceAt: 84,
    additionalDataAt: 148,
    readableBytes: 157,
  });
  check(decoded(48, fields, revision1), {
    ...expected,
    ivAt: 48,
    readableBytes: 133,
  });
});

Deno.test("an AEAD decryption reads its tag at the end of the source", () => {
  const request = decoded(72, { 0: 0x301, ...aeadFields });
  check(request, { sourceAt: 84, digestAt: 84 + 48, additionalDataAt: 148 });
});

Deno.test("akcipher requests take and give; verification takes both", () => {
  const fields = { ...SESSION, ...FLAG, 24: 256, 28: 32 };
  for (const opcode of [0x400, 0x401, 0x402]) {
    check(decoded(32, { 0: opcode, ...fields }, revision1), {
      sourceAt: 32,
      sourceBytes: 256,
      destinationBytes: 32,
      additionalDataBytes: 0,
      readableBytes: 288,
      writableBytes: 32,
    });
  }
  check(decoded(72, { 0: 0x403, ...fields }), {
    sourceAt: 72,
    sourceBytes: 256,
    additionalDataAt: 328,
    additionalDataBytes: 32,
    destinationBytes: 0,
    readableBytes: 360,
    writableBytes: 0,
  });
});

Deno.test("a stateless cipher request carries its key first", () => {
  const fields = { 0: 0, 24: 3, 28: 32, 32: 1, 36: 16, 40: 48, 44: 49, 96: 1 };
  check(decoded(100, fields, stateless), {
    sessionMode: false,
    statelessLayout: true,
    sessionId: NaN,
    algorithm: 3,
    keyBytes: 32,
    direction: 1,
    keyAt: 100,
    ivAt: 132,
    sourceAt: 148,
    readableBytes: 196,
    destinationBytes: 49,
  });
});

const statelessChain = {
  24: 2,
  28: 9999,
  32: 3,
  36: 24,
  40: 1,
  44: 2,
  48: 20,
  52: 2,
  ...chainWords(56),
  96: 2,
};

Deno.test("a stateless chain request has its aad before the source", () => {
  check(decoded(100, statelessChain, stateless), {
    ...chainLengths,
    chainOrder: 2,
    algorithm: 3,
    keyBytes: 24,
    direction: 1,
    hashAlgorithm: 2,
    authKeyBytes: 20,
    hashMode: 2,
    keyAt: 100,
    authKeyAt: 124,
    ivAt: 144,
    additionalDataAt: 160,
    sourceAt: 167,
    readableBytes: 367,
  });
});

Deno.test("session mode ignores sess_para of the stateless structures", () => {
  const fields = { ...statelessChain, ...SESSION, ...FLAG };
  check(decoded(100, fields, stateless), {
    ...chainLengths,
    sessionId: 77,
    sessionMode: true,
    keyBytes: 0,
    authKeyBytes: 0,
    ivAt: 100,
    additionalDataAt: 116,
    sourceAt: 123,
  });
  const noise = { 24: 99, 28: 98, 32: 97 };
  const cipher = { ...SESSION, ...FLAG, ...noise, 36: 16, 40: 50, 44: 50 };
  check(decoded(100, { ...cipher, 96: 1 }, stateless), {
    algorithm: 0,
    keyBytes: 0,
    sourceBytes: 50,
  });
  const hash = { 0: 0x100, ...SESSION, ...FLAG, 24: 99, 28: 50, 32: 32 };
  check(decoded(40, hash, stateless), { algorithm: 0, sourceBytes: 50 });
});

Deno.test("stateless hash, MAC, AEAD and akcipher requests have their own offsets", () => {
  check(decoded(40, { 0: 0x100, 24: 4, 28: 50, 32: 32 }, stateless), {
    algorithm: 4,
    sourceAt: 40,
    sourceBytes: 50,
    digestBytes: 32,
  });
  const mac = { 0: 0x200, 24: 4, 28: 20, 32: 50, 36: 32 };
  check(decoded(40, mac, stateless), {
    algorithm: 4,
    keyBytes: 20,
    keyAt: 40,
    sourceAt: 60,
    sourceBytes: 50,
    digestBytes: 32,
  });
  const aead = { 24: 1, 28: 32, 32: 1, 36: 12, 40: 16, 44: 9, 48: 64, 52: 80 };
  check(decoded(56, { 0: 0x300, ...aead }, stateless), {
    algorithm: 1,
    keyBytes: 32,
    direction: 1,
    ivBytes: 12,
    digestBytes: 16,
    additionalDataBytes: 9,
    sourceBytes: 64,
    destinationBytes: 80,
    keyAt: 56,
    ivAt: 88,
    sourceAt: 100,
    additionalDataAt: 164,
    readableBytes: 173,
  });
  const rsa = { 24: 1, 28: 2, 32: 600, 36: 1, 40: 6, 44: 32, 48: 256 };
  check(decoded(52, { 0: 0x402, ...rsa }, stateless), {
    algorithm: 1,
    keyType: 2,
    keyBytes: 600,
    rsaPadding: 1,
    rsaHash: 6,
    keyAt: 52,
    sourceAt: 652,
    sourceBytes: 32,
    destinationBytes: 256,
  });
  check(decoded(52, { 0: 0x402, ...rsa, 24: 2, 36: 3 }, stateless), {
    curve: 3,
    rsaPadding: 0,
    rsaHash: 0,
  });
});

Deno.test("the flag matters with REVISION_1 only", () => {
  const bytes = viewOf(structure(72, cipherFields));
  const request = new DataRequest();
  equal(decodeDataRequest(bytes, 72, legacy, request), Status.Ok);
  equal(request.sessionMode, true);
  equal(
    decodeDataRequest(bytes, 72, revision1, request),
    Status.NotSupported,
  );
});

Deno.test("a request that ends within its header is an error, for every length", () => {
  const sizes = [
    { mode: legacy, sizes: [72, 72, 72, 72, 72] },
    { mode: revision1, sizes: [72, 32, 32, 48, 32] },
    { mode: stateless, sizes: [100, 40, 40, 56, 52] },
  ];
  const view = viewOf(structure(MAXIMUM_HEADER_BYTES, { 16: 1, 64: 1, 96: 1 }));
  const request = new DataRequest();
  for (const { mode, sizes: expected } of sizes) {
    for (const [service, size] of expected.entries()) {
      view.setUint32(0, service << 8, true);
      for (let available = 0; available < size; available++) {
        const status = decodeDataRequest(view, available, mode, request);
        equal(status, Status.Error, `service ${service}, ${available} bytes`);
      }
      equal(decodeDataRequest(view, size, mode, request), Status.Ok);
      equal(request.keyAt, size);
    }
  }
});

Deno.test("unknown opcodes and operations are not supported", () => {
  const request = new DataRequest();
  const status = (fields: Record<number, number>) =>
    decodeDataRequest(viewOf(structure(72, fields)), 72, legacy, request);
  for (const opcode of [2, 0x101, 0x201, 0x302, 0x404, 0x500, 0xffffffff]) {
    equal(status({ ...cipherFields, 0: opcode }), Status.NotSupported);
  }
  for (const opType of [0, 3, 0xffffffff]) {
    equal(status({ ...cipherFields, 64: opType }), Status.NotSupported);
  }
});

Deno.test("a session identifier that a number cannot hold matches nothing", () => {
  const sessionId = (low: number, high: number) =>
    decoded(72, { ...cipherFields, 8: low, 12: high }).sessionId;
  equal(sessionId(5, 1), 2 ** 32 + 5);
  equal(sessionId(0xffffffff, 0x1fffff), Number.MAX_SAFE_INTEGER);
  ok(Number.isNaN(sessionId(0, 0x200000)));
  ok(Number.isNaN(sessionId(0, 0x80000000)));
  ok(Number.isNaN(sessionId(77, 0xffffffff)));
});

Deno.test("nothing of a request is left in the next", () => {
  const request = decoded(100, statelessChain, stateless);
  const view = viewOf(structure(100, { 0: 0x100, ...FLAG }));
  equal(decodeDataRequest(view, 100, legacy, request), Status.Ok);
  equal(layOutDataRequest(request, 0), Status.Ok);
  const fresh = new DataRequest();
  equal(decodeDataRequest(view, 100, legacy, fresh), Status.Ok);
  equal(layOutDataRequest(fresh, 0), Status.Ok);
  deepEqual(request, fresh);
});
