/**
 * Checks of RSA, raw and with PKCS#1 v1.5 padding (RFC 8017).
 *
 * @module
 */

import { toHex } from "../algorithms/hex.ts";
import { type KeyType, RSA_HASHES } from "../algorithms/public_key.ts";
import type { RsaSession } from "../algorithms/session_description.ts";
import { OperationKind, OperationStatus } from "../backends/backend.ts";
import {
  checkBrokenKeys,
  type Party,
  runExactly,
  runFreely,
  runToFailure,
  runToRefusal,
  runVerify,
  withParty,
} from "./akcipher_party.ts";
import type { Examiner } from "./examiner.ts";
import { brokenRsaPrivateKeys, brokenRsaPublicKeys } from "./broken_keys.ts";
import { toBytes } from "./plain/der.ts";
import { plainHash } from "./plain/digests.ts";
import {
  digestInfo,
  padBlock,
  privateTransform,
  publicTransform,
  readRsaKey,
  type RsaKey,
  unpadBlock,
} from "./plain/rsa.ts";
import { RSA_ANSWERS, RSA_MESSAGE, type RsaAnswer } from "./vectors/rsa.ts";

const KEY_TYPES: readonly KeyType[] = ["public", "private"];

const describe = (
  answer: RsaAnswer,
  keyType: KeyType,
  padding: RsaSession["padding"],
  hash = "none",
): RsaSession => ({
  service: "akcipher",
  algorithm: "rsa",
  keyType,
  key: keyType === "public" ? answer.publicKey : answer.privateKey,
  padding,
  hash,
});

const privateKeyOf = (answer: RsaAnswer): RsaKey =>
  readRsaKey({ key: answer.privateKey, keyType: "private" });

function flip(bytes: Uint8Array, at: number): Uint8Array {
  const changed = bytes.slice();
  changed[at]! ^= 1;
  return changed;
}

/** Values of every length, with and without leading zeros. */
function rawSources(examiner: Examiner, key: RsaKey): Uint8Array[] {
  const { modulusBytes, modulus } = key;
  const filled = examiner.random.bytes(modulusBytes);
  filled[0] = 0;
  return [
    Uint8Array.of(0),
    Uint8Array.of(1),
    Uint8Array.of(0, 0, 7),
    examiner.random.bytes(8),
    examiner.random.bytes(modulusBytes - 1),
    filled,
    toBytes(modulus - 1n, modulusBytes),
  ];
}

/** Numbers below the modulus and not below it, by the operations of the key. */
function checkRawNumbers(
  party: Party,
  name: string,
  key: RsaKey,
  keyType: KeyType,
): void {
  const { modulusBytes, modulus } = key;
  const tooLarge = [modulus, modulus + 1n, 2n ** BigInt(8 * modulusBytes) - 1n];
  for (const source of rawSources(party.examiner, key)) {
    const encrypted = publicTransform(key, source)!;
    const decrypted = privateTransform(key, source)!;
    const check = `${name} of ${source.length} bytes`;
    runExactly(party, check, OperationKind.Encrypt, source, encrypted);
    runExactly(
      party,
      check,
      OperationKind.Encrypt,
      source,
      encrypted,
      modulusBytes + 9,
    );
    if (keyType === "public") continue;
    runExactly(party, check, OperationKind.Decrypt, source, decrypted);
  }
  for (const value of tooLarge) {
    const source = toBytes(value, modulusBytes);
    const check = `${name} of a number not below the modulus`;
    runToFailure(party, check, OperationKind.Encrypt, source, modulusBytes);
    if (keyType === "public") continue;
    runToFailure(party, check, OperationKind.Decrypt, source, modulusBytes);
  }
}

function checkRaw(examiner: Examiner, answer: RsaAnswer): void {
  const key = privateKeyOf(answer);
  const { modulusBytes } = key;
  const name = `RSA-${answer.bits} raw`;
  for (const keyType of KEY_TYPES) {
    withParty(examiner, describe(answer, keyType, "raw"), (party) => {
      checkRawNumbers(party, name, key, keyType);
      const small = Uint8Array.of(5);
      const check = `${name}, destination too small`;
      runToFailure(
        party,
        check,
        OperationKind.Encrypt,
        small,
        modulusBytes - 1,
      );
    });
  }
  withParty(examiner, describe(answer, "public", "raw"), (party) => {
    const check = `${name}, decryption with a public key`;
    runToRefusal(
      party,
      check,
      OperationKind.Decrypt,
      Uint8Array.of(5),
      modulusBytes,
    );
  });
}

