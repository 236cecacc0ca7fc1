/**
 * Runs the `*.bench.ts` files and reads what `deno bench` says.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

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
  readonly name: string;
  readonly group: string;
  readonly results: readonly { readonly ok?: { readonly p75: number } }[];
}

const NAME = /^(\S+) (raw|in process), (\d+) × (\d+) B of (.+)$/;

function figureOf({ name, results }: BenchRecord): BenchFigure | undefined {
  const [, backend, path, burst, size, operation] = NAME.exec(name) ?? [];
  const nanoseconds = results[0]?.ok?.p75;
  if (!backend || nanoseconds === undefined) return undefined;
  return {
    path: path!,
    backend,
    operation: operation!,
    size: Number(size),
    nanosecondsPerRequest: nanoseconds / Number(burst),
  };
}

/** Runs one file; `file` is a name in the folder of the benches. */
export async function runDenoBench(file: string): Promise<BenchFigure[]> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["bench", "-A", "--no-check", "--json"],
      fileURLToPath(new URL(`../${file}`, import.meta.url)),
    ],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const { benches } = JSON.parse(new TextDecoder().decode(stdout)) as {
    benches: BenchRecord[];
  };
  return benches.map(figureOf).filter((figure) => figure !== undefined);
}
