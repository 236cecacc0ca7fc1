/**
 * What a peer is: programs of other people in a guest, and what they have to say.
 *
 * @module
 */

import type { Image } from "./image.ts";

/** What each test of a peer came to: undefined where it passed, or why not. */
export type Outcomes = ReadonlyMap<string, string | undefined>;

/** Programs that one guest runs on one device. */
export interface Peer {
  readonly name: string;
  /** The folder of the cache that has them. */
  readonly folder: string;
  readonly image: Image;
  /** Options of the device that serves them. */
  readonly deviceOptions: readonly string[];
  /** Words for the kernel's command line. */
  readonly kernelWords: readonly string[];
  readonly memoryMebibytes: number;
  readonly timeoutMs: number;
  /** Programs that have to make sessions, by what their script calls them. */
  readonly reaching: readonly string[];
  /** Tests that pass. */
  readonly passes: readonly string[];
  /** Tests that fail for a reason of the program's own. */
  readonly ownFailures: Readonly<Record<string, OwnFailure>>;
  /**
   * How often a run that is not as expected is made, of programs that fail now and
   * then by themselves. Default: once.
   */
  readonly attempts?: number;
  /** What QEMU says of the programs. */
  readonly qemuSays?: RegExp;
  /** Reads what the programs say in their own words. */
  read(lines: readonly string[]): Outcomes;
}

/** A failure that is not the device's. */
export interface OwnFailure {
  /** What is said of it. */
  readonly says: string;
  readonly why: string;
}

/** What differs between the outcomes and what was expected, one line each. */
export function differences(peer: Peer, outcomes: Outcomes): string[] {
  const lines: string[] = [];
  for (const name of peer.passes) {
    const reason = outcomes.get(name);
    if (!outcomes.has(name)) lines.push(`${name}: did not run`);
    else if (reason !== undefined) lines.push(`${name}: ${reason}`);
  }
  for (const [name, { says }] of Object.entries(peer.ownFailures)) {
    const reason = outcomes.get(name);
    if (!outcomes.has(name)) lines.push(`${name}: did not run`);
    else if (reason !== says) {
      lines.push(
        `${name}: expected "${says}", got "${reason ?? "passed"}"`,
      );
    }
  }
  for (const [name, reason] of outcomes) {
    if (peer.passes.includes(name) || name in peer.ownFailures) continue;
    lines.push(`${name}: ${reason ?? "passed"}, and nobody expected it`);
  }
  return lines;
}
