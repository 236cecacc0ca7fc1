import type { Mutant } from "./mutant.ts";

export const MUTANTS: readonly Mutant[] = [
  {
    fault: "what outlives its guest keeps its room on the lane",
    file: "device/lane/guest_way.ts",
    text: "if (this.#closed) return release();",
    replacement: "",
    tests: ["device/lane/channel_test.ts"],
  },
  {
    fault: "an outcome that is no number is taken for one",
    file: "device/lane/scheduler.ts",
    text: 'typeof value === "number" && (value | 0) === value',
    replacement: "true",
    tests: ["tests/hostile/asynchronous_backend_test.ts"],
  },
  {
    fault: "an operation that is late is never given up",
    file: "device/lane/scheduler.ts",
    text: "if (now < one.deadline) continue;",
    replacement: "continue;",
    tests: ["tests/hostile/asynchronous_backend_test.ts"],
  },
  {
    fault: "what a lane has when a ring stops is waited for without end",
    file: "device/lane/lane_thread.ts",
    text: "    operation.status = OperationStatus.Failed;",
    replacement: "",
    tests: ["tests/hostile/lane_stops_test.ts"],
  },
  {
    fault: "copies are not wiped",
    file: "device/lane/job.ts",
    text: "  data.source.fill(0);",
    replacement: "",
    tests: ["tests/hostile/asynchronous_backend_test.ts"],
  },
  {
    fault: "a thread that is stuck is given more",
    file: "device/lane/shared_way.ts",
    text: "    if (this.isStuck) this.#giveUp();",
    replacement: "",
    tests: ["tests/hostile/lane_stops_test.ts"],
  },
  {
    fault: "an interruption makes operations long",
    file: "device/session/long_operations.ts",
    text: "if (sourceBytes >= this.#shortest) this.#forget();",
    replacement: "",
    tests: ["device/session/long_operations_test.ts"],
  },
  {
    fault: "a lane falls asleep on what has just come",
    file: "device/lane/lookout.ts",
    text: "if (channel.fallAsleep()) hasMore = true;",
    replacement: "channel.fallAsleep();",
    tests: ["device/lane/lookout_test.ts"],
  },
  {
    fault: "a lane looks on the processor that its sender needs",
    file: "device/lane/lookout.ts",
    text: "this.#isInTheWay() || ",
    replacement: "",
    tests: ["device/lane/lookout_test.ts"],
  },
  {
    fault: "one look in vain makes looks rare for ever",
    file: "device/lane/patience.ts",
    text: "    this.#penalty = 0;",
    replacement: "",
    tests: ["device/lane/patience_test.ts"],
  },
];
