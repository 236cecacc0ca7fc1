/**
 * Runs the `*.bench.ts` files and reads what `deno bench` says.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { readGroupName } from "../plan.ts";
import type { BenchBackend } from "./chosen_backends.ts";

/** One bench of one backend. */
export interface BenchFigure {
  /** `raw` or `in process`. */
  readonly path: string;
  readonly backend: string;
  readonly operation: string;
  readonly size: number;
  readonly nanosecondsPerRequest: number;
}

interface BenchRecord {
  /** The backend. */
  readonly name: string;
  readonly group: string;
  readonly results: readonly { readonly ok?: { readonly p75: number } }[];
}

function figureOf(
  { name, group, results }: BenchRecord,
): BenchFigure | undefined {
  const subject = readGroupName(group);
  const nanoseconds = results[0]?.ok?.p75;
  if (!subject || nanoseconds === undefined) return undefined;
  const { burst, ...rest } = subject;
  return {
    ...rest,
    backend: name,
    nanosecondsPerRequest: nanoseconds / burst,
  };
}

/** Runs one file; `file` is a name in the folder of the benches. */
export async function runBenchFile(
  file: string,
  backends: readonly BenchBackend[],
): Promise<BenchFigure[]> {
  const list = backends.map(({ specifier }) => specifier).join();
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["bench", "-A", "--no-check", "--json"],
      fileURLToPath(new URL(`../${file}`, import.meta.url)),
      ...["--", "--backend", list],
    ],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const { benches } = JSON.parse(new TextDecoder().decode(stdout)) as {
    benches: BenchRecord[];
  };
  return benches.map(figureOf).filter((figure) => figure !== undefined);
}
