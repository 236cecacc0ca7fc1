/**
 * `deno task bench:report`: runs the benches, the comparisons and the growth
 * measurements and writes figures, tables and charts to `bench/results/`.
 *
 *     deno task bench:report [--dpdk [SOCKET,PID]] [--backend LIST]
 *         [--seconds S] [--rounds N] [--output FOLDER] [--redraw]
 *
 * `--redraw` measures nothing: it draws what the folder has.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { BENCH_OPERATIONS } from "./operations.ts";
import { BENCH_SIZES } from "./plan.ts";
import { BenchRun } from "./runner/bench_run.ts";
import { type Chart, drawCharts, lineChart } from "./runner/chart.ts";
import { type BenchFigure, runBenchFile } from "./runner/bench_files.ts";
import { DIMENSIONS, type GrowthLine, measureGrowth } from "./runner/growth.ts";
import {
  describeMachine,
  type Machine,
  machineLine,
} from "./runner/machine.ts";
import type { Comparison } from "./runner/measure.ts";
import {
  BENCH_USAGE,
  type BenchOptions,
  parseBenchOptions,
} from "./runner/options.ts";
import { Programs } from "./runner/programs.ts";
import { markdownTable, sizeText } from "./runner/table.ts";
import {
  ALGORITHMS,
  compareThroughput,
  throughputTable,
} from "./runner/throughput.ts";
import { runTask } from "../testing/task.ts";

const RESULTS = fileURLToPath(new URL("./results", import.meta.url));
const PATHS = ["raw", "in process"];
const BENCH_FILES = ["raw_backend.bench.ts", "in_process.bench.ts"];

const fileName = (name: string) => name.replaceAll(/[^a-z0-9]+/g, "_");

/** Sizes of the charts of the vhost-user way. */
const THROUGHPUT_SIZES = [64, 256, 1024, 2048, 16384, 65536];

/** All that is measured; what is drawn and written comes from it alone. */
interface Figures {
  readonly machine: Machine;
  /** Of each figure of `throughput` and `growth`. */
  readonly rounds: number;
  /** In process, and backends by themselves. */
  readonly figures: readonly BenchFigure[];
  /** Over vhost-user, by size and algorithm. */
  readonly throughput: readonly Comparison[];
  readonly growth: readonly GrowthLine[];
}

