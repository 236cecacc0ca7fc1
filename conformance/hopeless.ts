/**
 * What ends a run of the kit at once: what comes after it would fail alike, or
 * never end.
 *
 * @module
 */

import { promiseBreach } from "../backends/contract_check.ts";

/** How long a call or an operation may take. */
export const LIMIT_MS = 10_000;

/** A backend that cannot pass, and with which it makes no sense to go on. */
export class Hopeless extends Error {
  override name = "Hopeless";
}

/** Something that has not ended in time. */
export const neverEnds = (what: string): Hopeless =>
  new Hopeless(`${what} has not ended after ${LIMIT_MS / 1000} seconds`);

/** Throws where a method returned a promise though the backend runs operations. */
export function requireNoPromise(member: string, returned: unknown): void {
  const breach = promiseBreach(member, returned);
  if (breach !== undefined) throw new Hopeless(breach);
}
