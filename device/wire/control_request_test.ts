import { deepEqual, equal, ok } from "node:assert/strict";
import {
  decodeCreateOutcome,
  decodeDestroyOutcome,
  encodeCreateRequest,
  encodeDestroyRequest,
} from "./control_encode.ts";
import {
  type ControlRequest,
  createOutcome,
  decodeControlRequest,
  destroyOutcome,
} from "./control_request.ts";
import { wireMode } from "./mode.ts";
import { serviceNumber, SERVICES } from "./opcodes.ts";
import { Status } from "./status.ts";
import {
  EVERY_SESSION,
  joined,
  keyOf,
  structure,
} from "../../testing/wire_samples.ts";
import { MAXIMUM_AKCIPHER_KEY_BYTES } from "./session_limits.ts";

const legacy = wireMode("virtio", 0n);
const revision1 = wireMode("virtio", 1n);
const limits = { services: 0x1f, maxCipherKeyBytes: 64, maxAuthKeyBytes: 512 };

type Fields = Record<number, number>;

/** A request of `length` bytes and its keys, as it stands. */
function decode(
  length: number,
  fields: Fields,
  keys: Uint8Array = new Uint8Array(),
  mode = legacy,
): ControlRequest {
  const bytes = joined(structure(length, fields), keys);
  return decodeControlRequest(bytes, mode, limits);
}

function refusal(result: ControlRequest): Status | undefined {
  return result.kind === "refused" ? result.status : undefined;
}

const cipher = { 0: 0x002, 16: 3, 20: 16, 24: 2, 64: 1 };
const chain = {
  0: 0x002,
  16: 2,
  20: 2,
  24: 3,
  28: 16,
  32: 1,
  40: 2,
  44: 20,
  48: 9,
  56: 0xffffffff,
  64: 2,
};
const mac = { 0: 0x202, 16: 4, 20: 32, 24: 20 };
const aead = { 0: 0x302, 16: 1, 20: 16, 24: 12, 28: 0xffffffff, 32: 2 };
const rsa = { 0: 0x404, 16: 1, 20: 2, 24: 600, 28: 1, 32: 6 };
const key = keyOf(16, 1);

Deno.test("a cipher session has the standard's offsets in both modes", () => {
  for (const mode of [legacy, revision1]) {
    deepEqual(decode(72, cipher, key, mode), {
      kind: "create",
      service: "cipher",
      description: {
        service: "cipher",
        algorithm: "aes-cbc",
        direction: "decrypt",
        key,
      },
    });
  }
});

Deno.test("a chain session has two keys one after the other", () => {
  deepEqual(decode(72, chain, joined(key, keyOf(9, 50))), {
    kind: "create",
    service: "cipher",
    description: {
      service: "chain",
      order: "cipher-then-hash",
      cipher: { algorithm: "aes-cbc", direction: "encrypt", key },
      hashMode: "auth",
      hashAlgorithm: "hmac-sha1",
      authKey: keyOf(9, 50),
      resultBytes: 20,
    },
  });
});

Deno.test("a plain hash in a chain has no key, whatever its unused words say", () => {
  const result = decode(72, { ...chain, 20: 1, 48: 0xffffffff }, key);
  ok(result.kind === "create" && result.description.service === "chain");
  equal(result.description.hashAlgorithm, "sha1");
  equal(result.description.authKey.length, 0);
});

