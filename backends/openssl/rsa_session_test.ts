import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import {
  constants,
  createHash,
  generateKeyPairSync,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
  sign,
} from "node:crypto";
import { bytesToNumber, numberToBytes } from "../../algorithms/der.ts";
import {
  padForSignature,
  rsaHashByName,
} from "../../algorithms/rsa_padding.ts";
import type { RsaSession } from "../../algorithms/session_description.ts";
import { OperationKind, OperationStatus } from "../backend.ts";
import {
  fromHex,
  LAYOUTS,
  opensslTest,
  randomBytes,
  resultOf,
  runOnce,
  runRequest,
  verifyStatus,
} from "../../testing/openssl_requests.ts";

const derOf = (key: KeyObject): Uint8Array =>
  new Uint8Array(key.export({ format: "der", type: "pkcs1" }));

const rsaKeys = (modulusLength: number) =>
  generateKeyPairSync("rsa", { modulusLength });

const rsaSession = (
  key: KeyObject,
  padding: RsaSession["padding"],
  hash = "sha256",
): RsaSession => ({
  service: "akcipher",
  algorithm: "rsa",
  keyType: key.type === "private" ? "private" : "public",
  key: derOf(key),
  padding,
  hash,
});

opensslTest(
  "RSA PKCS#1 signs and verifies as another implementation does",
  (thread) => {
    const { privateKey, publicKey } = rsaKeys(1024);
    const data = randomBytes(50);
    for (
      const hash of ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"]
    ) {
      const digest = new Uint8Array(createHash(hash).update(data).digest());
      const expected = new Uint8Array(sign(hash, data, privateKey));
      const signer = thread.openSession(rsaSession(privateKey, "pkcs1", hash));
      const verifier = thread.openSession(rsaSession(publicKey, "pkcs1", hash));
      for (const layout of LAYOUTS) {
        const signed = runRequest(thread, signer, {
          kind: OperationKind.Sign,
          source: digest,
          destinationBytes: 140,
          layout,
        });
        strictEqual(signed.status, OperationStatus.Ok);
        deepStrictEqual(resultOf(signed), expected);
      }
      for (const session of [signer, verifier]) {
        strictEqual(
          verifyStatus(thread, session, expected, digest),
          OperationStatus.Ok,
        );
        const wrong = expected.slice();
        wrong[127]! ^= 1;
        strictEqual(
          verifyStatus(thread, session, wrong, digest),
          OperationStatus.KeyRejected,
        );
        const short = expected.slice(1);
        strictEqual(
          verifyStatus(thread, session, short, digest),
          OperationStatus.KeyRejected,
        );
        const other = digest.map((byte) => byte ^ 1);
        strictEqual(
          verifyStatus(thread, session, expected, other),
          OperationStatus.KeyRejected,
        );
      }
    }
  },
);

opensslTest(
  "RSA PKCS#1 encrypts and decrypts as another implementation does",
  (thread) => {
    for (const bits of [512, 1024, 2048]) {
      const { privateKey, publicKey } = rsaKeys(bits);
      const padding = constants.RSA_PKCS1_PADDING;
      const decrypter = thread.openSession(rsaSession(privateKey, "pkcs1"));
      for (const length of [0, 1, bits / 8 - 11]) {
        const message = randomBytes(length);
        for (const key of [publicKey, privateKey]) {
          const sealed = runOnce(thread, rsaSession(key, "pkcs1"), {
            kind: OperationKind.Encrypt,
            source: message,
            destinationBytes: bits / 8,
          });
          strictEqual(sealed.status, OperationStatus.Ok);
          strictEqual(sealed.writtenBytes, bits / 8);
          const opened = privateDecrypt(
            { key: privateKey, padding },
            sealed.destination,
          );
          deepStrictEqual(new Uint8Array(opened), message);
        }
        if (length === 0) continue;
        const sealed = new Uint8Array(
          publicEncrypt({ key: publicKey, padding }, message),
        );
        for (const layout of LAYOUTS) {
          const opened = runRequest(thread, decrypter, {
            kind: OperationKind.Decrypt,
            source: sealed,
            layout,
          });
          strictEqual(opened.status, OperationStatus.Ok);
          deepStrictEqual(resultOf(opened), message, layout);
        }
      }
      const tooLong = runRequest(thread, decrypter, {
        kind: OperationKind.Encrypt,
        source: randomBytes(bits / 8 - 10),
        destinationBytes: bits / 8,
      });
      strictEqual(tooLong.status, OperationStatus.Failed);
    }
  },
);

