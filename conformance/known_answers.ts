/**
 * Runs the published vectors.
 *
 * @module
 */

import type { SessionDescription } from "../algorithms/session_description.ts";
import { OperationKind, OperationStatus } from "../backends/backend.ts";
import type { Examiner } from "./examiner.ts";
import { CONTIGUOUS, type Layout, type Request } from "./operations.ts";
import { AEAD_ANSWERS } from "./vectors/aead.ts";
import { AES_ANSWERS } from "./vectors/aes.ts";
import { HASH_ANSWERS } from "./vectors/hash.ts";
import type { KnownAnswer } from "./vectors/known_answer.ts";
import { MAC_ANSWERS } from "./vectors/mac.ts";
import { MORE_CIPHER_ANSWERS } from "./vectors/more_ciphers.ts";

const EMPTY = new Uint8Array(0);

/** All symmetric known answers. */
export const KNOWN_ANSWERS: readonly KnownAnswer[] = [
  ...AES_ANSWERS,
  ...MORE_CIPHER_ANSWERS,
  ...HASH_ANSWERS,
  ...MAC_ANSWERS,
  ...AEAD_ANSWERS,
];

const LAYOUTS: readonly Layout[] = [
  CONTIGUOUS,
  { pieces: "random", arrangement: "apart" },
  { pieces: "whole", arrangement: "in-place" },
];

function runForward(examiner: Examiner, answer: KnownAnswer): void {
  const { session: description, source, standard } = answer;
  const isDigest = description.service === "hash" ||
    description.service === "mac";
  const destination = answer.destination ?? EMPTY;
  const digest = answer.digest ?? EMPTY;
  const request: Request = {
    kind: isDigest ? OperationKind.Digest : OperationKind.Encrypt,
    iv: answer.iv ?? EMPTY,
    source,
    additionalData: answer.additionalData ?? EMPTY,
    destinationBytes: destination.length,
    digestBytes: digest.length,
  };
  const expected = { status: OperationStatus.Ok, destination, digest };
  examiner.withSession(description, (session) => {
    for (const layout of LAYOUTS) {
      const check = standard;
      examiner.run({ check, description, session, request, layout, expected });
    }
  });
}

function runBackward(examiner: Examiner, answer: KnownAnswer): void {
  if (!answer.destination || !("direction" in answer.session)) return;
  const description: SessionDescription = {
    ...answer.session,
    direction: "decrypt",
  };
  const base: Request = {
    kind: OperationKind.Decrypt,
    iv: answer.iv ?? EMPTY,
    source: answer.destination,
    additionalData: answer.additionalData ?? EMPTY,
    destinationBytes: answer.source.length,
    digestBytes: answer.digest?.length ?? 0,
  };
  const request = answer.digest ? { ...base, tag: answer.digest } : base;
  const expected = {
    status: OperationStatus.Ok,
    destination: answer.source,
    digest: EMPTY,
  };
  examiner.withSession(description, (session) => {
    for (const layout of LAYOUTS) {
      const check = `${answer.standard}, backwards`;
      examiner.run({ check, description, session, request, layout, expected });
    }
  });
}

/** Runs the answers of one algorithm whose key lengths are offered. */
export function checkKnownAnswers(
  examiner: Examiner,
  algorithm: string,
  offersKey: (keyBytes: number) => boolean,
): void {
  for (const answer of KNOWN_ANSWERS) {
    const { session } = answer;
    if (session.service === "chain") continue;
    if (`${session.service}.${session.algorithm}` !== algorithm) continue;
    if ("key" in session && !offersKey(session.key.length)) continue;
    runForward(examiner, answer);
    runBackward(examiner, answer);
  }
}
