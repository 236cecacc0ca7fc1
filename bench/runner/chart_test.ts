import { deepStrictEqual, notStrictEqual } from "node:assert/strict";
import { BUILT_IN_BACKENDS } from "../../backends/registry.ts";
import { lineChart } from "./chart.ts";

const TEXT = { title: "a & b", subtitle: "c", x: "size", y: "MB/s" };

Deno.test("a device has the same colour and place whatever it is drawn with", () => {
  const point = [[64, 1]] as const;
  const line = (name: string) => ({ name, points: point });
  const few = lineChart(TEXT, [line("DPDK"), line("openssl")]);
  const many = lineChart(
    TEXT,
    ["my own", "C over EVP", "DPDK", "noble", "openssl"].map(line),
  );
  const colors = (chart: typeof few) =>
    new Map(chart.lines.map(({ name, color }) => [name, color]));
  for (const [name, color] of colors(few)) {
    deepStrictEqual(colors(many).get(name), color);
  }
  notStrictEqual(colors(few).get("DPDK"), colors(few).get("openssl"));
  deepStrictEqual(
    many.lines.map(({ name, isPeer }) => [name, isPeer]),
    [
      ["openssl", false],
      ["noble", false],
      ["C over EVP", true],
      ["DPDK", true],
      ["my own", false],
    ],
  );
});

Deno.test("no two lines of a chart have the same colour, plugins' included", () => {
  const names = [
    ...BUILT_IN_BACKENDS,
    ...["C over EVP", "DPDK", "one", "two", "three", "four", "five"],
  ];
  const { lines } = lineChart(
    TEXT,
    names.map((name) => ({ name, points: [[64, 1]] })),
  );
  deepStrictEqual(new Set(lines.map(({ color }) => color)).size, names.length);
});

Deno.test("there is a tick at each measured value, and no line without a point", () => {
  const chart = lineChart(
    TEXT,
    [
      { name: "openssl", points: [[1024, 5], [64, 1]] },
      { name: "qat", points: [] },
      { name: "noble", points: [[2048, 7]] },
    ],
    (value) => `${value} B`,
  );
  deepStrictEqual(chart.xTicks, [
    { value: 64, text: "64 B" },
    { value: 1024, text: "1024 B" },
    { value: 2048, text: "2048 B" },
  ]);
  deepStrictEqual(chart.lines.map(({ name }) => name), ["openssl", "noble"]);
});
