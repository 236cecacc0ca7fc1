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
import type { Bench } from "./bench.ts";
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
  bench: Bench,
  parts: ChainParts,
  cipher: CipherAlgorithm,
  digest: HashAlgorithm | MacAlgorithm,
  order: ChainSession["order"],
  direction: Direction,
): ChainSession {
  const { random } = bench;
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
  bench: Bench,
  cipher: CipherAlgorithm,
  limit: number,
): number {
  const rest = bench.random.integer(limit + 1);
  const whole = rest - rest % cipher.blockBytes;
  return whole >= cipher.minimumBytes ? whole : 0;
}

function makeRequest(
  bench: Bench,
  cipher: CipherAlgorithm,
  session: ChainSession,
  lengthBytes: number,
  isWhole: boolean,
): Request {
  const { random } = bench;
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
      : cipherLength(bench, cipher, lengthBytes - cipherStart),
    hashStart,
    hashBytes: hashRoom - hashRoom % unit,
  };
}

function checkPair(
  bench: Bench,
  parts: ChainParts,
  cipher: CipherAlgorithm,
  digest: HashAlgorithm | MacAlgorithm,
): void {
  for (const order of ORDERS) {
    for (const direction of DIRECTIONS) {
      const description = describe(
        bench,
        parts,
        cipher,
        digest,
        order,
        direction,
      );
      bench.withSession(description, (session) => {
        const run = (lengthBytes: number, isWhole: boolean) =>
          bench.run({
            check: isWhole ? "chain over all" : "chain over parts",
            description,
            session,
            request: makeRequest(
              bench,
              cipher,
              description,
              lengthBytes,
              isWhole,
            ),
            layout: randomLayout(bench.random, lengthBytes),
          });
        run(16, true);
        run(144, true);
        run(4096, true);
        for (let i = 0; i < 4; i++) run(1 + bench.random.integer(400), false);
        run(20_000 + bench.random.integer(100), false);
        runShared(bench, cipher, description, session);
      });
    }
  }
}

/** Associated data that is the start of the source: whole blocks of any code. */
function runShared(
  bench: Bench,
  cipher: CipherAlgorithm,
  description: ChainSession,
  session: BackendSession,
): void {
  const request = makeRequest(bench, cipher, description, 144, true);
  bench.run({
    check: "associated data that is the start of the source",
    description,
    session,
    request: { ...request, additionalData: request.source.slice(0, 48) },
    layout: {
      ...randomLayout(bench.random, 144),
      placement: "inputs-shared",
    },
  });
}

/** Chains of every cipher with one digest and every digest with one cipher. */
export function checkChains(bench: Bench, parts: ChainParts): void {
  const digests = parts.digests.filter((digest) =>
    digest.service === "hash" || digest.ivBytes === 0
  );
  for (const cipher of parts.ciphers) {
    checkPair(bench, parts, cipher, bench.random.pick(digests));
  }
  for (const digest of digests) {
    checkPair(bench, parts, bench.random.pick(parts.ciphers), digest);
  }
}

/** Why a backend has no chain at all, in its words; `undefined` if it has. */
export function chainRefusal(
  bench: Bench,
  parts: ChainParts,
): string | undefined {
  const cipher = parts.ciphers[0];
  const digest = parts.digests.find((one) =>
    one.service === "hash" || one.ivBytes === 0
  );
  if (!cipher || !digest) return "It takes a cipher and a hash or a MAC";
  const description = describe(
    bench,
    parts,
    cipher,
    digest,
    "cipher-then-hash",
    "encrypt",
  );
  try {
    bench.thread.closeSession(bench.thread.openSession(description));
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
