import type { Mutant } from "./mutant.ts";

export const MUTANTS: readonly Mutant[] = [
  {
    fault: "an identifier of a destroyed session is given out again",
    file: "device/session/session_table.ts",
    text: "id: this.#nextId++,",
    replacement: "id: this.#nextId,",
    tests: ["device/session/session_table_test.ts"],
  },
  {
    fault: "a key of many primes goes to a backend that has two",
    file: "device/session/placement.ts",
    text: "return rsaPrimes <= (offer.rsaPrimes ?? RSA_USUAL_PRIMES) &&",
    replacement: "return rsaPrimes > 0 &&",
    tests: ["tests/standard/multi_prime_test.ts"],
  },
];
