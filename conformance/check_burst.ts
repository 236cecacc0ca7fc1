/**
 * Checks of bursts: operations of many sessions in one call, some of which
 * fail, and no more operations than the call names.
 *
 * @module
 */

import {
  type AeadAlgorithm,
  type Algorithm,
  type CipherAlgorithm,
  type HashAlgorithm,
  listLengths,
  type MacAlgorithm,
} from "../algorithms/catalogue.ts";
import type { SessionDescription } from "../algorithms/session_description.ts";
import {
  type BackendSession,
  OperationKind,
  OperationStatus,
} from "../backends/backend.ts";
import type { Examiner, Trial } from "./examiner.ts";
import { macDataRule } from "./check_digest.ts";
import { randomLayout } from "./lengths.ts";
import { CONTIGUOUS, Job, type Request } from "./operations.ts";
import type { Random } from "./random.ts";

/** A session and a maker of its requests. */
interface Actor {
  readonly description: SessionDescription;
  readonly makeRequest: () => Request;
}

type Maker<A extends Algorithm> = (
  random: Random,
  algorithm: A,
  key: Uint8Array,
) => Actor;

const makeCipherActor: Maker<CipherAlgorithm> = (random, algorithm, key) => {
  const direction = random.pick(["encrypt", "decrypt"] as const);
  const { name, ivBytes } = algorithm;
  return {
    description: { service: "cipher", algorithm: name, direction, key },
    makeRequest() {
      const lengthBytes = 16 * (1 + random.integer(40));
      return {
        kind: direction === "encrypt"
          ? OperationKind.Encrypt
          : OperationKind.Decrypt,
        iv: random.bytes(ivBytes),
        source: random.bytes(lengthBytes),
        destinationBytes: lengthBytes,
        digestBytes: 0,
      };
    },
  };
};

const makeDigestActor: Maker<HashAlgorithm | MacAlgorithm> = (
  random,
  algorithm,
  key,
) => {
  const { name, digestBytes } = algorithm;
  const isMac = algorithm.service === "mac";
  const unitBytes = isMac ? macDataRule(algorithm).blockBytes : 1;
  const common = { algorithm: name, resultBytes: digestBytes };
  return {
    description: isMac
      ? { service: "mac", key, ...common }
      : { service: "hash", ...common },
    makeRequest: () => ({
      kind: OperationKind.Digest,
      source: random.bytes(unitBytes * (16 + random.integer(300))),
      destinationBytes: 0,
      digestBytes,
    }),
  };
};

const makeAeadActor: Maker<AeadAlgorithm> = (random, algorithm, key) => ({
  description: {
    service: "aead",
    algorithm: algorithm.name,
    direction: "encrypt",
    key,
    tagBytes: 16,
  },
  makeRequest() {
    const lengthBytes = random.integer(500);
    return {
      kind: OperationKind.Encrypt,
      iv: random.bytes(random.pick(listLengths(algorithm.ivBytes))),
      source: random.bytes(lengthBytes),
      additionalData: random.bytes(random.integer(40)),
      destinationBytes: lengthBytes,
      digestBytes: 16,
    };
  },
});

function makeActor(
  { random }: Examiner,
  algorithm: Algorithm,
  keyLengths: readonly number[],
): Actor | undefined {
  const keyBytes = keyLengths.length > 0 ? random.pick(keyLengths) : 0;
  const key = random.bytes(keyBytes);
  switch (algorithm.service) {
    case "cipher":
      return makeCipherActor(random, algorithm, key);
    case "hash":
    case "mac":
      return makeDigestActor(random, algorithm, key);
    case "aead":
      return makeAeadActor(random, algorithm, key);
    case "akcipher":
      return undefined;
  }
}

/** A decryption whose tag is wrong, amid the good ones. */
function makeForger(actor: Actor): Actor | undefined {
  const { description } = actor;
  if (description.service !== "aead") return undefined;
  return {
    description: { ...description, direction: "decrypt" },
    makeRequest: () => ({
      ...actor.makeRequest(),
      kind: OperationKind.Decrypt,
      tag: new Uint8Array(16),
    }),
  };
}

function makeTrials(
  examiner: Examiner,
  open: readonly { actor: Actor; session: BackendSession }[],
  count: number,
): Trial[] {
  return Array.from({ length: count }, (_, i) => {
    const { actor, session } = examiner.random.pick(open);
    const request = actor.makeRequest();
    return {
      check: `operation ${i} of a burst of ${count}`,
      description: actor.description,
      session,
      request,
      layout: randomLayout(examiner.random, request.source.length),
    };
  });
}

/** `run` takes the first `count` operations and leaves the others alone. */
function checkCount(
  examiner: Examiner,
  actor: Actor,
  session: BackendSession,
): void {
  const [first, second] = [0, 1].map(() =>
    new Job(actor.makeRequest(), session, CONTIGUOUS, examiner.random)
  );
  const beyond = second!.operation;
  try {
    examiner.thread.run([first!.operation, beyond], 1);
    const start = performance.now();
    while (
      first!.operation.status === OperationStatus.Pending &&
      performance.now() - start < 10_000
    ) examiner.thread.poll?.();
  } catch (error) {
    examiner.fail("run() of 1 of 2 operations", "no exception", String(error));
  }
  examiner.assert(
    first!.operation.status === OperationStatus.Ok &&
      beyond.status === OperationStatus.Pending && beyond.writtenBytes === -1,
    "run() of 1 of 2 operations",
    "the second one as it was",
    `statuses ${first!.operation.status} and ${beyond.status}`,
  );
}

/** All checks of bursts over what is offered. */
export function checkBursts(
  examiner: Examiner,
  offered: readonly Algorithm[],
  keyLengths: (algorithm: Algorithm) => readonly number[],
): void {
  const actors = offered.flatMap((algorithm) => {
    const one = makeActor(examiner, algorithm, keyLengths(algorithm));
    // A second session with another key of the same algorithm.
    const two = makeActor(examiner, algorithm, keyLengths(algorithm));
    const forger = one && makeForger(one);
    return [one, two, forger].filter((actor) => actor !== undefined);
  });
  const open = actors.flatMap((actor) => {
    const session = examiner.open(actor.description);
    return session ? [{ actor, session }] : [];
  });
  if (open.length === 0) return;
  for (const count of [1, 2, 7, 64, 300]) {
    examiner.runBurst(makeTrials(examiner, open, count));
  }
  examiner.runBurst([]);
  checkCount(examiner, open[0]!.actor, open[0]!.session);
  // Closing half of the sessions leaves the others usable.
  for (const { session } of open.splice(0, open.length / 2)) {
    examiner.close(session);
  }
  examiner.runBurst(makeTrials(examiner, open, 64));
  for (const { session } of open) examiner.close(session);
}
