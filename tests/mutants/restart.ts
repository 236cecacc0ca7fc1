import type { Mutant } from "./mutant.ts";

export const MUTANTS: readonly Mutant[] = [
  {
    fault: "what the driver has seen already is shown to it again",
    file: "device/ring/packed_virtqueue.ts",
    text: "    if (this.#isAvailable()) {\n",
    replacement: "    if (unshown >= 0) {\n",
    tests: ["device/ring/kept_ring_test.ts"],
  },
  {
    fault: "what was written down is not shown by the next process",
    file: "device/ring/used_journal.ts",
    text: "return isNew && count > 0 && count <= MOST_USED ? count : 0;",
    replacement: "return isNew && count < 0 ? count : 0;",
    tests: ["device/ring/kept_ring_test.ts"],
  },
  {
    fault: "a request that is done again gets a new number",
    file: "device/state/request_numbers.ts",
    text: "this.#again = count - i;",
    replacement: "this.#again = undefined;",
    tests: ["device/state/request_numbers_test.ts"],
  },
  {
    fault: "the key of a closed session stays in the log",
    file: "device/state/session_log.ts",
    text: "bytes.fill(0, at + ENTRY_HEADER_BYTES, at + lengthBytes);",
    replacement: "bytes.fill(0, at + lengthBytes, at + lengthBytes);",
    tests: ["device/state/session_log_test.ts"],
  },
  {
    fault: "another process than the supervised one is obeyed",
    file: "keeper/supervisor.ts",
    text: "if (this.#pid !== 0 && this.#messages.senderPid === this.#pid) {",
    replacement: "if (this.#messages.senderPid > 0) {",
    tests: ["keeper/supervisor_test.ts"],
  },
  {
    fault: "harmless requests are taken for one that ends each process",
    file: "device/data_queue.ts",
    text: "const most = redo > 0 ? 1 : mostRequests;\n" +
      "    const undo = this.#undo;\n    let mostBytes = bytes;\n" +
      "    if (undo !== undefined) {\n" +
      "      if (this.#waitsForRoom) return 0;\n" +
      "      if (redo > 0) mostBytes = 1;\n      else if",
    replacement: "const most = mostRequests;\n" +
      "    const undo = this.#undo;\n    let mostBytes = bytes;\n" +
      "    if (undo !== undefined) {\n" +
      "      if (this.#waitsForRoom) return 0;\n      if",
    tests: ["tests/restart/deadly_request_test.ts"],
  },
  {
    fault: "what follows a request that ends each process is refused, too",
    file: "device/data_queue.ts",
    text: "if (this.#journal) this.#journal.tries = 0;",
    replacement: "if (!this.#journal) this.#redo = 0;",
    tests: ["tests/restart/deadly_request_test.ts"],
  },
  {
    fault: "a request that is on a lane counts as one that has ended",
    file: "device/data_queue.ts",
    text: "if (this.#pending.count > 0) return;",
    replacement: "",
    tests: ["tests/restart/deadly_request_test.ts"],
  },
  {
    fault: "a request like the one before is done again without a look",
    file: "device/request_undo.ts",
    text: "let i = isAgain ? 0 : format",
    replacement: "let i = format",
    tests: ["device/request_undo_test.ts"],
  },
  {
    fault: "what was about to be shown is a descriptor longer than it is",
    file: "device/transport/vhost_user/ring_base.ts",
    text: "let at = positions.after(position, done);",
    replacement: "let at = positions.after(position, done + 1);",
    tests: ["device/transport/vhost_user/ring_base_test.ts"],
  },
  {
    fault: "what a packed ring has available is looked for in the other lap",
    file: "device/transport/vhost_user/ring_base.ts",
    text: "if (!isAvailableAt(flags, at)) break;",
    replacement: "if (!isAvailableAt(flags, at ^ 0x8000)) break;",
    tests: ["device/transport/vhost_user/ring_base_test.ts"],
  },
  {
    fault: "requests up to one that is not under way are done again",
    file: "device/transport/vhost_user/ring_base.ts",
    text: "return count <= size ? count : 0;",
    replacement: "return count;",
    tests: ["device/transport/vhost_user/ring_base_test.ts"],
  },
  {
    fault: "a list across a ring's end is followed at the first descriptor",
    file: "device/ring/ring_positions.ts",
    text: ": (index - this.#size) |",
    replacement: ": 0 |",
    tests: ["device/ring/ring_positions_test.ts"],
  },
  {
    fault: "a used descriptor counts as one that is available",
    file: "device/ring/ring_positions.ts",
    text: "(flags & STATE_FLAGS) === availableFlags(position)",
    replacement: "(flags & availableFlags(position)) !== 0",
    tests: ["device/ring/ring_positions_test.ts"],
  },
  {
    fault: "an answer that was taken back is no longer a request either",
    file: "device/ring/packed_inflight.ts",
    text: "Atomics.store(ring, at, flags ^ DESCRIPTOR_USED);",
    replacement: "Atomics.store(ring, at, flags ^ STATE_FLAGS);",
    tests: ["device/ring/packed_inflight_test.ts"],
  },
  {
    fault: "a request behind those that were left is numbered before them",
    file: "device/ring/packed_inflight.ts",
    text: "(lists.at(-1)?.counter ?? 0n) + 1n;",
    replacement: "1n;",
    tests: ["device/ring/packed_inflight_test.ts"],
  },
  {
    fault: "lists of more descriptors than a ring has were under way",
    file: "device/ring/packed_inflight_part.ts",
    text: " || total > size) {",
    replacement: ") {",
    tests: ["device/ring/packed_inflight_test.ts"],
  },
];
