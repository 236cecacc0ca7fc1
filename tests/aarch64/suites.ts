/**
 * What of the tests runs on aarch64, and how long it may take there: emulation
 * makes it ten times slower and more, a busy machine as much again. Two suites run
 * at a time, and all limits together stay below three quarters of an hour.
 *
 * @module
 */

/** Test files that run in one process. */
export interface Suite {
  readonly name: string;
  readonly paths: readonly string[];
  readonly limitSeconds: number;
}

/** Test files of the same rooms that do not run where aarch64 is emulated. */
export interface LeftOut {
  readonly paths: readonly string[];
  readonly why: string;
}

/** Folders each test file of which is in a suite, or is left out and says why. */
export const ROOMS: readonly string[] = [
  "device/lane",
  "device/ring",
  "device/transport",
  "driver/rings",
  "tests/memory_order",
];

export const SUITES: readonly Suite[] = [
  {
    name: "rings",
    paths: [
      "driver/rings/driver_queue_test.ts",
      "driver/rings/hostile_packed_test.ts",
      "driver/rings/hostile_split_test.ts",
    ],
    limitSeconds: 300,
  },
  {
    name: "virtqueues",
    paths: [
      "device/ring/events_test.ts",
      "device/ring/in_order_test.ts",
      "device/ring/kept_ring_test.ts",
      "device/ring/logged_virtqueue_test.ts",
      "device/ring/used_journal_test.ts",
      "device/ring/virtqueue_test.ts",
    ],
    limitSeconds: 120,
  },
  {
    name: "lanes",
    paths: ["device/lane"],
    limitSeconds: 500,
  },
  {
    name: "memory-order",
    paths: ["tests/memory_order"],
    limitSeconds: 500,
  },
  {
    name: "driver",
    paths: ["driver/driver_test.ts", "driver/vhost_user_front_end_test.ts"],
    limitSeconds: 250,
  },
  {
    name: "in-process",
    paths: ["device/transport/in_process"],
    limitSeconds: 250,
  },
  {
    name: "missing-pages",
    paths: ["ffi/covered_memory_test.ts"],
    limitSeconds: 100,
  },
  {
    name: "vhost-user",
    paths: [
      "device/transport/vhost_user/connection_test.ts",
      "device/transport/vhost_user/descriptors_test.ts",
      "device/transport/vhost_user/queue_thread_test.ts",
      "device/transport/vhost_user/shared_threads_test.ts",
    ],
    limitSeconds: 600,
  },
];

export const LEFT_OUT: readonly LeftOut[] = [
  {
    paths: ["ffi/sigbus_test.ts"],
    why: "it starts processes, as the next one does",
  },
  {
    paths: ["driver/vhost_user_device_test.ts"],
    why: "it starts a device by the file of the running Deno, which the " +
      "system cannot run: QEMU's emulation of a process does not reach execve",
  },
  {
    paths: [
      "device/transport/vhost_user/driver_changes_test.ts",
      "device/transport/vhost_user/kept_associations_test.ts",
      "device/transport/vhost_user/kept_sessions_test.ts",
      "device/transport/vhost_user/qemu_sequences_test.ts",
      "device/transport/vhost_user/ring_changes_test.ts",
      "device/transport/vhost_user/ring_states_test.ts",
      "device/transport/vhost_user/server_test.ts",
      "device/transport/vhost_user/throttle_test.ts",
      "device/transport/vhost_user/violations_test.ts",
    ],
    why:
      "most tests start threads, which takes from ten seconds to a minute: " +
      "the four of that room that run stand for them",
  },
  {
    paths: ["device/transport/vhost_user/stuck_thread_test.ts"],
    why:
      "a call counts as stuck there after 150 ms, which an emulated one may " +
      "take by itself",
  },
  {
    paths: [
      "device/ring/chain_reader_test.ts",
      "device/ring/guest_memory_test.ts",
      "device/ring/packed_inflight_test.ts",
      "device/ring/ring_positions_test.ts",
      "device/ring/undo_log_test.ts",
      "device/transport/vhost_user/driver_life_test.ts",
      "device/transport/vhost_user/driver_rounds_test.ts",
      "device/transport/vhost_user/guest_usage_test.ts",
      "device/transport/vhost_user/inflight_memory_test.ts",
      "device/transport/vhost_user/journal_place_test.ts",
      "device/transport/vhost_user/kept_answers_test.ts",
      "device/transport/vhost_user/kept_guest_test.ts",
      "device/transport/vhost_user/memory_table_test.ts",
      "device/transport/vhost_user/messages_test.ts",
      "device/transport/vhost_user/passed_kick_test.ts",
      "device/transport/vhost_user/queue_loop_test.ts",
      "device/transport/vhost_user/queue_ring_test.ts",
      "device/transport/vhost_user/ring_base_test.ts",
      "device/transport/vhost_user/ring_plans_test.ts",
      "device/transport/vhost_user/ring_tracker_test.ts",
      "device/transport/vhost_user/spin_policy_test.ts",
    ],
    why: "one thread, and nothing that a processor could order otherwise",
  },
  {
    paths: [
      "driver/rings/notification_test.ts",
      "driver/rings/round_trip_test.ts",
    ],
    why: "one thread and some hundred thousand requests: they take minutes " +
      "and say nothing of a processor",
  },
  {
    paths: ["tests/standard"],
    why: "twenty devices a test: not measured yet, and not within the time",
  },
];
