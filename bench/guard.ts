/**
 * `deno task bench:guard`: the ratios to the plain C device over EVP, medians of
 * alternating runs, beside those on record. Ends with 1 when one has fallen by
 * more than 15 %; `--record` writes the record anew.
 *
 * @module
 */

import { type Comparison, type Load } from "./runner/measure.ts";
import { parseBenchOptions } from "./runner/options.ts";
import { Programs } from "./runner/programs.ts";
import { markdownTable, sizeText } from "./runner/table.ts";
import { compareThroughput } from "./runner/throughput.ts";

const RECORD = new URL("./recorded_ratios.json", import.meta.url);
const ALLOWED_FALL = 0.15;

const LOADS: readonly Load[] = [
  { algorithm: "aes-128-cbc", size: 64, depth: 32 },
  { algorithm: "aes-128-cbc", size: 1024, depth: 32 },
  { algorithm: "aes-128-cbc", size: 16384, depth: 32 },
  { algorithm: "aes-128-cbc-decrypt", size: 1024, depth: 32 },
  { algorithm: "aes-128-cbc-hmac-sha1", size: 1024, depth: 32 },
  { algorithm: "aes-128-gcm", size: 1024, depth: 32 },
  { algorithm: "sha256", size: 1024, depth: 32 },
];

type Ratios = Record<string, number>;

function ratiosOf(
  comparisons: readonly Comparison[],
  backends: readonly string[],
): Ratios {
  const ratios: Ratios = {};
  for (const { load, ratios: measured } of comparisons) {
    for (const backend of backends) {
      const ratio = measured[backend];
      if (ratio === undefined) continue;
      const name = `${backend} ${load.algorithm} ${sizeText(load.size)}`;
      ratios[name] = Number(ratio.toFixed(3));
    }
  }
  return ratios;
}

/** What has fallen too far. */
function fallen(recorded: Ratios, measured: Ratios): string[] {
  return Object.entries(measured)
    .filter(([name, ratio]) =>
      ratio < (recorded[name] ?? 0) * (1 - ALLOWED_FALL)
    )
    .map(([name]) => name);
}

async function main(): Promise<void> {
  const record = Deno.args.includes("--record");
  const words = Deno.args.filter((word) => word !== "--record");
  const options = await parseBenchOptions(words, { seconds: 1, rounds: 5 });
  const backends = options.backends.filter((name) => name !== "noble");
  using programs = await Programs.compile();
  const comparisons = await compareThroughput(
    programs,
    { ...options, backends },
    LOADS,
    () => {},
  );
  const measured = ratiosOf(comparisons, backends);
  if (record) {
    await Deno.writeTextFile(RECORD, `${JSON.stringify(measured, null, 2)}\n`);
  }
  const recorded: Ratios = JSON.parse(await Deno.readTextFile(RECORD));
  const low = fallen(recorded, measured);
  const rows = Object.entries(measured).map(([name, ratio]) => [
    name,
    ratio.toFixed(2),
    recorded[name]?.toFixed(2) ?? "",
    low.includes(name) ? "has fallen" : "",
  ]);
  console.log(
    markdownTable(["ratio to C over EVP", "now", "on record", ""], rows),
  );
  if (low.length > 0) Deno.exitCode = 1;
}

if (import.meta.main) await main();
