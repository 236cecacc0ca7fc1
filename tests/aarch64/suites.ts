/**
 * What of the tests runs on aarch64, and how long it may take there: emulation
 * makes it ten times slower and more, a busy machine as much again. All limits
 * together stay below half an hour.
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
      "device/transport/vhost_user/queue_thread_test.ts",
    ],
    limitSeconds: 400,
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
      "device/transport/vhost_user/descriptors_test.ts",
      "device/transport/vhost_user/driver_changes_test.ts",
    ],
    why: "each test starts threads, which takes half a minute; two of them " +
      "failed on a busy machine, and why is not known yet",
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