Deno.test("hash, MAC, AEAD and RSA sessions have the standard's offsets", () => {
  const hash = { 0: 0x102, 16: 4, 20: 32 };
  const described = (
    lengths: [number, number],
    fields: Fields,
    keys: Uint8Array,
    expected: object,
  ) => {
    for (const [index, mode] of [legacy, revision1].entries()) {
      const result = decode(lengths[index]!, fields, keys, mode);
      ok(result.kind === "create");
      deepEqual(result.description, expected);
    }
  };
  described([72, 24], hash, new Uint8Array(), {
    service: "hash",
    algorithm: "sha256",
    resultBytes: 32,
  });
  described([72, 32], mac, keyOf(20, 2), {
    service: "mac",
    algorithm: "hmac-sha256",
    key: keyOf(20, 2),
    resultBytes: 32,
  });
  described([72, 40], aead, key, {
    service: "aead",
    algorithm: "gcm",
    direction: "decrypt",
    key,
    tagBytes: 12,
  });
  described([72, 72], rsa, keyOf(600, 3), {
    service: "akcipher",
    algorithm: "rsa",
    keyType: "private",
    key: keyOf(600, 3),
    padding: "pkcs1",
    hash: "sha256",
  });
});

Deno.test("RAW padding ignores the hash, an ECDSA session has a curve", () => {
  const raw = decode(72, { ...rsa, 28: 0, 32: 2 }, keyOf(600, 3));
  ok(raw.kind === "create" && raw.description.service === "akcipher");
  ok(raw.description.algorithm === "rsa");
  equal(raw.description.hash, "none");
  const ecdsa = decode(72, { ...rsa, 16: 2, 28: 5 }, keyOf(600, 3));
  ok(ecdsa.kind === "create" && ecdsa.description.service === "akcipher");
  ok(ecdsa.description.algorithm === "ecdsa");
  equal(ecdsa.description.curve, "p521");
});

Deno.test("every session comes back from its creation's bytes", () => {
  for (const mode of [legacy, revision1]) {
    for (const description of EVERY_SESSION) {
      const bytes = joined(...encodeCreateRequest(description, mode));
      const result = decodeControlRequest(bytes, mode, limits);
      ok(result.kind === "create", JSON.stringify(result));
      deepEqual(result.description, description);
    }
  }
});

Deno.test("the keys of a description are copies", () => {
  const bytes = joined(structure(72, cipher), key);
  const result = decodeControlRequest(bytes, legacy, limits);
  bytes.fill(0);
  ok(result.kind === "create" && result.description.service === "cipher");
  deepEqual(result.description.key, key);
});

Deno.test("destructions name service and session", () => {
  for (const [mode, length] of [[legacy, 72], [revision1, 24]] as const) {
    for (const service of SERVICES) {
      const number = serviceNumber(service);
      const opcode = number << 8 | (service === "akcipher" ? 5 : 3);
      const bytes = structure(length, { 0: opcode, 16: 9, 20: 2 });
      const sessionId = 2 ** 33 + 9;
      const expected = { kind: "destroy", service, sessionId };
      deepEqual(decodeControlRequest(bytes, mode, limits), expected);
      deepEqual(encodeDestroyRequest(service, sessionId, mode), bytes);
      bytes[23] = 0x80;
      deepEqual(decodeControlRequest(bytes, mode, limits), {
        ...expected,
        sessionId: NaN,
      });
    }
  }
});

Deno.test("every request that ends early is an error", () => {
  const keys = joined(key, keyOf(9, 1));
  const requests: [Fields, number, number, number][] = [
    [cipher, 72, 72, 16],
    [chain, 72, 72, 25],
    [{ 0: 0x102, 16: 4 }, 72, 24, 0],
    [{ ...mac, 24: 20 }, 72, 32, 20],
    [aead, 72, 40, 16],
    [{ ...rsa, 24: 25 }, 72, 72, 25],
    [{ 0: 0x203 }, 72, 24, 0],
  ];
  for (const [fields, padded, exact, keyBytes] of requests) {
    for (const mode of [legacy, revision1]) {
      const length = mode === legacy ? padded : exact;
      const whole = joined(
        structure(length, fields),
        keys.subarray(0, keyBytes),
      );
      for (let cut = 0; cut < whole.length; cut++) {
        const part = whole.slice(0, cut);
        equal(
          refusal(decodeControlRequest(part, mode, limits)),
          Status.Error,
          `opcode ${fields[0]}, ${cut} bytes`,
        );
      }
      const result = decodeControlRequest(whole, mode, limits);
      equal(refusal(result), undefined, `opcode ${fields[0]}`);
    }
  }
});

