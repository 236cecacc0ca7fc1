/**
 * Which algorithm a call of a backend is about, as a number that threads share.
 *
 * @module
 */

import { ALGORITHMS, qualifiedName } from "../algorithms/catalogue.ts";
import type { SessionDescription } from "../algorithms/session_description.ts";
import type { BackendSession } from "../backends/backend.ts";
import type { CallWatch } from "../backends/call_watch.ts";

const NAMES = ALGORITHMS.map(qualifiedName);

/** Of a chain: its cipher. 0 where there is no such algorithm. */
function numberOf(description: SessionDescription): number {
  const name = description.service === "chain"
    ? `cipher.${description.cipher.algorithm}`
    : `${description.service}.${description.algorithm}`;
  return NAMES.indexOf(name) + 1;
}

/** The algorithm's qualified name; undefined for 0. */
export const nameOfSubject = (number: number): string | undefined =>
  NAMES[number - 1];

/** Notes what each call is about: the algorithm of its session. */
export class Subjects {
  readonly #watch: CallWatch;
  readonly #numbers = new WeakMap<BackendSession, number>();

  constructor(watch: CallWatch) {
    this.#watch = watch;
  }

  opening(description: SessionDescription): void {
    this.#watch.subject = numberOf(description);
  }

  /** What was opened last. */
  opened(session: BackendSession): void {
    if (typeof session !== "object" || session === null) return;
    this.#numbers.set(session, this.#watch.subject);
  }

  using(session: BackendSession | undefined): void {
    this.#watch.subject = (session && this.#numbers.get(session)) ?? 0;
  }
}
