import type { Mutant } from "./mutant.ts";

export const MUTANTS: readonly Mutant[] = [
  {
    fault: "the program starts in every bundle that has it",
    file: "cli/main.ts",
    text: ' && import.meta.url.endsWith("/cli/main.ts")',
    replacement: "",
    tests: ["tests/package/import_test.ts"],
  },
  {
    fault: "the library ends every bundle that has it",
    file: "mod.ts",
    text: ' && import.meta.url.endsWith("/mod.ts")',
    replacement: "",
    tests: ["tests/package/import_test.ts"],
  },
];
