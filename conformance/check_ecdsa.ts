/**
 * Checks of ECDSA on every NIST curve (FIPS 186-4 §6).
 *
 * @module
 */

import { toHex } from "../algorithms/hex.ts";
import type { EcdsaSession } from "../algorithms/session_description.ts";
import { OperationKind, OperationStatus } from "../backends/backend.ts";
import {
  checkBrokenKeys,
  type Party,
  runFreely,
  runToFailure,
  runToRefusal,
  runVerify,
  withParty,
} from "./akcipher_party.ts";
import type { Examiner } from "./examiner.ts";
import { brokenEcPrivateKeys, brokenPoints } from "./broken_keys.ts";
import { concatenate } from "./plain/block_cipher.ts";
import {
  BIT_STRING,
  element,
  integerElement,
  OCTET_STRING,
  SEQUENCE,
} from "./plain/der.ts";
import { plainHash } from "./plain/digests.ts";
import { readEcdsaKey, verify } from "./plain/ecdsa.ts";
import {
  ECDSA_ANSWERS,
  ECDSA_MESSAGE,
  type EcdsaAnswer,
} from "./vectors/ecdsa.ts";

const DIGEST_BYTES: Readonly<Record<string, number>> = {
  sha1: 20,
  sha256: 32,
  sha512: 64,
};

/** Context tags of ECPrivateKey's optional fields (RFC 5915 §3). */
const PUBLIC_KEY_FIELD = 0xa1;

const describe = (
  answer: EcdsaAnswer,
  keyType: EcdsaSession["keyType"],
  key: Uint8Array,
): EcdsaSession => ({
  service: "akcipher",
  algorithm: "ecdsa",
  keyType,
  key,
  curve: answer.curve,
});

/** ECPrivateKey without its optional fields, or with the public key. */
function privateKey(answer: EcdsaAnswer, withPublicKey: boolean): Uint8Array {
  const point = element(
    BIT_STRING,
    Uint8Array.of(0),
    answer.publicKey,
  );
  return element(
    SEQUENCE,
    integerElement(1n),
    element(OCTET_STRING, answer.privateKey),
    withPublicKey ? element(PUBLIC_KEY_FIELD, point) : new Uint8Array(0),
  );
}

const signatureOf = (r: bigint, s: bigint) =>
  element(SEQUENCE, integerElement(r), integerElement(s));
const integer = (figures: string) =>
  BigInt(`0x${figures.replaceAll(/\s/g, "")}`);

/** SEC 1 §2.3.3: the x coordinate and the parity of y. */
function compressed(point: Uint8Array): Uint8Array {
  const half = (point.length - 1) / 2;
  const parity = 2 + (point[point.length - 1]! & 1);
  return concatenate(Uint8Array.of(parity), point.subarray(1, 1 + half));
}

function checkKnownSignatures(party: Party, answer: EcdsaAnswer): void {
  for (const { hash, r, s } of answer.signatures) {
    const digest = plainHash(hash, ECDSA_MESSAGE, DIGEST_BYTES[hash]!)!;
    const signature = signatureOf(integer(r), integer(s));
    runVerify(party, `${answer.standard}, ${hash}`, signature, digest);
  }
}

