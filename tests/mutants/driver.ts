import type { Mutant } from "./mutant.ts";

export const MUTANTS: readonly Mutant[] = [{
  fault: "a session message that the driver has sent keeps its key",
  file: "driver/vhost_user/connection.ts",
  text: "      message.fill(0);\n",
  replacement: "",
  tests: ["tests/hostile/key_messages_test.ts"],
}];