/** The number `base` to the power of the key's public exponent. */
function publicPower(key: KeyObject, base: bigint): bigint {
  const { n, e } = key.export({ format: "jwk" });
  const number = (text: string) =>
    bytesToNumber(Uint8Array.fromBase64(text, { alphabet: "base64url" }));
  const modulus = number(n!);
  let power = 1n;
  let square = base;
  for (let bits = number(e!); bits > 0n; bits >>= 1n) {
    if (bits & 1n) power = power * square % modulus;
    square = square * square % modulus;
  }
  return power;
}

opensslTest(
  "RAW RSA pads on the left and gives results as long as the key",
  (thread) => {
    const { privateKey, publicKey } = rsaKeys(1024);
    const session = thread.openSession(rsaSession(privateKey, "raw"));
    const run = (kind: OperationKind, source: Uint8Array) =>
      runRequest(thread, session, { kind, source, destinationBytes: 128 });
    for (
      const source of [fromHex("02"), randomBytes(127), new Uint8Array(128)]
    ) {
      const expected = publicPower(publicKey, bytesToNumber(source));
      const sealed = run(OperationKind.Encrypt, source);
      strictEqual(sealed.writtenBytes, 128);
      deepStrictEqual(sealed.destination, numberToBytes(expected, 128));
      const opened = run(OperationKind.Decrypt, sealed.destination);
      const padded = new Uint8Array(128);
      padded.set(source, 128 - source.length);
      deepStrictEqual(opened.destination, padded);
    }
    const tooLarge = new Uint8Array(128).fill(0xff);
    for (const kind of [OperationKind.Encrypt, OperationKind.Decrypt]) {
      strictEqual(run(kind, tooLarge).status, OperationStatus.Failed);
      strictEqual(run(kind, randomBytes(129)).status, OperationStatus.Failed);
    }
    for (const kind of [OperationKind.Sign, OperationKind.Verify]) {
      strictEqual(run(kind, fromHex("02")).status, OperationStatus.Unsupported);
    }
  },
);

opensslTest(
  "every malformed RSA padding gives one status and no bytes",
  (thread) => {
    const { privateKey, publicKey } = rsaKeys(512);
    const session = thread.openSession(rsaSession(privateKey, "pkcs1"));
    const good = new Uint8Array(64).fill(7);
    good.set([0, 2]);
    good[40] = 0;
    const change = (at: number, value: number) => {
      const changed = good.slice();
      changed[at] = value;
      return changed;
    };
    const asSignature = new Uint8Array(64);
    padForSignature(rsaHashByName("none"), randomBytes(8), asSignature);
    const run = (encoded: Uint8Array) =>
      runRequest(thread, session, {
        kind: OperationKind.Decrypt,
        source: numberToBytes(
          publicPower(publicKey, bytesToNumber(encoded)),
          64,
        ),
      });
    strictEqual(run(good).status, OperationStatus.Ok);
    for (
      const encoded of [
        change(0, 1),
        change(1, 1),
        change(40, 7),
        change(9, 0),
        asSignature,
      ]
    ) {
      const answer = run(encoded);
      strictEqual(answer.status, OperationStatus.Failed);
      strictEqual(answer.writtenBytes, 0);
    }
  },
);

opensslTest(
  "a public key neither signs nor decrypts, and results need room",
  (thread) => {
    const { privateKey, publicKey } = rsaKeys(512);
    const run = (
      key: KeyObject,
      kind: OperationKind,
      destinationBytes: number,
    ) =>
      runOnce(thread, rsaSession(key, "pkcs1", "none"), {
        kind,
        source: randomBytes(32),
        destinationBytes,
      }).status;
    strictEqual(
      run(publicKey, OperationKind.Sign, 64),
      OperationStatus.Unsupported,
    );
    strictEqual(
      run(publicKey, OperationKind.Decrypt, 64),
      OperationStatus.Unsupported,
    );
    strictEqual(
      run(privateKey, OperationKind.Sign, 63),
      OperationStatus.Failed,
    );
    strictEqual(run(privateKey, OperationKind.Sign, 64), OperationStatus.Ok);
  },
);

opensslTest("openSession() throws for broken RSA keys", (thread) => {
  const { privateKey } = rsaKeys(512);
  const session = rsaSession(privateKey, "pkcs1");
  const { key } = session;
  const broken = [
    key.slice(0, -1),
    new Uint8Array([...key, 0]),
    new Uint8Array(),
  ];
  for (const at of [4, 40, 90, 150, 250, key.length - 1]) {
    const changed = key.slice();
    changed[at]! ^= 4;
    broken.push(changed);
  }
  for (const key of broken) {
    throws(() => thread.openSession({ ...session, key }));
  }
  throws(() => thread.openSession({ ...session, keyType: "public" }));
});
