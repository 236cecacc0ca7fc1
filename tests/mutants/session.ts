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
  {
    fault: "a thread keeps the keys of sessions that are closed",
    file: "device/session/thread_sessions.ts",
    text: "    }\n    wipeKeys(session.description);\n",
    replacement: "    }\n",
    tests: ["device/session/thread_sessions_test.ts"],
  },
  {
    fault: "a thread that ends keeps the keys of what is under way",
    file: "device/session/thread_sessions.ts",
    text: "const all = [...this.#sessions.values(), ...this.#ending];",
    replacement: "const all = [...this.#sessions.values()];",
    tests: ["device/session/thread_sessions_test.ts"],
  },
  {
    fault: "an announcement stays in shared memory when all have taken it",
    file: "device/session/announcement_memory.ts",
    text: "    record.fill(0);\n",
    replacement: "",
    tests: ["device/session/announcement_memory_test.ts"],
  },
  {
    fault: "a thread keeps the bytes of an announcement",
    file: "device/session/announcement_memory.ts",
    text: "  bytes.fill(0);\n",
    replacement: "",
    tests: ["tests/hostile/key_roads_test.ts"],
  },
  {
    fault: "shared memory of announcements is never used again",
    file: "device/session/announcement_memory.ts",
    text: "    if (this.isFree) this.#used = COUNTER_BYTES;\n",
    replacement: "",
    tests: ["device/session/announcement_memory_test.ts"],
  },
  {
    fault: "the record of an illegal session is taken",
    file: "device/session/session_record.ts",
    text: "const wrong = findIllegal(description)?.reason ??",
    replacement: "const wrong = undefined ??",
    tests: ["device/session/session_record_test.ts"],
  },
  {
    fault: "a record may hold numbers that mean nothing",
    file: "device/session/session_record.ts",
    text: "findUnused(parameters, description);\n  if",
    replacement: "undefined;\n  if",
    tests: ["device/session/session_record_test.ts"],
  },
  {
    fault: "a placement may leave sizes out",
    file: "device/session/placement_record.ts",
    text: "last?.fromBytes !== 0 || last.belowBytes !== Infinity",
    replacement: "last === undefined",
    tests: ["device/session/session_record_test.ts"],
  },
];
