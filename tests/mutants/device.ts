import type { Mutant } from "./mutant.ts";

export const MUTANTS: readonly Mutant[] = [
  {
    fault: "draft 9: the used length is that of a whole structure",
    file: "device/draft9_requests.ts",
    text: "Math.min(writable.totalBytes, DRAFT_9_REQUEST_BYTES)",
    replacement: "DRAFT_9_REQUEST_BYTES",
    tests: ["tests/standard/draft9_test.ts"],
  },
  {
    fault: "draft 9: an address outside guest memory is followed",
    file: "device/draft9_control.ts",
    text: "if (found) segments.read(0, into);\n  return found;",
    replacement: "if (found) segments.read(0, into);\n  return true;",
    tests: ["tests/standard/draft9_test.ts"],
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
