import type { Mutant } from "./mutant.ts";

export const MUTANTS: readonly Mutant[] = [
  {
    fault: "a slot keeps the lists of a very long chain",
    file: "device/data_queue.ts",
    text: "    slot.releaseLongLists();\n",
    replacement: "",
    tests: ["tests/hostile/long_chains_test.ts"],
  },
  {
    fault: "a cipher's own limit is not asked for",
    file: "device/request_check.ts",
    text: "dataFits(rules, 0, lengthBytes);",
    replacement: "true;",
    tests: ["tests/standard/algorithm_limits_test.ts"],
  },
  {
    fault: "a code's own limit counts its IV",
    file: "device/request_check.ts",
    text: "dataFits(rules, 0, sourceBytes - rules.macIvBytes);",
    replacement: "dataFits(rules, 0, sourceBytes);",
    tests: ["tests/standard/algorithm_limits_test.ts"],
  },
  {
    fault: "the draft's decryptions may be a tag longer than CCM has room for",
    file: "device/request_check.ts",
    text: 'const tagBytes = tagEndsSource && rules.direction === "decrypt"',
    replacement: 'const tagBytes = rules.direction === "decrypt"',
    tests: ["device/request_check_test.ts"],
  },
  {
    fault: "an AEAD's own limit is not asked for",
    file: "device/request_check.ts",
    text:
      "return dataFits(rules, request.ivBytes, request.sourceBytes - tagBytes);",
    replacement: "return tagBytes >= 0;",
    tests: ["device/request_check_test.ts"],
  },
  {
    fault: "what needs a withheld feature or service is offered still",
    file: "device/withheld.ts",
    text: "...names.flatMap(dependents)",
    replacement: "",
    tests: ["tests/standard/withheld_test.ts"],
  },
  {
    fault: "the link in process offers its own features, withheld or not",
    file: "device/transport/in_process/in_process.ts",
    text: "LINK_FEATURES & ~withheldFeatures",
    replacement: "LINK_FEATURES",
    tests: ["tests/standard/withheld_test.ts"],
  },
  {
    fault: "the link in process takes its own features, offered or not",
    file: "device/transport/in_process/in_process.ts",
    text: "unoffered === 0n &&",
    replacement: "",
    tests: ["tests/standard/withheld_test.ts"],
  },
  {
    fault: "algorithms of a withheld service are offered still",
    file: "device/device.ts",
    text: "probe.offers.filter((offer) => !isWithheld(offer, withheld))",
    replacement: "probe.offers",
    tests: ["tests/standard/withheld_test.ts"],
  },
];
