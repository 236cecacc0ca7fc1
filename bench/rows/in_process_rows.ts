/**
 * The device over rings in one process and thread, beside itself as it was at
 * another commit: both run this commit's list of work, each with its own code.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import type { BenchRun } from "../runner/bench_run.ts";
import { median } from "../runner/measure.ts";
import { sizeText } from "../runner/table.ts";
import { atLeast, type Finding, type Row } from "../runner/targets.ts";

const HERE = fileURLToPath(new URL("../..", import.meta.url));
const PROGRAM = fileURLToPath(
  new URL("./in_process_speeds.ts", import.meta.url),
);

/** Work of one process in one round. */
interface Speed {
  readonly operation: string;
  readonly size: number;
  readonly bytesPerSecond: number;
}

async function output(words: readonly string[], cwd: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(words[0]!, {
    args: words.slice(1),
    cwd,
  }).output();
  const text = new TextDecoder();
  if (success) return text.decode(stdout);
  throw new Error(`${words.join(" ")}: ${text.decode(stderr).trim()}`);
}

/** The files of `commit`, unpacked below `folder`. */
async function checkOut(commit: string, folder: string): Promise<string> {
  const archive = `${folder}/${commit}.tar`;
  const root = `${folder}/${commit}`;
  await Deno.mkdir(root);
  await output(["git", "archive", "--output", archive, commit], HERE);
  await output(["tar", "-xf", archive, "-C", root], folder);
  return root;
}

async function speedsAt(
  root: string,
  backend: string,
  seconds: number,
): Promise<Speed[]> {
  // Its own import map and lock file, for its own modules.
  const config = ["--config", `${root}/deno.json`];
  const words = [
    ...[Deno.execPath(), "run", "-A", "--no-check", ...config],
    ...[PROGRAM, root, backend, `${seconds}`],
  ];
  return JSON.parse(await output(words, root));
}

const medianSpeed = (rounds: readonly Speed[][], index: number) =>
  median(rounds.map((speeds) => speeds[index]!.bytesPerSecond));

/** Speeds in process : those of the commit that `--against` names. */
export function inProcessRows(run: BenchRun): Row[] {
  const { options, programs } = run;
  const commit = options.against;
  if (commit === undefined) return [];
  return ["noble", "openssl"].filter((name) => run.has(name)).map((
    backend,
  ) => ({
    name: `in process, one thread, ${backend} : the same at ${commit}`,
    async *measure() {
      const folder = await Deno.makeTempDir({ dir: programs.folder });
      const roots = [HERE, await checkOut(commit, folder)];
      const rounds = roots.map((): Speed[][] => []);
      for (let round = 0; round < options.rounds; round++) {
        for (const [index, root] of roots.entries()) {
          rounds[index]!.push(await speedsAt(root, backend, options.seconds));
        }
      }
      yield* rounds[0]![0]!.map(({ operation, size }, index): Finding => {
        const [now, then] = rounds.map((one) => medianSpeed(one, index));
        return {
          name: `${this.name}, ${operation}, ${sizeText(size)}`,
          value: now! / then!,
          unit: "×",
          // Two builds of the same code differ by this much.
          target: atLeast(0.97),
          detail: `${(now! / 1e6).toFixed(1)}, ${
            (then! / 1e6).toFixed(1)
          } MB/s`,
        };
      });
    },
  }));
}
