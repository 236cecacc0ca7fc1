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
  {
    fault: "a native backend is loaded where nothing native can be called",
    file: "backends/registry.ts",
    text: " && !PORTABLE.has(specifier) && !hasForeignFunctions()",
    replacement: " && !PORTABLE.has(specifier) && false",
    tests: ["tests/package/library_test.ts"],
  },
  {
    fault: "a page without cross-origin isolation has no device",
    file: "memory/thread_memory.ts",
    text: 'typeof SharedArrayBuffer === "undefined"',
    replacement: "false",
    tests: ["tests/package/browser_test.ts"],
  },
  {
    fault: "the program's threads begin in a file that its package lacks",
    file: "packaging/library.ts",
    text: "if (renamed !== text) await",
    replacement: "if (renamed === text) await",
    tests: ["tests/package/program_test.ts"],
  },
];
