import type { Mutant } from "./mutant.ts";

const LIMITS_TEST = "tests/standard/algorithm_limits_test.ts";

export const MUTANTS: readonly Mutant[] = [
  {
    fault: "openssl takes an empty HMAC key for none",
    file: "backends/openssl/digests.ts",
    text: "const bytes = key.length > 0 ? key : EMPTY_HMAC_KEY;",
    replacement: "const bytes = key;",
    tests: [LIMITS_TEST],
  },
];
