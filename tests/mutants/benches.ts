import type { Mutant } from "./mutant.ts";

export const MUTANTS: readonly Mutant[] = [
  {
    fault: "the load generator's packed ring keeps its wrap counter",
    file: "bench/load/ring.c",
    text: "      ring->available_wrap ^= 1;\n",
    replacement: "",
    tests: ["bench/load/load_test.ts"],
  },
  {
    fault: "the load generator kicks no packed ring by its event",
    file: "bench/load/ring.c",
    text: "return event >= after - (int)count && event < after;",
    replacement: "return 0;",
    tests: ["bench/load/load_test.ts"],
  },
  {
    fault: "a bench takes what was not measured for a target that is met",
    file: "bench/runner/targets.ts",
    text: '  if (Number.isNaN(value)) return "not measured";\n',
    replacement: '  if (Number.isNaN(value)) return "met";\n',
    tests: ["bench/runner/targets_test.ts"],
  },
  {
    fault: "a slice of a start without a window counts as a speed",
    file: "bench/rows/time_rows.ts",
    text: "rates.filter((rate) => rate > 0)",
    replacement: "rates",
    tests: ["bench/rows/time_rows_test.ts"],
  },
  {
    fault: "the guard takes a cost that has grown for better",
    file: "bench/guard.ts",
    text: "value > recorded / (1 - ALLOWED_FALL)",
    replacement: "value < recorded * (1 - ALLOWED_FALL)",
    tests: ["bench/guard_test.ts"],
  },
];
