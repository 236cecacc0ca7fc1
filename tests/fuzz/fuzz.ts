/**
 * The fuzzer: `deno task fuzz --seconds N [--seed S] [--backend B] [--target T]`.
 *
 * Episodes run in a worker, so that a case that never ends is found out too.
 * Exits 1 with a command that repeats the episode when one fails.
 *
 * @module
 */

import { probeBackends } from "../../backends/probe.ts";
import { BUILT_IN_BACKENDS } from "../../backends/registry.ts";
import { runTask, taskWords, wholeNumber } from "../../testing/task.ts";
import type { EpisodeReport, EpisodeRequest } from "./fuzz_worker.ts";
import { reproducer, TARGETS } from "./run.ts";

/** The longest that an episode may take before it counts as hanging. */
const EPISODE_TIMEOUT_MS = 120_000;

interface Options {
  readonly seconds: number;
  readonly seed: number;
  readonly backends: readonly string[];
  readonly targets: readonly string[];
}

/** The built-in backends of this machine; says which are missing. */
async function readyBackends(): Promise<string[]> {
  const probed = await probeBackends();
  for (const { backend, probe } of probed) {
    if (!probe.ready) console.log(`${backend.name} is not ready: left out`);
  }
  return probed
    .filter(({ probe, backend }) =>
      probe.ready && backend.runs !== "asynchronous"
    )
    .map(({ backend }) => backend.name);
}

async function parseOptions(args: string[]): Promise<Options> {
  const { values } = taskWords({
    args,
    options: {
      seconds: { type: "string", default: "10" },
      seed: { type: "string" },
      backend: { type: "string" },
      target: { type: "string" },
    },
  });
  const seed = values.seed ?? `${Math.floor(Math.random() * 2 ** 32)}`;
  const names = TARGETS.map(({ name }) => name);
  return {
    seconds: wholeNumber("seconds", values.seconds),
    seed: wholeNumber("seed", seed),
    backends: values.backend === undefined
      ? await readyBackends()
      : oneOf("--backend", values.backend, BUILT_IN_BACKENDS),
    targets: oneOf("--target", values.target, names),
  };
}

function oneOf(
  option: string,
  value: string | undefined,
  all: readonly string[],
): readonly string[] {
  if (value === undefined) return all;
  if (all.includes(value)) return [value];
  throw new RangeError(`${option} ${value}: expected ${all.join(", ")}`);
}

/** Runs one episode in the worker; a report without end is a failure. */
function runEpisode(
  worker: Worker,
  request: EpisodeRequest,
): Promise<EpisodeReport> {
  return new Promise((resolve) => {
    const timer = setTimeout(
      () => resolve({ cases: 0, elapsedMs: 0, failure: "it does not end" }),
      EPISODE_TIMEOUT_MS,
    );
    worker.onmessage = ({ data }: MessageEvent<EpisodeReport>) => {
      clearTimeout(timer);
      resolve(data);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      clearTimeout(timer);
      resolve({ cases: 0, elapsedMs: 0, failure: event.message });
    };
    worker.postMessage(request);
  });
}

/** Cases and time of one target on one backend. */
class Tally {
  cases = 0;
  elapsedMs = 0;

  add(report: EpisodeReport): void {
    this.cases += report.cases;
    this.elapsedMs += report.elapsedMs;
  }

  toString(): string {
    const rate = Math.round(this.cases / (this.elapsedMs / 1000));
    return `${this.cases} cases, ${rate}/s`;
  }
}

/** Goes round all targets until the time is over; false after a failure. */
async function fuzz(options: Options): Promise<boolean> {
  const worker = new Worker(new URL("fuzz_worker.ts", import.meta.url), {
    type: "module",
  });
  const tallies = new Map<string, Tally>();
  const end = performance.now() + options.seconds * 1000;
  let failed = false;
  for (let seed = options.seed; !failed; seed++) {
    for (const backend of options.backends) {
      for (const target of options.targets) {
        if (failed || (performance.now() > end && tallies.size > 0)) continue;
        const report = await runEpisode(worker, { target, backend, seed });
        const name = `${target} ${backend}`;
        const tally = tallies.get(name) ?? new Tally();
        tally.add(report);
        tallies.set(name, tally);
        if (report.failure === undefined) continue;
        failed = true;
        console.error(`${name}: ${report.failure}`);
        console.error(`again: ${reproducer(target, backend, seed)}`);
      }
    }
    if (performance.now() > end) break;
  }
  worker.terminate();
  for (const [name, tally] of tallies) console.log(`${name}: ${tally}`);
  return !failed;
}

async function main(words: string[]): Promise<number> {
  const options = await parseOptions(words);
  console.log(`seed ${options.seed}`);
  return await fuzz(options) ? 0 : 1;
}

if (import.meta.main) {
  await runTask({
    usage: "fuzz [--seconds N] [--seed S] [--backend NAME] [--target NAME]",
    about: `feeds devices what no driver sends; targets: ${
      TARGETS.map(({ name }) => name).join(", ")
    }`,
  }, main);
}