/** A chart and the name of its file. */
interface NamedChart {
  readonly name: string;
  readonly chart: Chart;
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

function backendCharts({ figures, machine }: Figures): NamedChart[] {
  const backends = [...new Set(figures.map(({ backend }) => backend))];
  return BENCH_OPERATIONS.map(({ name: operation }) => {
    const own = figures.filter((figure) =>
      figure.path === "in process" && figure.operation === operation
    );
    const lines = backends.map((name) => ({
      name,
      points: own.filter(({ backend }) => backend === name)
        .map((figure) => [figure.size, megabytesPerSecond(figure)] as const),
    }));
    const text = {
      title: `${operation}, rings in process, bursts of 32`,
      subtitle: machineLine(machine),
      x: "bytes of data",
      y: "MB/s",
    };
    return {
      name: `backends_${fileName(operation)}.svg`,
      chart: lineChart(text, lines, sizeText),
    };
  });
}

function throughputCharts({ throughput, machine }: Figures): NamedChart[] {
  return ALGORITHMS.map((algorithm) => {
    const own = throughput.filter(({ load }) => load.algorithm === algorithm);
    const names = new Set(own.flatMap(({ rates }) => Object.keys(rates)));
    const lines = [...names].map((name) => ({
      name,
      points: own.filter(({ rates }) => rates[name] !== undefined)
        .map(({ load, rates }) =>
          [load.size, rates[name]! * load.size / 1e6] as const
        ),
    }));
    const text = {
      title: `${algorithm}, vhost-user, 32 requests in flight`,
      subtitle: machineLine(machine),
      x: "bytes of data",
      y: "MB/s",
    };
    return {
      name: `vhost_user_${fileName(algorithm)}.svg`,
      chart: lineChart(text, lines, sizeText),
    };
  });
}

function growthCharts({ growth, machine }: Figures): NamedChart[] {
  return DIMENSIONS.map((one) => {
    const { name: dimension, unit, fixed, text: tickText } = one;
    const lines = growth.filter((line) => line.dimension === dimension)
      .map(({ device, points }) => ({ name: device, points }));
    const text = {
      title:
        `Cost of a request against ${dimension}, AES-128-CBC, ${fixed}, vhost-user`,
      subtitle: machineLine(machine),
      x: unit,
      y: "ns per request",
    };
    return {
      name: `growth_${dimension}.svg`,
      chart: lineChart(text, lines, tickText),
    };
  });
}

/** Over vhost-user; nothing where the programs in C cannot be compiled. */
async function measureVhostUser(
  options: BenchOptions,
): Promise<Pick<Figures, "throughput" | "growth">> {
  let programs: Programs;
  try {
    programs = await Programs.compile();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return { throughput: [], growth: [] };
  }
  using compiled = programs;
  await using run = new BenchRun(compiled, options);
  const loads = ALGORITHMS.flatMap((algorithm) =>
    THROUGHPUT_SIZES.map((size) => ({ algorithm, size, depth: 32 }))
  );
  const throughput = await compareThroughput(
    run,
    options.backends.map(({ name }) => name),
    loads,
    (line) => console.error(line),
  );
  const growth: GrowthLine[] = [];
  for (const dimension of DIMENSIONS) {
    console.error(`growth with ${dimension.name}`);
    growth.push(...await measureGrowth(run, dimension));
  }
  return { throughput, growth };
}

async function measureAll(options: BenchOptions): Promise<Figures> {
  const machine = await describeMachine();
  const overSocket = await measureVhostUser(options);
  const figures: BenchFigure[] = [];
  for (const file of BENCH_FILES) {
    console.error(file);
    figures.push(...await runBenchFile(file, options.backends));
  }
  return { machine, rounds: options.rounds, figures, ...overSocket };
}

const FIGURE_FILE = "report.json";

async function writeReport(folder: string, figures: Figures): Promise<void> {
  const { machine, rounds, throughput } = figures;
  const what = rounds === 1 ? "one round" : `medians of ${rounds} rounds`;
  const named = [
    ...throughputCharts(figures),
    ...backendCharts(figures),
    ...growthCharts(figures),
  ].filter(({ chart }) => chart.lines.length > 0);
  const drawn = await drawCharts(named.map(({ chart }) => chart));
  for (const [index, { name }] of named.entries()) {
    await Deno.writeTextFile(`${folder}/${name}`, drawn[index]!);
  }
  const images = named.map(({ name }) => `![${name}](${name})`).join("\n\n");
  await Deno.writeTextFile(
    `${folder}/README.md`,
    `# Results\n\n${machineLine(machine)}. Written by ` +
      `\`deno task bench:report\`.\n\n` +
      `Over vhost-user, thousand requests per second (ratio to C over EVP), ` +
      `${what}:\n\n` +
      `${throughputTable(throughput)}\n\n` +
      `In process, MB/s in bursts of 32 requests:\n\n` +
      `${backendTable(figures.figures)}\n\n${images}\n\n` +
      `Of up to 1,000 guests, by \`deno task bench:guests\`:\n\n` +
      `![guests.svg](guests.svg)\n`,
  );
}

async function main(words: string[]): Promise<void> {
  const redraw = words.includes("--redraw");
  const options = await parseBenchOptions(
    words.filter((word) => word !== "--redraw"),
    { seconds: 0.3, rounds: 2 },
  );
  const folder = options.output ?? RESULTS;
  await Deno.mkdir(folder, { recursive: true });
  const path = `${folder}/${FIGURE_FILE}`;
  if (!redraw) {
    const measured = await measureAll(options);
    await Deno.writeTextFile(path, JSON.stringify(measured, null, 2));
  }
  await writeReport(folder, JSON.parse(await Deno.readTextFile(path)));
}

if (import.meta.main) {
  await runTask({
    usage: `bench:report [--redraw] ${BENCH_USAGE}`,
    about:
      "measures, and writes figures and charts; with --redraw, from figures",
  }, main);
}
