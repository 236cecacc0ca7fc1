/**
 * Runs episodes of targets and reports the seed of one that fails.
 *
 * @module
 */

import { Random } from "../../conformance/random.ts";
import { CONTROL_TARGETS } from "./control_target.ts";
import { DATA_TARGETS } from "./data_target.ts";
import { DRAFT_9_TARGET } from "./draft9_target.ts";
import type { Target } from "./episode.ts";
import { IPSEC_TARGETS } from "./ipsec_target.ts";
import { DRAFT_9_OVERLAP_TARGET } from "./overlap_draft9_target.ts";
import { OVERLAP_TARGETS } from "./overlap_target.ts";
import { REPEAT_TARGETS } from "./repeat_target.ts";
import { RING_TARGETS } from "./ring_target.ts";
import { SESSION_MESSAGE_TARGET } from "./session_message_target.ts";
import { SOCKET_TARGET } from "./socket_target.ts";

/** All targets, in the order in which they are run. */
export const TARGETS: readonly Target[] = [
  ...RING_TARGETS,
  ...DATA_TARGETS,
  ...REPEAT_TARGETS,
  ...OVERLAP_TARGETS,
  DRAFT_9_TARGET,
  DRAFT_9_OVERLAP_TARGET,
  ...CONTROL_TARGETS,
  ...IPSEC_TARGETS,
  SESSION_MESSAGE_TARGET,
  SOCKET_TARGET,
];

/** A case that takes longer hangs. */
const CASE_TIMEOUT_MS = 30_000;

/** What came of an episode. */
export interface EpisodeResult {
  readonly cases: number;
  readonly elapsedMs: number;
  readonly failure?: string;
}

/** Runs one episode, all of it repeatable from `seed`. */
export async function runEpisode(
  target: Target,
  backend: string,
  seed: number,
): Promise<EpisodeResult> {
  const begin = performance.now();
  let cases = 0;
  try {
    const episode = await target.start(backend, new Random(seed));
    for (; cases < target.cases; cases++) {
      const start = performance.now();
      await episode.step();
      const elapsedMs = performance.now() - start;
      if (elapsedMs > CASE_TIMEOUT_MS) {
        throw new Error(`a case took ${Math.round(elapsedMs)} ms`);
      }
    }
    await episode.finish();
    return { cases, elapsedMs: performance.now() - begin };
  } catch (error) {
    const failure = `case ${cases}: ${
      error instanceof Error ? error.stack : error
    }`;
    return { cases, elapsedMs: performance.now() - begin, failure };
  }
}

/** The command that runs one episode again. */
export function reproducer(
  target: string,
  backend: string,
  seed: number,
): string {
  return `deno task fuzz --target ${target} --backend ${backend} ` +
    `--seed ${seed} --seconds 1`;
}
