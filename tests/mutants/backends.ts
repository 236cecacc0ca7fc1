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
  {
    fault:
      "openssl takes a multi-prime key whose halves do not belong together",
    file: "backends/openssl/rsa.ts",
    text: "if (!isProven && !this.#isPair()) {",
    replacement: "if (!isProven && this.modulusBytes === 0) {",
    tests: ["tests/standard/multi_prime_test.ts"],
  },
  {
    fault: "openssl says nothing of the primes it takes",
    file: "backends/openssl/multi_prime.ts",
    text: "return MAXIMUM_PRIMES;",
    replacement: "return undefined;",
    tests: ["tests/standard/multi_prime_test.ts"],
  },
];
