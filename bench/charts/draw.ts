/**
 * Draws charts as SVG with ECharts, without a browser: a JSON array of charts in,
 * an array of SVG texts out. A program of its own, with an import map and a lock
 * file of its own, so that nobody fetches ECharts who draws no charts.
 *
 * @module
 */

import * as echarts from "echarts";
import type { Chart } from "../runner/chart.ts";

const WIDTH = 900;
const HEIGHT = 520;
const GRID = "#e4e7ec";

/** Decades beyond which lines at 2 and 5 would stand too close. */
const MANY_DECADES = 3.5;

/** Ends of an axis, and where it has ticks. */
interface Levels {
  readonly min: number;
  readonly max: number;
  readonly ticks: readonly number[];
}

/** 1, 2, 5, 10, … from below the least to above the greatest. */
function roundLevels(values: readonly number[]): Levels {
  const least = Math.min(...values);
  const greatest = Math.max(...values);
  const all: number[] = [];
  for (
    let power = Math.floor(Math.log10(least));
    power <= Math.ceil(Math.log10(greatest));
    power++
  ) {
    all.push(...[1, 2, 5].map((digit) => digit * 10 ** power));
  }
  const first = all.findLastIndex((value) => value <= least);
  const last = all.findIndex((value) => value >= greatest);
  const within = all.slice(first, last + 1);
  const isMany = Math.log10(greatest / least) > MANY_DECADES;
  return {
    min: within[0]!,
    max: within.at(-1)!,
    ticks: isMany
      ? within.filter((value) => Number.isInteger(Math.log10(value)))
      : within,
  };
}

const grouped = (value: number) =>
  value >= 1000
    ? value.toLocaleString("en")
    : `${Number(value.toPrecision(3))}`;

/** Ticks, labels and grid lines at these values and nowhere else. */
const axisOf = ({ min, max, ticks }: Levels) => ({
  min,
  max,
  axisTick: { customValues: [...ticks] },
  splitLine: { show: false },
});

function optionOf(chart: Chart): echarts.EChartsCoreOption {
  const ticks = chart.xTicks.map(({ value }) => value);
  const textOf = new Map(chart.xTicks.map(({ value, text }) => [value, text]));
  const levels = roundLevels(
    chart.lines.flatMap(({ points }) => points.map(([, y]) => y)),
  );
  return {
    animation: false,
    backgroundColor: "#ffffff",
    title: {
      text: chart.title,
      subtext: chart.subtitle,
      left: "center",
      top: 10,
      textStyle: { fontSize: 17 },
    },
    legend: {
      bottom: 12,
      itemGap: 24,
      itemWidth: 32,
      textStyle: { fontSize: 13 },
    },
    grid: { top: 80, bottom: 104, left: 90, right: 40 },
    xAxis: {
      type: "log",
      name: chart.x,
      nameLocation: "middle",
      nameGap: 34,
      ...axisOf({ min: ticks[0]!, max: ticks.at(-1)!, ticks }),
      axisLabel: {
        customValues: ticks,
        formatter: (value: number) => textOf.get(Math.round(value)) ?? "",
      },
    },
    yAxis: {
      type: "log",
      name: chart.y,
      nameLocation: "middle",
      nameGap: 62,
      ...axisOf(levels),
      axisLine: { show: true },
      axisLabel: {
        customValues: [...levels.ticks],
        formatter: (value: number) => grouped(value),
      },
    },
    series: chart.lines.map((line, index) => ({
      type: "line",
      name: line.name,
      data: line.points,
      color: line.color,
      symbol: line.isPeer ? "diamond" : "circle",
      symbolSize: line.isPeer ? 9 : 7,
      lineStyle: { width: 2, type: line.isPeer ? "dashed" : "solid" },
      // The grid, once: at the ticks.
      ...(index === 0
        ? {
          markLine: {
            silent: true,
            z: 0,
            symbol: "none",
            label: { show: false },
            lineStyle: { color: GRID, type: "solid", width: 1 },
            data: [
              ...ticks.map((xAxis) => ({ xAxis })),
              ...levels.ticks.map((yAxis) => ({ yAxis })),
            ],
          },
        }
        : {}),
    })),
  };
}

function draw(chart: Chart): string {
  const drawing = echarts.init(null, null, {
    renderer: "svg",
    ssr: true,
    width: WIDTH,
    height: HEIGHT,
  });
  drawing.setOption(optionOf(chart));
  const svg = drawing.renderToSVGString();
  drawing.dispose();
  return `${svg}\n`;
}

const charts: Chart[] = await new Response(Deno.stdin.readable).json();
console.log(JSON.stringify(charts.map(draw)));
