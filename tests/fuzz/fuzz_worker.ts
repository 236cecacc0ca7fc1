/**
 * The worker that runs episodes for the fuzzer.
 *
 * @module
 */

/// <reference lib="deno.worker" />

import { type EpisodeResult, runEpisode, TARGETS } from "./run.ts";

/** An episode to run. */
export interface EpisodeRequest {
  readonly target: string;
  readonly backend: string;
  readonly seed: number;
}

/** What came of it. */
export type EpisodeReport = EpisodeResult;

self.onmessage = async ({ data }: MessageEvent<EpisodeRequest>) => {
  const target = TARGETS.find(({ name }) => name === data.target)!;
  self.postMessage(await runEpisode(target, data.backend, data.seed));
};
