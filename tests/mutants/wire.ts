import type { Mutant } from "./mutant.ts";

export const MUTANTS: readonly Mutant[] = [
  {
    fault:
      "a long key of a service that is not offered is too long, not NOTSUPP",
    file: "device/wire/session_parameters.ts",
    text: "if (!offers(limits, service)) return notOffered(service);",
    replacement: "",
    tests: ["tests/standard/withheld_test.ts"],
  },
  {
    fault:
      "a chain's key of a MAC that is not offered is too long, not NOTSUPP",
    file: "device/wire/session_parameters.ts",
    text:
      "if (!offers(limits, ServiceNumber.Mac)) return notOffered(ServiceNumber.Mac);",
    replacement: "",
    tests: ["tests/standard/withheld_test.ts"],
  },
];
