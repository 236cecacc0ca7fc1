import type { Mutant } from "./mutant.ts";

export const MUTANTS: readonly Mutant[] = [
  {
    fault: "a status goes to the mapped part of a descriptor",
    file: "device/ring/chain_reader.ts",
    text: "        statusIsLost = true;\n",
    replacement: "",
    tests: ["tests/hostile/unmapped_descriptors_test.ts"],
  },
  {
    fault: "a status is lost behind a descriptor that is not mapped",
    file: "device/ring/chain_reader.ts",
    text:
      "      } else if (statusIsLost && lengthBytes !== 0) statusIsLost = false;",
    replacement: "      }",
    tests: ["tests/hostile/unmapped_descriptors_test.ts"],
  },
  {
    fault: "a loop of a split ring's descriptors is followed for ever",
    file: "device/ring/chain_reader.ts",
    text: "if (index >= count || taken === limit) {",
    replacement: "if (index >= count) {",
    tests: ["driver/rings/hostile_split_test.ts"],
  },
  {
    fault: "a writable descriptor may come before a readable one",
    file: "device/ring/chain_reader.ts",
    text: "      } else if (writableStart >= 0) {",
    replacement: "      } else if (writableStart >= 0 && packed) {",
    tests: ["driver/rings/hostile_split_test.ts"],
  },
  {
    fault: "a chain whose ranges are shorter counts as like the last",
    file: "device/ring/chain_reader.ts",
    text:
      "      alike = 0;\n    }\n    if (writableStart < 0) writableStart = at;",
    replacement: "    }\n    if (writableStart < 0) writableStart = at;",
    tests: ["driver/rings/hostile_split_test.ts"],
  },
];
