import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { createCipheriv, createDecipheriv, createHash } from "node:crypto";
import { createHmac } from "node:crypto";
import type { ChainSession } from "../../algorithms/session_description.ts";
import { OperationKind, OperationStatus } from "../backend.ts";
import type { Layout, Request } from "../../conformance/operations.ts";
import { LAYOUTS, random, run } from "../../testing/noble_requests.ts";

const CIPHER_KEY = random.bytes(16);
const AUTH_KEY = random.bytes(20);
const IV = random.bytes(16);

const session = (
  order: ChainSession["order"],
  direction: "encrypt" | "decrypt",
  changes: Partial<ChainSession> = {},
): ChainSession => ({
  service: "chain",
  order,
  cipher: { algorithm: "aes-cbc", direction, key: CIPHER_KEY },
  hashMode: "auth",
  hashAlgorithm: "hmac-sha1",
  authKey: AUTH_KEY,
  resultBytes: 20,
  ...changes,
});

/** Header, 64 bytes under the cipher, trailer; hashed from byte 4 on. */
const RANGES = {
  cipherStart: 9,
  cipherBytes: 64,
  hashStart: 4,
  hashBytes: 75,
} as const;
const TOTAL_BYTES = 80;
const ADDITIONAL = random.bytes(13);

function chain(
  description: ChainSession,
  source: Uint8Array,
  layout?: Layout,
  changes: Partial<Request> = {},
) {
  return run(
    description,
    {
      kind: description.cipher.direction === "encrypt"
        ? OperationKind.Encrypt
        : OperationKind.Decrypt,
      iv: IV,
      source,
      additionalData: ADDITIONAL,
      destinationBytes: source.length,
      digestBytes: description.resultBytes,
      ...RANGES,
      ...changes,
    },
    layout,
  );
}

/** `data` with its cipher range enciphered or deciphered. */
function withCipher(direction: "encrypt" | "decrypt", data: Uint8Array) {
  const make = direction === "encrypt" ? createCipheriv : createDecipheriv;
  const cipher = make("aes-128-cbc", CIPHER_KEY, IV).setAutoPadding(false);
  const { cipherStart, cipherBytes } = RANGES;
  const image = data.slice();
  const range = data.subarray(cipherStart, cipherStart + cipherBytes);
  image.set(cipher.update(range), cipherStart);
  return image;
}

const authenticate = (image: Uint8Array): string =>
  createHmac("sha1", AUTH_KEY).update(ADDITIONAL)
    .update(image.subarray(4, 79)).digest("hex");

for (const order of ["cipher-then-hash", "hash-then-cipher"] as const) {
  for (const direction of ["encrypt", "decrypt"] as const) {
    Deno.test(`chain ${order} to ${direction} keeps to its ranges`, () => {
      for (const layout of LAYOUTS) {
        const source = random.bytes(TOTAL_BYTES);
        const image = withCipher(direction, source);
        const result = chain(session(order, direction), source, layout);
        strictEqual(result.status, OperationStatus.Ok);
        strictEqual(result.destination.toHex(), image.toHex());
        strictEqual(
          result.digest.toHex(),
          authenticate(order === "cipher-then-hash" ? image : source),
        );
      }
    });
  }
}

Deno.test("a chain with a plain hash cuts its digest as the session says", () => {
  const source = random.bytes(TOTAL_BYTES);
  const description = session("hash-then-cipher", "encrypt", {
    hashMode: "plain",
    hashAlgorithm: "sha256",
    authKey: new Uint8Array(0),
    resultBytes: 7,
  });
  const { digest } = chain(description, source);
  const expected = createHash("sha256").update(ADDITIONAL)
    .update(source.subarray(4, 79)).digest("hex");
  strictEqual(digest.toHex(), expected.slice(0, 14));
});

Deno.test("a chain over nothing is the hash of nothing", () => {
  const description = session("cipher-then-hash", "encrypt");
  const none = { cipherStart: 0, cipherBytes: 0, hashStart: 0, hashBytes: 0 };
  const { status, digest, destination } = chain(
    description,
    new Uint8Array(0),
    undefined,
    { ...none, additionalData: new Uint8Array(0) },
  );
  strictEqual(status, OperationStatus.Ok);
  strictEqual(destination.length, 0);
  strictEqual(digest.toHex(), createHmac("sha1", AUTH_KEY).digest("hex"));
});

Deno.test("a chain whose ranges leave the data or break a block fails", () => {
  const source = random.bytes(TOTAL_BYTES);
  const description = session("cipher-then-hash", "encrypt");
  const wrong: Partial<Request>[] = [
    { cipherStart: 17 },
    { cipherBytes: 63 },
    { hashBytes: 77 },
    { hashStart: 81, hashBytes: 0 },
    { cipherStart: 2 ** 32, cipherBytes: 16 },
  ];
  for (const change of wrong) {
    const result = chain(description, source, undefined, change);
    strictEqual(result.status, OperationStatus.Failed, JSON.stringify(change));
    deepStrictEqual(result.destination, new Uint8Array(0));
  }
});
