import type { Mutant } from "./mutant.ts";

export const MUTANTS: readonly Mutant[] = [
  {
    fault: "an identifier of a destroyed session is given out again",
    file: "device/session/session_table.ts",
    text: "id: this.#nextId++,",
    replacement: "id: this.#nextId,",
    tests: ["device/session/session_table_test.ts"],
  },
];