/** Each plaintext block that PKCS#1 v1.5 does not allow (§7.2.2 step 3). */
function wrongBlocks(key: RsaKey): [string, Uint8Array][] {
  const good = padBlock(key, 2, new Uint8Array(4).fill(7))!;
  const noEnd = good.map((byte, i) => i >= 2 && byte === 0 ? 1 : byte);
  const shortFilling = good.slice();
  shortFilling[2 + 7] = 0;
  return [
    ["first byte 1", flip(good, 0)],
    ["block type 1", padBlock(key, 1, new Uint8Array(4))!],
    ["block type 3", flip(good, 1)],
    ["no end of the filling", noEnd],
    ["7 bytes of filling", shortFilling],
    ["no filling", good.map((byte, i) => i === 2 ? 0 : byte)],
    ["zeros", new Uint8Array(good.length)],
  ];
}

function checkPadded(examiner: Examiner, answer: RsaAnswer): void {
  const key = privateKeyOf(answer);
  const { modulusBytes } = key;
  const name = `RSA-${answer.bits} PKCS#1`;
  const longest = modulusBytes - 11;
  for (const keyType of KEY_TYPES) {
    withParty(examiner, describe(answer, keyType, "pkcs1"), (party) => {
      for (const lengthBytes of [0, 1, 20, longest]) {
        checkPaddedEncryption(party, name, key, lengthBytes);
      }
      const check = `${name}, data too long`;
      const source = examiner.random.bytes(longest + 1);
      runToFailure(party, check, OperationKind.Encrypt, source, modulusBytes);
    });
  }
  withParty(examiner, describe(answer, "private", "pkcs1"), (party) => {
    for (const lengthBytes of [0, 1, 20, longest]) {
      const data = examiner.random.bytes(lengthBytes);
      const source = publicTransform(key, padBlock(key, 2, data)!)!;
      const check = `${name} of ${lengthBytes} bytes`;
      runExactly(
        party,
        check,
        OperationKind.Decrypt,
        source,
        data,
        modulusBytes,
      );
      runExactly(party, check, OperationKind.Decrypt, source, data);
    }
    for (const [what, block] of wrongBlocks(key)) {
      const source = publicTransform(key, block);
      if (!source) continue;
      runToFailure(
        party,
        `${name}, ${what}`,
        OperationKind.Decrypt,
        source,
        modulusBytes,
      );
    }
  });
}

const hexOf = (bytes: Uint8Array | undefined): string | undefined =>
  bytes && toHex(bytes);

/** Encryption is random: what comes out must decrypt to what went in. */
function checkPaddedEncryption(
  party: Party,
  name: string,
  key: RsaKey,
  lengthBytes: number,
): void {
  const { examiner } = party;
  const source = examiner.random.bytes(lengthBytes);
  const check = `${name} encryption of ${lengthBytes} bytes`;
  const outputs = [0, 1].map(() =>
    runFreely(party, check, OperationKind.Encrypt, source, key.modulusBytes + 3)
  );
  for (const output of outputs) {
    const block = output && privateTransform(key, output.destination);
    examiner.assert(
      output?.status === OperationStatus.Ok &&
        output.destination.length === key.modulusBytes &&
        hexOf(unpadBlock(block!)) === toHex(source),
      check,
      `${key.modulusBytes} bytes that decrypt to the data`,
      `status ${output?.status}, ${output?.destination.length} bytes`,
    );
  }
  examiner.assert(
    hexOf(outputs[0]?.destination) !== hexOf(outputs[1]?.destination),
    `${check} twice`,
    "different ciphertexts",
    "the same",
  );
}

