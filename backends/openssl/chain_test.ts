import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { cbc, ctr } from "@noble/ciphers/aes.js";
import type { ChainOrder } from "../../algorithms/session_description.ts";
import { OperationStatus } from "../backend.ts";
import {
  LAYOUTS,
  opensslTest,
  randomBytes,
  runRequest,
} from "../../testing/openssl_requests.ts";

const MESSAGES = [
  { total: 16, cipher: [0, 16], hash: [0, 16] },
  { total: 1500, cipher: [13, 1472], hash: [4, 1490] },
  { total: 700, cipher: [0, 0], hash: [700, 0] },
  { total: 9000, cipher: [40, 8192], hash: [8000, 1000] },
  { total: 0, cipher: [0, 0], hash: [0, 0] },
] as const;

for (const order of ["cipher-then-hash", "hash-then-cipher"] as ChainOrder[]) {
  for (const hashMode of ["plain", "auth"] as const) {
    opensslTest(
      `${order} with ${hashMode} hash, at offsets, in every layout`,
      (thread) => {
        const key = randomBytes(16);
        const authKey = hashMode === "auth"
          ? randomBytes(20)
          : new Uint8Array();
        const session = thread.openSession({
          service: "chain",
          order,
          cipher: { algorithm: "aes-cbc", direction: "encrypt", key },
          hashMode,
          hashAlgorithm: hashMode === "auth" ? "hmac-sha1" : "sha1",
          authKey,
          resultBytes: 12,
        });
        for (const { total, cipher, hash } of MESSAGES) {
          const source = randomBytes(total);
          const additionalData = randomBytes(total % 50);
          const iv = randomBytes(16);
          const expected = source.slice();
          if (cipher[1] > 0) {
            const range = source.slice(cipher[0], cipher[0] + cipher[1]);
            const sealed = cbc(key, iv, { disablePadding: true }).encrypt(
              range,
            );
            expected.set(sealed, cipher[0]);
          }
          const image = order === "cipher-then-hash" ? expected : source;
          const hasher = hashMode === "auth"
            ? createHmac("sha1", authKey)
            : createHash("sha1");
          const digest = hasher.update(additionalData)
            .update(image.slice(hash[0], hash[0] + hash[1]))
            .digest("hex").slice(0, 24);
          for (const layout of LAYOUTS) {
            const answer = runRequest(thread, session, {
              source,
              additionalData,
              iv,
              layout,
              digestBytes: 12,
              ranges: {
                cipherStart: cipher[0],
                cipherBytes: cipher[1],
                hashStart: hash[0],
                hashBytes: hash[1],
              },
            });
            strictEqual(answer.status, OperationStatus.Ok);
            strictEqual(answer.writtenBytes, total);
            deepStrictEqual(answer.destination, expected, layout);
            strictEqual(answer.digest.toHex(), digest, layout);
          }
        }
      },
    );
  }
}

opensslTest("a chain that decrypts hashes what its order says", (thread) => {
  const key = randomBytes(32);
  const iv = randomBytes(16);
  const plain = randomBytes(333);
  const sealed = ctr(key, iv).encrypt(plain);
  for (
    const order of ["cipher-then-hash", "hash-then-cipher"] as ChainOrder[]
  ) {
    const session = thread.openSession({
      service: "chain",
      order,
      cipher: { algorithm: "aes-ctr", direction: "decrypt", key },
      hashMode: "plain",
      hashAlgorithm: "sha3-256",
      authKey: new Uint8Array(),
      resultBytes: 32,
    });
    for (const layout of LAYOUTS) {
      const answer = runRequest(thread, session, {
        source: sealed,
        iv,
        layout,
        digestBytes: 32,
      });
      deepStrictEqual(answer.destination, plain, layout);
      const image = order === "cipher-then-hash" ? plain : sealed;
      const expected = createHash("sha3-256").update(image).digest("hex");
      strictEqual(answer.digest.toHex(), expected, layout);
    }
  }
});

opensslTest("a chain fails for ranges beyond its data", (thread) => {
  const session = thread.openSession({
    service: "chain",
    order: "cipher-then-hash",
    cipher: {
      algorithm: "aes-cbc",
      direction: "encrypt",
      key: randomBytes(16),
    },
    hashMode: "plain",
    hashAlgorithm: "md5",
    authKey: new Uint8Array(),
    resultBytes: 16,
  });
  for (
    const ranges of [
      { cipherStart: 16, cipherBytes: 32 },
      { hashStart: 40, hashBytes: 1 },
      { cipherStart: 0xffffffff, cipherBytes: 16 },
      { cipherStart: 0, cipherBytes: 17 },
    ]
  ) {
    const answer = runRequest(thread, session, {
      source: randomBytes(40),
      iv: randomBytes(16),
      digestBytes: 16,
      ranges: {
        cipherStart: 0,
        cipherBytes: 0,
        hashStart: 0,
        hashBytes: 0,
        ...ranges,
      },
    });
    strictEqual(answer.status, OperationStatus.Failed);
    strictEqual(answer.writtenBytes, 0);
  }
});
