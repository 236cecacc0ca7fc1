/**
 * Checks of algorithm chaining (virtio 1.4 §5.9.9.6): both orders, plain and
 * authenticated hashes, both directions, parts of the data.
 *
 * @module
 */

import {
  algorithmByName,
  type CipherAlgorithm,
  type HashAlgorithm,
  type MacAlgorithm,
} from "../algorithms/catalogue.ts";
import type {
  ChainSession,
  Direction,
} from "../algorithms/session_description.ts";
import { type BackendSession, OperationKind } from "../backends/backend.ts";
import { messageOf } from "../backends/error_message.ts";
import type { Examiner } from "./examiner.ts";
import { macDataRule } from "./check_digest.ts";
import { randomLayout } from "./lengths.ts";
import type { Request } from "./operations.ts";

/** What a backend offers, and with which key lengths. */
export interface ChainParts {
  readonly ciphers: readonly CipherAlgorithm[];
  readonly digests: readonly (HashAlgorithm | MacAlgorithm)[];
  readonly keyLengths: (
    algorithm: CipherAlgorithm | MacAlgorithm,
  ) => readonly number[];
}

const ORDERS = ["cipher-then-hash", "hash-then-cipher"] as const;
const DIRECTIONS = ["encrypt", "decrypt"] as const;

function describe(
  examiner: Examiner,
  parts: ChainParts,
  cipher: CipherAlgorithm,
  digest: HashAlgorithm | MacAlgorithm,
  order: ChainSession["order"],
  direction: Direction,
): ChainSession {
  const { random } = examiner;
  return {
    service: "chain",
    order,
    cipher: {
      algorithm: cipher.name,
      direction,
      key: random.bytes(random.pick(parts.keyLengths(cipher))),
    },
    hashMode: digest.service === "hash" ? "plain" : "auth",
    hashAlgorithm: digest.name,
    authKey: digest.service === "hash"
      ? new Uint8Array(0)
      : random.bytes(random.pick(parts.keyLengths(digest))),
    resultBytes: random.oneIn(2)
      ? digest.digestBytes
      : 1 + random.integer(digest.digestBytes),
  };
}

/** A length that the cipher takes, of at most `limit` bytes. */
function cipherLength(
  examiner: Examiner,
  cipher: CipherAlgorithm,
  limit: number,
): number {
  const rest = examiner.random.integer(limit + 1);
  const whole = rest - rest % cipher.blockBytes;
  return whole >= cipher.minimumBytes ? whole : 0;
}

function makeRequest(
  examiner: Examiner,
  cipher: CipherAlgorithm,
  session: ChainSession,
  lengthBytes: number,
  isWhole: boolean,
): Request {
  const { random } = examiner;
  const cipherStart = isWhole ? 0 : random.integer(lengthBytes);
  const hashStart = isWhole ? 0 : random.integer(lengthBytes);
  // Whole blocks for the codes that have no padding of their own.
  const mac = algorithmByName("mac", session.hashAlgorithm);
  const unit = mac ? macDataRule(mac).blockBytes : 1;
  const hashLimit = random.integer(lengthBytes - hashStart + 1);
  const hashRoom = isWhole ? lengthBytes : hashLimit;
  const additionalBytes = unit * (1 + random.integer(24));
  return {
    kind: session.cipher.direction === "encrypt"
      ? OperationKind.Encrypt
      : OperationKind.Decrypt,
    iv: random.bytes(cipher.ivBytes),
    source: random.bytes(lengthBytes),
    additionalData: random.bytes(additionalBytes),
    destinationBytes: lengthBytes,
    digestBytes: session.resultBytes,
    cipherStart,
    cipherBytes: isWhole
      ? lengthBytes
      : cipherLength(examiner, cipher, lengthBytes - cipherStart),
    hashStart,
    hashBytes: hashRoom - hashRoom % unit,
  };
}

function checkPair(
  examiner: Examiner,
  parts: ChainParts,
  cipher: CipherAlgorithm,
  digest: HashAlgorithm | MacAlgorithm,
): void {
  for (const order of ORDERS) {
    for (const direction of DIRECTIONS) {
      const description = describe(
        examiner,
        parts,
        cipher,
        digest,
        order,
        direction,
      );
      examiner.withSession(description, (session) => {
        const run = (lengthBytes: number, isWhole: boolean) =>
          examiner.run({
            check: isWhole ? "chain over all" : "chain over parts",
            description,
            session,
            request: makeRequest(
              examiner,
              cipher,
              description,
              lengthBytes,
              isWhole,
            ),
            layout: randomLayout(examiner.random, lengthBytes),
          });
        run(16, true);
        run(144, true);
        run(4096, true);
        for (let i = 0; i < 4; i++) {
          run(1 + examiner.random.integer(400), false);
        }
        run(20_000 + examiner.random.integer(100), false);
        runShared(examiner, cipher, description, session);
      });
    }
  }
}

/** Associated data that is the start of the source: whole blocks of any code. */
function runShared(
  examiner: Examiner,
  cipher: CipherAlgorithm,
  description: ChainSession,
  session: BackendSession,
): void {
  const request = makeRequest(examiner, cipher, description, 144, true);
  examiner.run({
    check: "associated data that is the start of the source",
    description,
    session,
    request: { ...request, additionalData: request.source.slice(0, 48) },
    layout: {
      ...randomLayout(examiner.random, 144),
      arrangement: "inputs-shared",
    },
  });
}

/** Chains of every cipher with one digest and every digest with one cipher. */
export function checkChains(examiner: Examiner, parts: ChainParts): void {
  const digests = parts.digests.filter((digest) =>
    digest.service === "hash" || digest.ivBytes === 0
  );
  for (const cipher of parts.ciphers) {
    checkPair(examiner, parts, cipher, examiner.random.pick(digests));
  }
  for (const digest of digests) {
    checkPair(examiner, parts, examiner.random.pick(parts.ciphers), digest);
  }
}

/** Why a backend has no chain at all, in its words; `undefined` if it has. */
export function chainRefusal(
  examiner: Examiner,
  parts: ChainParts,
): string | undefined {
  const cipher = parts.ciphers[0];
  const digest = parts.digests.find((one) =>
    one.service === "hash" || one.ivBytes === 0
  );
  if (!cipher || !digest) return "It takes a cipher and a hash or a MAC";
  const description = describe(
    examiner,
    parts,
    cipher,
    digest,
    "cipher-then-hash",
    "encrypt",
  );
  try {
    examiner.thread.closeSession(examiner.thread.openSession(description));
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
