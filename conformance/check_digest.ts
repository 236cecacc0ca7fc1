/**
 * Checks of hashes and message authentication codes: every length, cut and
 * result length.
 *
 * @module
 */

import type { HashAlgorithm, MacAlgorithm } from "../algorithms/catalogue.ts";
import type {
  HashSession,
  MacSession,
} from "../algorithms/session_description.ts";
import { OperationKind } from "../backends/backend.ts";
import type { Examiner } from "./examiner.ts";
import {
  type DataRule,
  randomLayout,
  smallLengths,
  someLargeLengths,
} from "./lengths.ts";
import type { Layout } from "./operations.ts";

/** What the data of a code must be. */
export function macDataRule(algorithm: MacAlgorithm): DataRule {
  // CBC-MAC has no padding of its own: whole blocks, at least one.
  return algorithm.name === "cbcmac-aes"
    ? { blockBytes: 16, minimumBytes: 16, mayBeEmpty: false }
    : { blockBytes: 1, minimumBytes: algorithm.ivBytes, mayBeEmpty: false };
}

function digestOnce(
  examiner: Examiner,
  description: HashSession | MacSession,
  check: string,
  lengths: readonly number[],
  chooseLayout: (lengthBytes: number) => Layout,
): void {
  examiner.withSession(description, (session) => {
    for (const lengthBytes of lengths) {
      const request = {
        kind: OperationKind.Digest,
        source: examiner.random.bytes(lengthBytes),
        destinationBytes: 0,
        digestBytes: description.resultBytes,
      };
      const layout = chooseLayout(lengthBytes);
      examiner.run({ check, description, session, request, layout });
    }
  });
}

function checkLengths(
  examiner: Examiner,
  description: HashSession | MacSession,
  rule: DataRule,
  isFirstKey = true,
): void {
  const check = "against a second opinion";
  const small = smallLengths(rule);
  const short = small.filter((lengthBytes) => lengthBytes <= 257);
  const choose = (lengthBytes: number) =>
    randomLayout(examiner.random, lengthBytes);
  digestOnce(examiner, description, check, small, choose);
  digestOnce(
    examiner,
    description,
    check,
    someLargeLengths(examiner.random, rule, isFirstKey),
    choose,
  );
  digestOnce(examiner, description, check, short, () => ({
    pieces: "single-bytes",
    arrangement: "apart",
  }));
}

function checkResults(
  examiner: Examiner,
  description: HashSession | MacSession,
  resultLengths: readonly number[],
): void {
  for (const resultBytes of resultLengths) {
    digestOnce(
      examiner,
      { ...description, resultBytes },
      "first bytes of the result",
      [48, 144],
      () => ({
        pieces: resultBytes <= 300 ? "single-bytes" : "random",
        arrangement: "apart",
      }),
    );
  }
}

/** All checks of a hash. */
export function checkHash(examiner: Examiner, algorithm: HashAlgorithm): void {
  const { name, digestBytes, maximumResultBytes, blockBytes } = algorithm;
  const description: HashSession = {
    service: "hash",
    algorithm: name,
    resultBytes: digestBytes,
  };
  const rule = { blockBytes: 1, minimumBytes: 0, mayBeEmpty: true };
  checkLengths(examiner, description, rule);
  const extended = [blockBytes - 1, blockBytes, blockBytes + 1, 1000];
  checkResults(examiner, description, [
    1,
    digestBytes - 1,
    ...(maximumResultBytes > digestBytes
      ? [...extended, maximumResultBytes]
      : []),
  ]);
}

/** All checks of a code with keys of `keyLengths`. */
export function checkMac(
  examiner: Examiner,
  algorithm: MacAlgorithm,
  keyLengths: readonly number[],
): void {
  const { name, digestBytes } = algorithm;
  for (const keyBytes of keyLengths) {
    const description: MacSession = {
      service: "mac",
      algorithm: name,
      key: examiner.random.bytes(keyBytes),
      resultBytes: digestBytes,
    };
    const isFirstKey = keyBytes === keyLengths[0];
    checkLengths(examiner, description, macDataRule(algorithm), isFirstKey);
    checkResults(examiner, description, [1, digestBytes - 1]);
  }
}
