import { ok, rejects, strictEqual } from "node:assert/strict";
import { openLibc } from "../../../ffi/libc.ts";
import {
  eventually,
  openDescriptors,
  startTestServer,
  testDevice,
  testMemoryTable,
} from "../../../testing/vhost_user_server.ts";
import type { Device } from "../../device.ts";
import { LaneHost } from "../../lane/lane_host.ts";
import { QueueThread, type QueueThreadOptions } from "./queue_thread.ts";

const libc = openLibc();

/** A thread with no ring, and what it told. */
function startThread(
  device: Device,
  settings: QueueThreadOptions["settings"] = device.threadSettings,
): { thread: QueueThread; told: string[] } {
  const told: string[] = [];
  const thread = QueueThread.start({
    libc,
    settings,
    lanes: new LaneHost(() => {}),
    index: 0,
    guest: 1,
    spinMicroseconds: 20,
    memory: testMemoryTable(),
    sessions: [],
    broken: (reason) => told.push(`broken: ${reason}`),
    health: (backend, failure) => told.push(`${backend}: ${failure}`),
    failure: ({ reason }) => told.push(`failure: ${reason}`),
    failed: (reason) => told.push(`failed: ${reason}`),
  });
  ok(typeof thread !== "string");
  return { thread, told };
}

/** CPU time of this process in seconds, all threads. */
function cpuSeconds(): number {
  const stat = Deno.readTextFileSync("/proc/self/stat");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

Deno.test("a thread answers commands in their order and exits when told", async () => {
  const device = await testDevice();
  const { thread, told } = startThread(device);
  strictEqual(await thread.stop(), 0);
  const answers: number[] = [];
  await Promise.all([1, 2, 3].map(async (i) => {
    await thread.changeMemory();
    answers.push(i);
  }));
  strictEqual(answers.join(), "1,2,3");
  thread.exit();
  await thread.exited;
  await rejects(thread.stop(), /has ended/);
  strictEqual(told.join(), "");
  device.close();
});

Deno.test("a thread that has ended leaves no descriptor", async () => {
  const device = await testDevice();
  const startAndEnd = async () => {
    const { thread } = startThread(device);
    await thread.stop();
    thread.exit();
    await thread.exited;
  };
  // The runtime keeps some for itself at the first.
  await startAndEnd();
  await new Promise((resolve) => setTimeout(resolve, 100));
  const before = openDescriptors();
  for (let i = 0; i < 5; i++) await startAndEnd();
  await eventually(
    () => openDescriptors() <= before,
    () => `${openDescriptors()} descriptors, before ${before}`,
  );
  device.close();
});

Deno.test("a thread that cannot start says so and leaves the process alone", async () => {
  const device = await testDevice();
  const { thread, told } = startThread(device, {
    ...device.threadSettings,
    backends: [{
      name: "missing",
      specifier: "./missing.ts",
      offers: [],
      options: {},
      onLane: undefined,
    }],
  });
  await rejects(thread.stop());
  await thread.exited;
  strictEqual(told.length, 1);
  ok(told[0]!.startsWith("failed: "), told[0]);
  device.close();
});

Deno.test("a ring outside guest memory waits for it, and stops where it was", async () => {
  const device = await testDevice();
  const { thread, told } = startThread(device);
  thread.start({
    size: 64,
    base: 17,
    addresses: { descriptor: 0, available: 0x1000, used: 0x2000 },
    packed: false,
    eventIndex: false,
    inOrder: false,
    mode: device.mode,
    kickFd: -1,
    callFd: -1,
  });
  strictEqual(await thread.stop(), 17);
  strictEqual(told.join(), "");
  thread.exit();
  await thread.exited;
  device.close();
});

Deno.test("idle threads and an idle server use no CPU time", async () => {
  await using server = await startTestServer();
  const threads = [1, 2].map(() => startThread(server.device).thread);
  for (const thread of threads) await thread.stop();
  await new Promise((resolve) => setTimeout(resolve, 500));
  const before = cpuSeconds();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const used = cpuSeconds() - before;
  for (const thread of threads) {
    thread.exit();
    await thread.exited;
  }
  ok(used < 0.1, `${used} s of CPU time in 1 s`);
});
