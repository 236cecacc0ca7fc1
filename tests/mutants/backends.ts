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
  {
    fault: "a job that the library refuses holds up the others of its burst",
    file: "backends/ipsec_mb/queues.ts",
    text: "if (this.#burst(this.#jobs, count) === count) return;",
    replacement: "if (this.#burst(this.#jobs, count) <= count) return;",
    tests: ["backends/ipsec_mb/queues_test.ts"],
  },
  {
    fault: "jobs that are done are done again",
    file: "backends/ipsec_mb/queues.ts",
    text: "if (this.#burst(this.#jobs, count) === count) return;",
    replacement: "this.#burst(this.#jobs, count);",
    tests: ["backends/ipsec_mb/queues_test.ts"],
  },
  {
    fault: "bounce memory that is given up keeps its messages",
    file: "backends/ipsec_mb/native_memory.ts",
    text: "    this.block.wipe();\n    this.block = new",
    replacement: "    this.block = new",
    tests: ["backends/ipsec_mb/native_memory_test.ts"],
  },
  {
    fault: "a closed cipher session stays in the jobs",
    file: "backends/ipsec_mb/cipher_session.ts",
    text: "    this.#runner.forget(this, this.#kernel);\n",
    replacement: "",
    tests: ["backends/ipsec_mb/key_wiping_test.ts"],
  },
  {
    fault: "a closed hash session stays in the jobs",
    file: "backends/ipsec_mb/digest_session.ts",
    text: "    this.#runner.forget(this, this.#kernel);\n",
    replacement: "",
    tests: ["backends/ipsec_mb/key_wiping_test.ts"],
  },
  {
    fault: "a closed AEAD session stays in the jobs",
    file: "backends/ipsec_mb/aead_session.ts",
    text: "    this.#runner.forget(this);\n",
    replacement: "",
    tests: ["backends/ipsec_mb/key_wiping_test.ts"],
  },
  {
    fault: "a closed chain session stays in the jobs",
    file: "backends/ipsec_mb/chain_session.ts",
    text: "    this.#runner.forget(this, this.#cipher, this.#hash);\n",
    replacement: "",
    tests: ["backends/ipsec_mb/key_wiping_test.ts"],
  },
  {
    fault: "a thread that closes keeps its messages",
    file: "backends/ipsec_mb/runner.ts",
    text: "    this.#bounce.wipe();\n",
    replacement: "",
    tests: ["backends/ipsec_mb/key_wiping_test.ts"],
  },
  {
    fault: "a callback that may still be called is given back",
    file: "backends/qat/thread.ts",
    text: "if (isQuiet) this.#callback.close();",
    replacement: "this.#callback.close();",
    tests: ["backends/qat/threads_test.ts"],
  },
  {
    fault: "a callback is never given back",
    file: "backends/qat/thread.ts",
    text: "if (isQuiet) this.#callback.close();",
    replacement: "if (!isQuiet) this.#callback.close();",
    tests: ["backends/qat/threads_test.ts"],
  },
];