function checkHashSignatures(
  examiner: Examiner,
  answer: RsaAnswer,
  hash: (typeof RSA_HASHES)[number],
): void {
  const key = privateKeyOf(answer);
  const { modulusBytes } = key;
  const name = `RSA-${answer.bits} PKCS#1 ${hash.name}`;
  const data = examiner.random.bytes(hash.digestBytes || 35);
  const block = padBlock(key, 1, digestInfo(hash.name, data)!);
  withParty(
    examiner,
    describe(answer, "private", "pkcs1", hash.name),
    (signer) => {
      if (!block) {
        runToFailure(
          signer,
          `${name}, too long`,
          OperationKind.Sign,
          data,
          modulusBytes,
        );
        return;
      }
      const signature = privateTransform(key, block)!;
      checkSigning(signer, name, signature, data);
      if (hash.digestBytes > 0) {
        const longer = examiner.random.bytes(hash.digestBytes + 1);
        const check = `${name}, digest of ${longer.length} bytes`;
        runToFailure(signer, check, OperationKind.Sign, longer, modulusBytes);
      }
      withParty(
        examiner,
        describe(answer, "public", "pkcs1", hash.name),
        (verifier) => checkVerification(verifier, name, hash, signature, data),
      );
    },
  );
}

function checkSigning(
  party: Party,
  name: string,
  signature: Uint8Array,
  data: Uint8Array,
): void {
  const check = `${name} sign`;
  const roomBytes = signature.length + 5;
  runExactly(party, check, OperationKind.Sign, data, signature);
  runExactly(party, check, OperationKind.Sign, data, signature, roomBytes);
  runVerify(party, `${name} verify with a private key`, signature, data);
}

function checkVerification(
  party: Party,
  name: string,
  hash: (typeof RSA_HASHES)[number],
  signature: Uint8Array,
  data: Uint8Array,
): void {
  const reject = (what: string, forged: Uint8Array, signed = data) =>
    runVerify(
      party,
      `${name} verify, ${what}`,
      forged,
      signed,
      OperationStatus.KeyRejected,
    );
  const last = signature.length - 1;
  runVerify(party, `${name} verify`, signature, data);
  reject("wrong last byte", flip(signature, last));
  reject("wrong first byte", flip(signature, 0));
  reject("other data", signature, flip(data, 0));
  reject("signature cut short", signature.subarray(0, last));
  reject("no signature", new Uint8Array(0));
  reject("signature of zeros", new Uint8Array(signature.length));
  reject("signature of ones", new Uint8Array(signature.length).fill(0xff));
  // No signature verifies for data that has no encoding, the number 0 least.
  const zeros = new Uint8Array(signature.length);
  const tooLong = new Uint8Array(signature.length - 10).fill(1);
  reject("data that does not fit", zeros, tooLong);
  reject("no data", signature, new Uint8Array(0));
  if (hash.digestBytes > 0) {
    for (const lengthBytes of [0, hash.digestBytes - 1, hash.digestBytes + 1]) {
      const digest = new Uint8Array(lengthBytes);
      reject(`signature 0 of a digest of ${lengthBytes} bytes`, zeros, digest);
    }
  }
  const longer = new Uint8Array(signature.length + 1);
  longer.set(signature, 1);
  reject("signature with a leading zero", longer);
}

function checkKnownSignatures(examiner: Examiner, answer: RsaAnswer): void {
  for (const hash of ["sha1", "sha256"] as const) {
    const data = plainHash(hash, RSA_MESSAGE, hash === "sha1" ? 20 : 32)!;
    const signature = answer[`${hash}Signature`];
    const check = `known RSA-${answer.bits} signature, ${hash}`;
    withParty(examiner, describe(answer, "private", "pkcs1", hash), (party) => {
      runExactly(party, check, OperationKind.Sign, data, signature);
    });
    withParty(examiner, describe(answer, "public", "pkcs1", hash), (party) => {
      runVerify(party, check, signature, data);
      const check2 = `${check}, signing with a public key`;
      runToRefusal(party, check2, OperationKind.Sign, data, signature.length);
    });
  }
}

/** All checks of RSA. */
export function checkRsa(examiner: Examiner): void {
  const good = RSA_ANSWERS.find(({ bits }) => bits === 1024)!;
  checkBrokenKeys(
    examiner,
    describe(good, "public", "raw"),
    brokenRsaPublicKeys(good.publicKey),
  );
  checkBrokenKeys(
    examiner,
    describe(good, "private", "pkcs1", "sha256"),
    brokenRsaPrivateKeys(good.privateKey),
  );
  for (const answer of RSA_ANSWERS) {
    checkKnownSignatures(examiner, answer);
    // Private operations of the kit's own are slow for long keys.
    if (answer.bits > 2048) continue;
    checkRaw(examiner, answer);
    checkPadded(examiner, answer);
    for (const hash of RSA_HASHES) checkHashSignatures(examiner, answer, hash);
  }
}
