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
  {
    fault: "the device sets a reserved flag of the used ring",
    file: "device/ring/split_virtqueue.ts",
    text: "SPLIT_FLAGS, USED_NO_NOTIFY",
    replacement: "SPLIT_FLAGS, USED_NO_NOTIFY | 2",
    tests: ["driver/rings/notification_test.ts"],
  },
  {
    fault: "packed: a wish for one descriptor counts without event index",
    file: "device/ring/events.ts",
    text: "if (flags !== EVENT_DESCRIPTOR || !eventIndex) return true;",
    replacement: "if (flags !== EVENT_DESCRIPTOR) return true;",
    tests: ["driver/rings/notification_test.ts"],
  },
  {
    fault: "split: direct descriptors cannot end in a table",
    file: "device/ring/chain_reader.ts",
    text: "(packed && taken > 0) ||",
    replacement: "taken > 0 ||",
    tests: ["driver/rings/hostile_split_test.ts"],
  },
  {
    fault: "split: WRITE on a reference to a table counts",
    file: "device/ring/chain_reader.ts",
    text: "inTable || (flags & NEXT) !== 0 ||",
    replacement: "inTable || (flags & (NEXT | WRITE)) !== 0 ||",
    tests: ["tests/standard/framing_test.ts"],
  },
  {
    fault: "a long chain is looked for in its slot's home",
    file: "device/ring/chain.ts",
    text: "  const start = starts[slot]!;\n",
    replacement: "  const start = slot * 60;\n",
    tests: ["driver/rings/hostile_split_test.ts"],
  },
];
