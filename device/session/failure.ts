/**
 * What can fail on the way of a request, and who is told. There are three
 * things, and each has one road of its own through the device:
 *
 * - a **request** (`SessionRoutes.requestFailed`): the guest gets a status, and
 *   nothing else changes;
 * - a **session** (`SessionRoutes.choose`, and `SessionTable.refuse`
 *   before there is one): one backend does not have it, or nobody does; that
 *   says nothing of other sessions;
 * - a **backend** as a whole (`ThreadBackends.backendFailed`): it gets no work
 *   until it says that it works again.
 *
 * @module
 */

import { messageOf } from "../../backends/error_message.ts";

/** Something that failed. */
export interface Failure {
  /** What has failed: that one alone. */
  readonly of: "request" | "session" | "backend";
  /** The backend that failed at it; absent where none was asked. */
  readonly backend?: string;
  /** Why, in one line of at most 200 characters. */
  readonly reason: string;
}

/** Hears of failures. */
export type FailureListener = (failure: Failure) => void;

/** When a backend that refused a session is asked for it again. */
export const ASK_AGAIN_MS = 1000;

/** Longest reason that a backend's error gives. */
const REASON_CHARACTERS = 200;

/** An error's reason in one line of bounded length, fit for a log. */
export function reasonOf(error: unknown): string {
  const text = messageOf(error);
  // A guest may have a say in it, and a line of a log is one line.
  // deno-lint-ignore no-control-regex
  const line = text.split("\n", 1)[0]!.replace(/[\x00-\x1f\x7f-\x9f]/g, "?");
  return line.length > REASON_CHARACTERS
    ? `${line.slice(0, REASON_CHARACTERS)}…`
    : line;
}

/** A failure in words. */
export function describeFailure({ of, backend, reason }: Failure): string {
  const by = backend === undefined ? "" : ` by backend ${backend}`;
  switch (of) {
    case "request":
      return `request failed${by}: ${reason}`;
    case "session":
      return `session refused${by}: ${reason}`;
    case "backend":
      return `backend failed${by}: ${reason}`;
  }
}

/** Causes of one kind that are remembered. */
const CAUSES = 32;
/** After so long they are told again. */
const FORGOTTEN_AFTER_MS = 3_600_000;

/**
 * Tells of each cause once: a guest decides how often something fails, and must
 * not be able to fill a log. What it makes fail in ever new ways is bounded, too:
 * each kind has room for some causes in an hour, and then says that it is full.
 */
export class FailureNotes {
  readonly #tell: FailureListener;
  readonly #now: () => number;
  readonly #causes = new Map<Failure["of"], Set<string>>();
  #since: number;

  constructor(
    tell: FailureListener,
    now: () => number = () => performance.now(),
  ) {
    this.#tell = tell;
    this.#now = now;
    this.#since = now();
  }

  /** Tells of `failure` unless that has been done. */
  readonly note: FailureListener = (failure) => {
    const now = this.#now();
    if (now - this.#since >= FORGOTTEN_AFTER_MS) {
      this.#since = now;
      this.#causes.clear();
    }
    const { of, backend, reason } = failure;
    let causes = this.#causes.get(of);
    if (!causes) this.#causes.set(of, causes = new Set());
    const cause = `${backend} ${reason}`;
    if (causes.size > CAUSES || causes.has(cause)) return;
    causes.add(cause);
    this.#tell(
      causes.size > CAUSES
        ? { of, reason: "more causes are not told for an hour" }
        : failure,
    );
  };
}
