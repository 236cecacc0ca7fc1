import type { Mutant } from "./mutant.ts";

export const MUTANTS: readonly Mutant[] = [
  {
    fault: "the place of a status is that of the unmapped chain before",
    file: "device/ring/chain_builder.ts",
    text: "    if (this.#unmappedBytes === 0) this.#lastWritableBytes = 0;\n",
    replacement: "",
    tests: ["tests/hostile/unmapped_descriptors_test.ts"],
  },
  {
    fault: "a status goes to the mapped part of a descriptor",
    file: "device/ring/chain_builder.ts",
    text: "if (!this.#memory.translate(address, lengthBytes, pieces)) return;",
    replacement:
      "this.#memory.translate(address + lengthBytes - 1, 1, pieces);\n" +
      "    if (pieces.count === 0) return;",
    tests: ["tests/hostile/unmapped_descriptors_test.ts"],
  },
];
