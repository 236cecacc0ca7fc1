/**
 * Charts as SVG text, drawn by ECharts without a browser.
 *
 * @module
 */

// deno-lint-ignore no-import-prefix
import * as echarts from "npm:echarts@6.0.0";

const WIDTH = 900;
const HEIGHT = 480;

function render(option: echarts.EChartsCoreOption): string {
  const chart = echarts.init(null, null, {
    renderer: "svg",
    ssr: true,
    width: WIDTH,
    height: HEIGHT,
  });
  chart.setOption({ animation: false, backgroundColor: "#ffffff", ...option });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return `${svg}\n`;
}

/** A line of a chart. */
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

/** Lines over two logarithmic axes. */
export function lineChart(
  text: ChartText,
  lines: readonly ChartLine[],
): string {
  const values = [
    ...new Set(lines.flatMap(({ points }) => points.map(([x]) => x))),
  ];
  return render({
    title: { text: text.title, subtext: text.subtitle, left: "center" },
    legend: { bottom: 0 },
    grid: { top: 80, bottom: 80, left: 90, right: 40 },
    xAxis: {
      type: "log",
      logBase: 2,
      name: text.x,
      nameLocation: "middle",
      nameGap: 28,
      min: Math.min(...values),
      max: Math.max(...values),
    },
    yAxis: { type: "log", name: text.y },
    series: lines.map(({ name, points }) => ({
      type: "line",
      name,
      data: points,
    })),
  });
}

/** Groups of bars: one group per category, one bar per name. */
export function barChart(
  text: ChartText,
  categories: readonly string[],
  bars: readonly { name: string; values: readonly (number | undefined)[] }[],
): string {
  return render({
    title: { text: text.title, subtext: text.subtitle, left: "center" },
    legend: { bottom: 0 },
    grid: { top: 80, bottom: 80, left: 90, right: 40 },
    xAxis: { type: "category", data: categories, name: text.x },
    yAxis: { type: "log", name: text.y },
    series: bars.map(({ name, values }) => ({
      type: "bar",
      name,
      data: values.map((value) => value ?? "-"),
    })),
  });
}