/** Signatures that are not, all of which must be rejected. */
function checkRejections(party: Party, answer: EcdsaAnswer): void {
  const [first] = answer.signatures;
  const [r, s] = [integer(first!.r), integer(first!.s)];
  const { n } = readEcdsaKey(
    describe(answer, "public", answer.publicKey),
  ).parameters;
  const digest = plainHash(first!.hash, ECDSA_MESSAGE, 20)!;
  const good = signatureOf(r, s);
  const other = digest.slice();
  other[0]! ^= 1;
  const rejected: [string, Uint8Array, Uint8Array?][] = [
    ["other digest", good, other],
    ["other s", signatureOf(r, s ^ 1n)],
    ["other r", signatureOf(r ^ 1n, s)],
    ["r and s exchanged", signatureOf(s, r)],
    ["r = 0", signatureOf(0n, s)],
    ["s = 0", signatureOf(r, 0n)],
    ["r = s = 0", signatureOf(0n, 0n)],
    ["r above the order", signatureOf(r + n, s)],
    ["s above the order", signatureOf(r, s + n)],
    ["a number missing", element(SEQUENCE, integerElement(r))],
    ["a byte after it", concatenate(good, Uint8Array.of(0))],
    ["its last byte missing", good.subarray(0, good.length - 1)],
    ["nothing", new Uint8Array(0)],
    ["no encoding at all", new Uint8Array(good.length).fill(0xff)],
  ];
  for (const [what, signature, data = digest] of rejected) {
    const check = `${answer.curve} verify, ${what}`;
    const status = OperationStatus.KeyRejected;
    runVerify(party, check, signature, data, status);
  }
}

/** Signing is random: the kit and the backend verify what comes out. */
function checkSigning(signer: Party, verifier: Party, answer: EcdsaAnswer) {
  const { examiner } = signer;
  const key = readEcdsaKey(describe(answer, "public", answer.publicKey));
  const roomBytes = 2 * answer.privateKey.length + 9;
  const outputs = new Set<string>();
  // Shorter than the order, equal and longer: the leftmost bits count.
  for (const digestBytes of [20, 32, 48, 64, 64]) {
    const digest = examiner.random.bytes(digestBytes);
    const check = `${answer.curve} sign, digest of ${digestBytes}`;
    const output = runFreely(
      signer,
      check,
      OperationKind.Sign,
      digest,
      roomBytes,
    );
    const signature = output?.destination ?? new Uint8Array(0);
    outputs.add(toHex(signature));
    examiner.assert(
      output?.status === OperationStatus.Ok && verify(key, digest, signature),
      check,
      "a signature",
      `status ${output?.status} and ${toHex(signature)}`,
    );
    runVerify(verifier, `${check}, then verify`, signature, digest);
    runVerify(signer, `${check}, then verify with it`, signature, digest);
  }
  examiner.assert(
    outputs.size === 5,
    `${answer.curve} signatures`,
    "5 different ones",
    `${outputs.size}`,
  );
  const check = `${answer.curve} sign, destination too small`;
  runToFailure(signer, check, OperationKind.Sign, new Uint8Array(32), 8);
}

function checkCurve(examiner: Examiner, answer: EcdsaAnswer): void {
  const open = (
    keyType: EcdsaSession["keyType"],
    key: Uint8Array,
    use: (party: Party) => void,
  ) => withParty(examiner, describe(answer, keyType, key), use);
  open("public", answer.publicKey, (verifier) => {
    checkKnownSignatures(verifier, answer);
    checkRejections(verifier, answer);
    const check = `${answer.curve}, signing with a public key`;
    const digest = new Uint8Array(32);
    runToRefusal(verifier, check, OperationKind.Sign, digest, 150);
    for (const withPublicKey of [false, true]) {
      open("private", privateKey(answer, withPublicKey), (signer) => {
        checkSigning(signer, verifier, answer);
        checkKnownSignatures(signer, answer);
      });
    }
  });
  open("public", compressed(answer.publicKey), (verifier) => {
    checkKnownSignatures(verifier, answer);
  });
}

/** All checks of ECDSA. */
export function checkEcdsa(examiner: Examiner): void {
  for (const answer of ECDSA_ANSWERS) {
    checkCurve(examiner, answer);
    checkBrokenKeys(
      examiner,
      describe(answer, "public", answer.publicKey),
      brokenPoints(answer.publicKey),
    );
  }
  const p256 = ECDSA_ANSWERS.find(({ curve }) => curve === "p256")!;
  const good = privateKey(p256, true);
  checkBrokenKeys(
    examiner,
    describe(p256, "private", good),
    brokenEcPrivateKeys(good),
  );
}
