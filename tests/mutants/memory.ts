import type { Mutant } from "./mutant.ts";

export const MUTANTS: readonly Mutant[] = [
  {
    fault: "outputs over each other look apart",
    file: "memory/range_set.ts",
    text: "for (let other = start; other < output; other += RANGE_WORDS) {",
    replacement:
      "for (let other = start; other < outputsAt; other += RANGE_WORDS) {",
    tests: ["memory/range_set_test.ts"],
  },
  {
    fault: "ranges that touch count as overlapping",
    file: "memory/range_set.ts",
    text: "if (starts[i]! < ends[i - 1]!) return false;",
    replacement: "if (starts[i]! <= ends[i - 1]!) return false;",
    tests: ["memory/range_set_test.ts"],
  },
  {
    fault: "a list keeps its own place in its first range when it is exchanged",
    file: "memory/segments.ts",
    text: "    [this.#skip, other.#skip] = [other.#skip, this.#skip];\n",
    replacement: "",
    tests: ["memory/segments_test.ts"],
  },
];
