/**
 * Checks of RSA keys of more than two primes (RFC 8017 §A.1.2): a backend says
 * in its offer how many it takes, and refuses more.
 *
 * @module
 */

import type { RsaSession } from "../algorithms/session_description.ts";
import { OperationKind } from "../backends/backend.ts";
import {
  checkBrokenKeys,
  runExactly,
  runToFailure,
  runVerify,
  withParty,
} from "./akcipher_party.ts";
import type { Examiner } from "./examiner.ts";
import type { BrokenKey } from "./broken_keys.ts";
import {
  element,
  INTEGER,
  integerElement,
  readSequence,
  SEQUENCE,
  toBytes,
  toInteger,
} from "./plain/der.ts";
import { plainHash } from "./plain/digests.ts";
import { publicTransform, readRsaKey } from "./plain/rsa.ts";
import {
  MULTI_PRIME_ANSWERS,
  type MultiPrimeAnswer,
} from "./vectors/multi_prime_rsa.ts";
import { RSA_MESSAGE } from "./vectors/rsa.ts";

const describe = (
  answer: Pick<MultiPrimeAnswer, "publicKey" | "privateKey">,
  keyType: RsaSession["keyType"],
  padding: RsaSession["padding"],
): RsaSession => ({
  service: "akcipher",
  algorithm: "rsa",
  keyType,
  key: keyType === "public" ? answer.publicKey : answer.privateKey,
  padding,
  hash: padding === "raw" ? "none" : "sha256",
});

/** Elements 0 … 8 are numbers, the last one has the other primes. */
const VERSION = 0;
const PRIVATE_EXPONENT = 3;
const OTHER_PRIMES = 9;

/** Broken keys made from a good one. */
function brokenKeys(key: Uint8Array): BrokenKey[] {
  const elements = readSequence(key)
    .map(({ tag, content }) => element(tag, content));
  const withElement = (at: number, replacement: Uint8Array) =>
    element(SEQUENCE, ...elements.with(at, replacement));
  const exponent = toInteger(readSequence(key)[PRIVATE_EXPONENT]!.content);
  const others = readSequence(elements[OTHER_PRIMES]!);
  const [prime, primeExponent] = readSequence(
    element(SEQUENCE, others[0]!.content),
  ).map(({ content }) => element(INTEGER, content));
  return [
    [
      "another private exponent and prime",
      element(
        SEQUENCE,
        ...elements
          .with(PRIVATE_EXPONENT, integerElement(exponent + 2n))
          .with(4, integerElement(65537n)),
      ),
    ],
    ["no list of other primes", element(SEQUENCE, ...elements.slice(0, -1))],
    ["no other prime", withElement(OTHER_PRIMES, element(SEQUENCE))],
    ["version 0", withElement(VERSION, integerElement(0n))],
    ["version 2", withElement(VERSION, integerElement(2n))],
    [
      "an other prime of two numbers",
      withElement(
        OTHER_PRIMES,
        element(SEQUENCE, element(SEQUENCE, prime!, primeExponent!)),
      ),
    ],
    [
      "something after the other primes",
      element(SEQUENCE, ...elements, integerElement(1n)),
    ],
    ["its last byte missing", key.subarray(0, key.length - 1)],
  ];
}

function checkAnswer(examiner: Examiner, answer: MultiPrimeAnswer): void {
  const { sha256Signature: signature } = answer;
  const name = `RSA-${answer.bits} of ${answer.primes} primes`;
  const digest = plainHash("sha256", RSA_MESSAGE, 32)!;
  const open = readRsaKey({ key: answer.publicKey, keyType: "public" });
  withParty(examiner, describe(answer, "private", "pkcs1"), (party) => {
    runExactly(party, name, OperationKind.Sign, digest, signature);
    runVerify(party, name, signature, digest);
  });
  withParty(examiner, describe(answer, "public", "pkcs1"), (party) => {
    runVerify(party, `${name}, public key`, signature, digest);
  });
  withParty(examiner, describe(answer, "private", "raw"), (party) => {
    const data = examiner.random.bytes(open.modulusBytes).with(0, 0);
    const hidden = publicTransform(open, data)!;
    runExactly(party, `${name} raw`, OperationKind.Encrypt, data, hidden);
    runExactly(party, `${name} raw`, OperationKind.Decrypt, hidden, data);
    const beyond = toBytes(open.modulus, open.modulusBytes);
    runToFailure(
      party,
      `${name} raw, a number not below the modulus`,
      OperationKind.Decrypt,
      beyond,
      open.modulusBytes,
    );
  });
  checkBrokenKeys(
    examiner,
    describe(answer, "private", "raw"),
    brokenKeys(answer.privateKey),
  );
}

/** All checks of a backend that takes private keys of `mostPrimes` primes. */
export function checkMultiPrime(examiner: Examiner, mostPrimes: number): void {
  for (const answer of MULTI_PRIME_ANSWERS) {
    if (answer.primes <= mostPrimes) checkAnswer(examiner, answer);
    else {
      checkBrokenKeys(examiner, describe(answer, "private", "raw"), [
        [`${answer.primes} primes, not offered`, answer.privateKey],
      ]);
    }
  }
}
