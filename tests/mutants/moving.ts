import type { Mutant } from "./mutant.ts";

const RING = "device/ring";
const VHOST_USER = "device/transport/vhost_user";
const INFLIGHT = "tests/restart/inflight_test.ts";
const STATE = "tests/migration/device_state_test.ts";
const LOGGED = "device/ring/logged_virtqueue_test.ts";

/** Guests that move, and front-ends that connect again. */
export const MUTANTS: readonly Mutant[] = [
  {
    fault: "a split ring does not write down what it takes",
    file: `${RING}/split_inflight.ts`,
    text: "Atomics.store(bytes, byteOf(head), 1);",
    replacement: "",
    tests: [INFLIGHT],
  },
  {
    fault: "the last batch of a split ring is done again",
    file: `${RING}/split_inflight.ts`,
    text: "Math.min(batch, size); left > 0",
    replacement: "0; left > 0",
    tests: [INFLIGHT],
  },
  {
    fault: "answers of a packed ring that were not shown stay",
    file: `${RING}/packed_inflight.ts`,
    text: "if (takesAgain) this.#putBack(lists);",
    replacement: "if (takesAgain);",
    tests: [INFLIGHT],
  },
  {
    fault: "a batch of a packed ring that was shown is done again",
    file: `${RING}/packed_inflight_part.ts`,
    text: "if (hasMoved && !isAvailableAt(flagsAt(old), old | wrap << 15)) {",
    replacement: "if (hasMoved && old < 0) {",
    tests: [INFLIGHT],
  },
  {
    fault: "where a ring goes on is what the front-end says",
    file: `${VHOST_USER}/ring_tracker.ts`,
    text: "if (!place || !inflight.isLeft(index)) return undefined;",
    replacement: "if (!place || index >= 0) return undefined;",
    tests: ["tests/restart/reconnect_test.ts"],
  },
  {
    fault: "used entries are not logged",
    file: `${RING}/logged_virtqueue.ts`,
    text: "    this.#markUsed();\n",
    replacement: "",
    tests: [LOGGED],
  },
  {
    fault: "what tells the driver to notify is not logged",
    file: `${RING}/logged_virtqueue.ts`,
    text: "disableNotifications();\n    this.#markEvents();",
    replacement: "disableNotifications();",
    tests: [LOGGED],
  },
  {
    fault: "a status behind all that is written is not logged",
    file: `${RING}/logged_virtqueue.ts`,
    text: "    this.#markRange(region, slots.statusOffsets[slot]!, 1);\n",
    replacement: "",
    tests: [LOGGED],
  },
  {
    fault: "buffers that a request of the draft names are not logged",
    file: "device/logged_requests.ts",
    text: "      this.#mark(slots[i]!, BurstField.Destination);\n",
    replacement: "",
    tests: ["tests/migration/dirty_log_test.ts"],
  },
  {
    fault: "a log is used on after another was answered",
    file: `${VHOST_USER}/guest.ts`,
    text: "    await this.logChanged();\n    this.#dropOldLogs();\n",
    replacement: "    void this.logChanged();\n",
    tests: ["tests/migration/dirty_log_test.ts"],
  },
  {
    fault: "a session without a place is lost on the way",
    file: `${VHOST_USER}/moved_device.ts`,
    text: "if (lost.length === 0) return undefined;",
    replacement: "if (lost.length >= 0) return undefined;",
    tests: [STATE],
  },
  {
    fault: "a state has no end",
    file: `${VHOST_USER}/state_transfer.ts`,
    text: "if (end > limit) return",
    replacement: "if (end < 0) return",
    tests: [STATE],
  },
  {
    fault: "a ring of a lost process starts where nobody knew",
    file: `${VHOST_USER}/ring_plans.ts`,
    text: "else state.baseUnknown = true;",
    replacement: "",
    tests: ["tests/restart/lost_process_test.ts"],
  },
];
