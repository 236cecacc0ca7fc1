/**
 * `deno task bench:report`: runs the benches and the growth measurements and
 * writes figures, a table and charts to `bench/results/`.
 *
 *     deno task bench:report [--backend LIST] [--seconds S]
 *
 * @module
 */

import { BENCH_OPERATIONS } from "./operations.ts";
import { BENCH_SIZES } from "./plan.ts";
import { barChart, lineChart } from "./runner/chart.ts";
import { type BenchFigure, runDenoBench } from "./runner/deno_bench.ts";
import { DIMENSIONS, type GrowthLine, measureGrowth } from "./runner/growth.ts";
import {
  describeMachine,
  type Machine,
  machineLine,
} from "./runner/machine.ts";
import { parseBenchOptions } from "./runner/options.ts";
import { Programs } from "./runner/programs.ts";
import { markdownTable, sizeText } from "./runner/table.ts";

const RESULTS = new URL("./results/", import.meta.url);
const PATHS = ["raw", "in process"];
const BENCH_FILES = ["raw_backend.bench.ts", "in_process.bench.ts"];

const fileName = (name: string) => name.replaceAll(/[^a-z0-9]+/g, "_");

async function write(name: string, text: string): Promise<void> {
  await Deno.writeTextFile(new URL(name, RESULTS), text);
}

const megabytesPerSecond = ({ size, nanosecondsPerRequest }: BenchFigure) =>
  1000 * size / nanosecondsPerRequest;

function backendTable(figures: readonly BenchFigure[]): string {
  const backends = [...new Set(figures.map(({ backend }) => backend))];
  const rows = PATHS.flatMap((path) =>
    BENCH_OPERATIONS.flatMap(({ name }) =>
      BENCH_SIZES.map((size) => [
        path,
        name,
        sizeText(size),
        ...backends.map((backend) => {
          const figure = figures.find((one) =>
            one.path === path && one.operation === name && one.size === size &&
            one.backend === backend
          );
          return figure ? megabytesPerSecond(figure).toFixed(0) : "";
        }),
      ])
    )
  );
  return markdownTable(["path", "operation", "size", ...backends], rows);
}

async function writeBackendCharts(
  figures: readonly BenchFigure[],
  machine: Machine,
): Promise<string[]> {
  const backends = [...new Set(figures.map(({ backend }) => backend))];
  const names: string[] = [];
  for (const { name: operation } of BENCH_OPERATIONS) {
    const bars = backends.map((backend) => ({
      name: backend,
      values: BENCH_SIZES.map((size) => {
        const figure = figures.find((one) =>
          one.path === "in process" && one.operation === operation &&
          one.size === size && one.backend === backend
        );
        return figure && megabytesPerSecond(figure);
      }),
    }));
    const name = `backends_${fileName(operation)}.svg`;
    const text = {
      title: `${operation}, rings in process, bursts of 32`,
      subtitle: machineLine(machine),
      x: "",
      y: "MB/s",
    };
    await write(name, barChart(text, BENCH_SIZES.map(sizeText), bars));
    names.push(name);
  }
  return names;
}

async function writeGrowthCharts(
  lines: readonly GrowthLine[],
  machine: Machine,
): Promise<string[]> {
  const names: string[] = [];
  for (const { name: dimension, unit } of DIMENSIONS) {
    const own = lines.filter((line) => line.dimension === dimension);
    if (own.length === 0) continue;
    const name = `growth_${dimension}.svg`;
    const text = {
      title: `Cost of a request against ${dimension}, AES-128-CBC, vhost-user`,
      subtitle: machineLine(machine),
      x: unit,
      y: "ns per request",
    };
    const shown = own.map(({ device, points }) => ({ name: device, points }));
    await write(name, lineChart(text, shown));
    names.push(name);
  }
  return names;
}

async function measureAllGrowth(
  backends: readonly string[],
  seconds: number,
): Promise<GrowthLine[]> {
  let programs: Programs;
  try {
    programs = await Programs.compile();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return [];
  }
  using compiled = programs;
  const lines: GrowthLine[] = [];
  for (const dimension of DIMENSIONS) {
    console.error(`growth with ${dimension.name}`);
    lines.push(
      ...await measureGrowth(compiled, dimension, backends, seconds),
    );
  }
  return lines;
}

async function main(): Promise<void> {
  const options = await parseBenchOptions(Deno.args, {
    seconds: 0.5,
    rounds: 1,
  });
  const machine = await describeMachine();
  await Deno.mkdir(RESULTS, { recursive: true });
  const growth = await measureAllGrowth(options.backends, options.seconds);
  const figures: BenchFigure[] = [];
  for (const file of BENCH_FILES) {
    console.error(file);
    const all = await runDenoBench(file);
    figures.push(
      ...all.filter(({ backend }) => options.backends.includes(backend)),
    );
  }
  await write("growth.json", JSON.stringify({ machine, growth }, null, 2));
  await write("backends.json", JSON.stringify({ machine, figures }, null, 2));
  const charts = [
    ...await writeBackendCharts(figures, machine),
    ...await writeGrowthCharts(growth, machine),
  ];
  const images = charts.map((name) => `![${name}](${name})`).join("\n\n");
  await write(
    "README.md",
    `# Results\n\n${machineLine(machine)}. Written by ` +
      `\`deno task bench:report\`.\n\nMB/s in bursts of 32 requests:\n\n` +
      `${backendTable(figures)}\n\n${images}\n`,
  );
}

if (import.meta.main) await main();