Deno.test("CVE-2025-14876: key lengths are bounded before anything is read", () => {
  const long = keyOf(MAXIMUM_AKCIPHER_KEY_BYTES + 1, 0);
  const top = 0xffffffff;
  const refusals: Fields[] = [
    { ...cipher, 20: 65 },
    { ...cipher, 20: top },
    { ...chain, 28: 65 },
    { ...chain, 48: 513 },
    { ...chain, 48: top },
    { ...chain, 28: top, 48: 1 },
    { ...mac, 24: 513 },
    { ...mac, 24: top },
    { ...aead, 20: 65 },
    { ...aead, 20: top },
    { ...rsa, 24: MAXIMUM_AKCIPHER_KEY_BYTES + 1 },
    { ...rsa, 24: top },
  ];
  for (const fields of refusals) {
    equal(refusal(decode(72, fields, long)), Status.Error);
  }
  const widest = { ...rsa, 24: MAXIMUM_AKCIPHER_KEY_BYTES };
  equal(refusal(decode(72, widest, long)), undefined);
});

Deno.test("unknown numbers are not supported", () => {
  const unknown: Fields[] = [
    { ...cipher, 16: 0 },
    { ...cipher, 16: 15 },
    { ...cipher, 16: 0xffffffff },
    { ...cipher, 24: 0 },
    { ...cipher, 24: 3 },
    { ...cipher, 64: 0 },
    { ...cipher, 64: 3 },
    { ...chain, 16: 3 },
    { ...chain, 20: 0 },
    { ...chain, 20: 3 },
    { ...chain, 24: 15 },
    { ...chain, 40: 7 },
    { ...chain, 20: 1, 40: 13 },
    { 0: 0x102, 16: 13 },
    { ...mac, 16: 7 },
    { ...aead, 16: 4 },
    { ...aead, 32: 0 },
    { ...rsa, 16: 3 },
    { ...rsa, 20: 3 },
    { ...rsa, 28: 2 },
    { ...rsa, 32: 2 },
    { ...rsa, 16: 2, 28: 0 },
  ];
  for (const fields of unknown) {
    const result = decode(72, fields, keyOf(700, 0));
    equal(refusal(result), Status.NotSupported, JSON.stringify(fields));
  }
  for (const opcode of [0, 1, 0x402, 0x403, 0x502, 0x10002, 0xffffffff]) {
    const result = decode(72, { ...cipher, 0: opcode }, key);
    equal(refusal(result), Status.NotSupported, `opcode ${opcode}`);
  }
});

Deno.test("a refusal says which outcome its request has", () => {
  const creates = (bytes: Uint8Array) => {
    const result = decodeControlRequest(bytes, legacy, limits);
    return result.kind === "refused" && result.create;
  };
  equal(creates(structure(16, { 0: 0x002 })), true);
  equal(creates(structure(16, { 0: 0x003 })), false);
  equal(creates(structure(72, { 0: 0x777 })), true);
});

Deno.test("outcomes are the standard's bytes and come back", () => {
  const created = createOutcome(Status.Ok, 2 ** 32 + 7);
  deepEqual(created, structure(16, { 0: 7, 4: 1 }));
  const expected = { status: Status.Ok, sessionId: 2 ** 32 + 7 };
  deepEqual(decodeCreateOutcome(created), expected);
  const failed = createOutcome(Status.NoSpace, 7);
  deepEqual(failed, structure(16, { 8: 5 }));
  deepEqual(decodeCreateOutcome(failed).status, Status.NoSpace);
  deepEqual(destroyOutcome(Status.InvalidSession), Uint8Array.of(4));
  equal(decodeDestroyOutcome(Uint8Array.of(4)), Status.InvalidSession);
});
