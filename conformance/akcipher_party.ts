/**
 * How the checks of public-key algorithms run their requests.
 *
 * @module
 */

import type {
  EcdsaSession,
  RsaSession,
} from "../algorithms/session_description.ts";
import {
  type BackendSession,
  OperationKind,
  OperationStatus,
} from "../backends/backend.ts";
import type { Examiner } from "./examiner.ts";
import type { BrokenKey } from "./broken_keys.ts";
import { statusName } from "./describe.ts";
import { Job, type Layout, type Result, runJobs } from "./operations.ts";

const EMPTY = new Uint8Array(0);

/** A public-key session under check. */
export interface Party {
  readonly examiner: Examiner;
  readonly description: RsaSession | EcdsaSession;
  readonly session: BackendSession;
}

/** Opens a session for the time of `use`. */
export function withParty(
  examiner: Examiner,
  description: RsaSession | EcdsaSession,
  use: (party: Party) => void,
): void {
  examiner.withSession(
    description,
    (session) => use({ examiner, description, session }),
  );
}

/** Some layout. */
function scattered({ random }: Examiner): Layout {
  return {
    pieces: random.pick(["whole", "random", "single-bytes"] as const),
    arrangement: random.pick(["apart", "in-place", "shifted"] as const),
  };
}

/** Runs one operation whose outcome the caller judges; `undefined` on a throw. */
export function runFreely(
  { examiner, session }: Party,
  check: string,
  kind: OperationKind,
  source: Uint8Array,
  destinationBytes: number,
): Result | undefined {
  const request = { kind, source, destinationBytes, digestBytes: 0 };
  const job = new Job(request, session, scattered(examiner), examiner.random);
  try {
    runJobs(examiner.thread, [job]);
  } catch (error) {
    examiner.assert(false, check, "no exception", String(error));
    return undefined;
  }
  const damage = job.findDamage();
  examiner.assert(
    damage === undefined,
    `${check}: memory beside the output`,
    "no change",
    `a change of ${damage}`,
  );
  return job.result();
}

/** Runs one operation that must give exactly `destination`. */
export function runExactly(
  { examiner, description, session }: Party,
  check: string,
  kind: OperationKind,
  source: Uint8Array,
  destination: Uint8Array,
  roomBytes = destination.length,
): void {
  examiner.run({
    check,
    description,
    session,
    request: { kind, source, destinationBytes: roomBytes, digestBytes: 0 },
    layout: scattered(examiner),
    expected: { status: OperationStatus.Ok, destination, digest: EMPTY },
  });
}

/** Runs one operation that must end with `status` and no result. */
export function runToFailure(
  { examiner, description, session }: Party,
  check: string,
  kind: OperationKind,
  source: Uint8Array,
  destinationBytes: number,
  status = OperationStatus.Failed,
): void {
  examiner.run({
    check,
    description,
    session,
    request: { kind, source, destinationBytes, digestBytes: 0 },
    layout: scattered(examiner),
    expected: { status, destination: EMPTY, digest: EMPTY },
  });
}

/** Runs one operation that takes a private key which the session has not. */
export function runToRefusal(
  party: Party,
  check: string,
  kind: OperationKind,
  source: Uint8Array,
  destinationBytes: number,
): void {
  const result = runFreely(party, check, kind, source, destinationBytes);
  const status = result?.status;
  party.examiner.assert(
    status === OperationStatus.Failed || status === OperationStatus.Unsupported,
    check,
    "Failed or Unsupported",
    status === undefined ? "an exception" : statusName(status),
  );
}

/** Verifies a signature, which must end with `status`. */
export function runVerify(
  { examiner, description, session }: Party,
  check: string,
  signature: Uint8Array,
  data: Uint8Array,
  status = OperationStatus.Ok,
): void {
  examiner.run({
    check,
    description,
    session,
    request: {
      kind: OperationKind.Verify,
      source: signature,
      additionalData: data,
      destinationBytes: 0,
      digestBytes: 0,
    },
    layout: scattered(examiner),
    expected: { status, destination: EMPTY, digest: EMPTY },
  });
}

/** Each of `keys` must make openSession throw. */
export function checkBrokenKeys(
  examiner: Examiner,
  description: RsaSession | EcdsaSession,
  keys: readonly BrokenKey[],
): void {
  for (const [what, key] of keys) {
    let thrown: unknown;
    try {
      const broken = structuredClone({ ...description, key });
      examiner.close(examiner.thread.openSession(broken));
    } catch (error) {
      thrown = error;
    }
    examiner.assert(
      thrown instanceof Error,
      `openSession() of a ${description.keyType} ${description.algorithm} ` +
        `key with or of ${what}`,
      "an Error",
      thrown === undefined ? "a session" : String(thrown),
    );
  }
}
