/**
 * Charts of measured figures: lines over two logarithmic axes, with a tick at each
 * measured value. `bench/charts/` draws them, a program of its own.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

/** Something that was measured at some values. */
export interface ChartLine {
  readonly name: string;
  readonly points: readonly (readonly [number, number])[];
}

/** What stands on and beside a chart. */
export interface ChartText {
  readonly title: string;
  readonly subtitle: string;
  readonly x: string;
  readonly y: string;
}

/** A chart as the drawing program reads it. */
export interface Chart extends ChartText {
  readonly xTicks: readonly { readonly value: number; readonly text: string }[];
  readonly lines: readonly (ChartLine & {
    readonly color: string;
    /** Not of this project: dashed. */
    readonly isPeer: boolean;
  })[];
}

/** A device has one colour on all charts, and they have one order. */
const COLORS: Readonly<Record<string, string>> = {
  openssl: "#1f77b4",
  "ipsec-mb": "#d62728",
  libgcrypt: "#2ca02c",
  noble: "#9467bd",
  webcrypto: "#17becf",
  qat: "#8c564b",
  pkcs11: "#bcbd22",
  "C over EVP": "#222222",
  DPDK: "#ff8c00",
};
/** For lines that are none of these, in their order: no colour of these. */
const OTHER_COLORS = ["#7f7f7f", "#e377c2", "#3b4cc0", "#b8860b", "#5fa8d3"];
const PEERS: readonly string[] = ["C over EVP", "DPDK"];

const KNOWN = Object.keys(COLORS);
/** Those that nobody knows come last. */
const placeOf = ({ name }: ChartLine) =>
  KNOWN.includes(name) ? KNOWN.indexOf(name) : KNOWN.length;

/** Lines without a point are left out. */
export function lineChart(
  text: ChartText,
  lines: readonly ChartLine[],
  tickText: (value: number) => string = (value) => value.toLocaleString("en"),
): Chart {
  const shown = lines.filter(({ points }) => points.length > 0)
    .toSorted((a, b) => placeOf(a) - placeOf(b));
  const known = shown.filter(({ name }) => KNOWN.includes(name)).length;
  const values = new Set(
    shown.flatMap(({ points }) => points.map(([value]) => value)),
  );
  return {
    ...text,
    xTicks: [...values].sort((a, b) => a - b)
      .map((value) => ({ value, text: tickText(value) })),
    lines: shown.map((line, index) => ({
      ...line,
      color: COLORS[line.name] ??
        OTHER_COLORS[(index - known) % OTHER_COLORS.length]!,
      isPeer: PEERS.includes(line.name),
    })),
  };
}

/** SVG texts, in the order of the charts. */
export async function drawCharts(charts: readonly Chart[]): Promise<string[]> {
  const path = (name: string) =>
    fileURLToPath(new URL(`../charts/${name}`, import.meta.url));
  const drawing = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--config", path("deno.json"), path("draw.ts")],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = drawing.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(charts)));
  await writer.close();
  const { success, stdout } = await drawing.output();
  if (!success) throw new Error("bench/charts/draw.ts failed");
  return JSON.parse(new TextDecoder().decode(stdout));
}
