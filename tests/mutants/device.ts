import type { Mutant } from "./mutant.ts";

export const MUTANTS: readonly Mutant[] = [
  {
    fault: "a slot keeps the lists of a very long chain",
    file: "device/data_queue.ts",
    text: "    slot.releaseLongLists();\n",
    replacement: "",
    tests: ["tests/hostile/long_chains_test.ts"],
  },
];
