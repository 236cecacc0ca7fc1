import { strictEqual, throws } from "node:assert/strict";
import { createHash, generateKeyPairSync, sign, verify } from "node:crypto";
import { decodeEcdsaSignature } from "../../algorithms/ec_key.ts";
import type { EcdsaSession } from "../../algorithms/session_description.ts";
import { OperationKind, OperationStatus } from "../backend.ts";
import {
  fromHex,
  LAYOUTS,
  opensslTest,
  randomBytes,
  resultOf,
  runRequest,
  verifyStatus,
} from "../../testing/openssl_requests.ts";

const NODE_CURVES = [
  ["p224", "secp224r1"],
  ["p256", "prime256v1"],
  ["p384", "secp384r1"],
  ["p521", "secp521r1"],
] as const;

const ecSession = (
  curve: EcdsaSession["curve"],
  keyType: EcdsaSession["keyType"],
  key: Uint8Array,
): EcdsaSession => ({
  service: "akcipher",
  algorithm: "ecdsa",
  curve,
  keyType,
  key,
});

/** The DER of ECPrivateKey without its optional parts (RFC 5915 §3). */
function minimalEcKey(scalar: Uint8Array): Uint8Array {
  return Uint8Array.of(
    0x30,
    scalar.length + 5,
    2,
    1,
    1,
    4,
    scalar.length,
    ...scalar,
  );
}

/** A new key pair, as the other implementation has it and as sessions take it. */
function generateKeys(
  curve: (typeof NODE_CURVES)[number][0],
  namedCurve: string,
) {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve });
  const der = new Uint8Array(
    privateKey.export({ format: "der", type: "sec1" }),
  );
  const spki = new Uint8Array(
    publicKey.export({ format: "der", type: "spki" }),
  );
  const fieldBytes = { p224: 28, p256: 32, p384: 48, p521: 66 }[curve];
  const point = spki.slice(-(2 * fieldBytes + 1));
  const compressed = Uint8Array.of(
    2 + (point.at(-1)! & 1),
    ...point.slice(1, fieldBytes + 1),
  );
  return { privateKey, publicKey, der, point, compressed };
}

for (const [curve, nodeName] of NODE_CURVES) {
  opensslTest(
    `ECDSA ${curve} signs and verifies as another implementation does`,
    (thread) => {
      const keys = generateKeys(curve, nodeName);
      const { privateKey, publicKey, der, point, compressed } = keys;
      const signer = thread.openSession(ecSession(curve, "private", der));
      const verifier = thread.openSession(ecSession(curve, "public", point));
      const compressedVerifier = thread.openSession(
        ecSession(curve, "public", compressed),
      );
      const data = randomBytes(100);
      const digest = new Uint8Array(createHash("sha512").update(data).digest());
      for (const layout of LAYOUTS) {
        const signed = runRequest(thread, signer, {
          kind: OperationKind.Sign,
          source: digest,
          destinationBytes: 150,
          layout,
        });
        strictEqual(signed.status, OperationStatus.Ok);
        decodeEcdsaSignature(resultOf(signed));
        strictEqual(verify("sha512", data, publicKey, resultOf(signed)), true);
      }
      const theirs = new Uint8Array(sign("sha512", data, privateKey));
      for (const session of [signer, verifier, compressedVerifier]) {
        strictEqual(
          verifyStatus(thread, session, theirs, digest),
          OperationStatus.Ok,
        );
        const other = digest.map((byte) => byte ^ 1);
        strictEqual(
          verifyStatus(thread, session, theirs, other),
          OperationStatus.KeyRejected,
        );
        const cut = theirs.slice(0, -1);
        strictEqual(
          verifyStatus(thread, session, cut, digest),
          OperationStatus.KeyRejected,
        );
        strictEqual(
          verifyStatus(thread, session, new Uint8Array(), digest),
          OperationStatus.KeyRejected,
        );
      }
      const refused = runRequest(thread, verifier, {
        kind: OperationKind.Sign,
        source: digest,
      });
      strictEqual(refused.status, OperationStatus.Unsupported);
      const small = runRequest(thread, signer, {
        kind: OperationKind.Sign,
        source: digest,
        destinationBytes: 20,
      });
      strictEqual(small.status, OperationStatus.Failed);
    },
  );
}

const P192_SCALAR = "6fab034934e4c0fc9ae67f5b5659a9d7d1fefd187ee09fd4";
const P192_POINT = "04ac2c77f529f91689fea0ea5efec7f210d8eea0b9e047ed56" +
  "3bc723e57670bd4887ebc732c523063d0a7c957bc97c1c43";

opensslTest(
  "ECDSA p192 verifies the signature of RFC 6979 §A.2.3",
  (thread) => {
    const digest = new Uint8Array(
      createHash("sha256").update("sample").digest(),
    );
    const signature = fromHex(
      "303502184b0b8ce98a92866a2820e20aa6b75b56382e0f9bfd5ecb55" +
        "021900ccdb006926ea9565cbadc840829d8c384e06de1f1e381b85",
    );
    const pair = thread.openSession(
      ecSession("p192", "private", minimalEcKey(fromHex(P192_SCALAR))),
    );
    const point = thread.openSession(
      ecSession("p192", "public", fromHex(P192_POINT)),
    );
    const own = runRequest(thread, pair, {
      kind: OperationKind.Sign,
      source: digest,
      destinationBytes: 64,
    });
    for (const session of [pair, point]) {
      for (const source of [signature, resultOf(own)]) {
        const answer = verifyStatus(thread, session, source, digest);
        strictEqual(answer, OperationStatus.Ok);
      }
    }
  },
);

opensslTest("openSession() throws for EC keys that are none", (thread) => {
  const open = (keyType: "public" | "private", key: Uint8Array) => () =>
    thread.openSession(ecSession("p192", keyType, key));
  const point = fromHex(P192_POINT);
  point[48]! ^= 1;
  throws(open("public", point));
  throws(open("public", Uint8Array.of(0)));
  throws(open("private", minimalEcKey(new Uint8Array(24))));
  throws(open("private", minimalEcKey(new Uint8Array(24).fill(0xff))));
  const order = fromHex("ffffffffffffffffffffffff99def836146bc9b1b4d22831");
  throws(open("private", minimalEcKey(order)));
  order[23]!--;
  open("private", minimalEcKey(order))();
});
