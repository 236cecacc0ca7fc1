import type { Mutant } from "./mutant.ts";

export const MUTANTS: readonly Mutant[] = [
  {
    fault: "a log that cannot be written ends the device",
    file: "cli/log_sink.ts",
    text: "    } catch {\n      return false;\n    }\n  };",
    replacement: "    } catch (error) {\n      throw error;\n    }\n  };",
    tests: ["tests/cli/log_test.ts"],
  },
  {
    fault: "the device waits for whoever reads its log",
    file: "cli/log_sink.ts",
    text: "if (!hasRoom(libc, STANDARD_ERROR)) return false;",
    replacement: "hasRoom(libc, STANDARD_ERROR);",
    tests: ["tests/cli/log_test.ts"],
  },
  {
    fault: "a plugin writes lines of its own into the log",
    file: "cli/log_format.ts",
    text: "    (character) => JSON.stringify(character).slice(1, -1),",
    replacement: "    (character) => character,",
    tests: ["cli/log_test.ts"],
  },
  {
    fault: "the end of a terminal leaves a socket behind",
    file: "cli/serve.ts",
    text: '"SIGTERM", "SIGHUP"]',
    replacement: '"SIGTERM"]',
    tests: ["tests/cli/log_test.ts"],
  },
];
