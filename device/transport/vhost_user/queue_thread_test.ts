import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { openLibc } from "../../../ffi/libc.ts";
import { inSomeTry } from "../../../testing/tries.ts";
import {
  eventually,
  openDescriptors,
  startTestServer,
  testDevice,
} from "../../../testing/vhost_user_server.ts";
import { LaneHost } from "../../lane/lane_host.ts";
import type { ThreadSettings } from "../../session/thread_sessions.ts";
import { GuestUsage } from "./guest_usage.ts";
import { QueueThread } from "./queue_thread.ts";
import { ThreadSeat } from "./thread_seat.ts";

const libc = openLibc();
const usage = new GuestUsage();
const work = usage.addSeat().memory;

const MISSING = {
  name: "missing",
  specifier: "./missing.ts",
  offers: [],
  options: {},
  onLane: undefined,
};

const NO_MEMORY = { ranges: [], log: undefined };

/** A thread with one guest that has no ring, and what they told. */
function startThread(settings: ThreadSettings) {
  const told: string[] = [];
  let markEnded: () => void;
  const ended = new Promise<void>((resolve) => markEnded = resolve);
  const thread = QueueThread.start({
    libc,
    number: 0,
    lanes: new LaneHost(() => {}),
    laneFailed: ({ reason }) => told.push(`lane: ${reason}`),
    settings: [settings, { ...settings, backends: [MISSING] }],
    spinMicroseconds: 20,
    held: new Map(),
    drained: new Set(),
    ended: () => markEnded(),
  });
  ok(typeof thread !== "string");
  const seat = new ThreadSeat(thread, {
    guest: {
      broken: (index, reason) => told.push(`${index} broken: ${reason}`),
      told: (report) => told.push(`${report.kind}`),
      failed: (reason) => told.push(`failed: ${reason}`),
      stuck: () => told.push("stuck"),
      released: () => told.push("released"),
    },
    start: { guest: 1, keys: undefined, settings: 0, memory: NO_MEMORY, work },
  });
  const exit = () => {
    thread.exit();
    return ended;
  };
  return { thread, seat, told, exit };
}

/** Spins until it has had so many ticks of CPU time. */
const SPINNER = `
  const ticks = () => {
    const stat = Deno.readTextFileSync("/proc/thread-self/stat");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return Number(fields[11]) + Number(fields[12]);
  };
  onmessage = ({ data }) => {
    const end = ticks() + data;
    while (ticks() < end) {
      const next = performance.now() + 2;
      while (performance.now() < next);
    }
    postMessage("done");
  };
  postMessage("ready");
`;
const SPINNER_TICKS = 20;

/** CPU time of this process in ticks, all threads. */
function cpuTicks(): number {
  const stat = Deno.readTextFileSync("/proc/self/stat");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

/** CPU time of all threads while one that spins has its ticks, and without those. */
async function othersTicks(): Promise<number> {
  const url = URL.createObjectURL(
    new Blob([SPINNER], { type: "text/javascript" }),
  );
  const spinner = new Worker(url, { type: "module" });
  const heard = () =>
    new Promise((resolve) => spinner.onmessage = () => resolve(undefined));
  await heard();
  const before = cpuTicks();
  spinner.postMessage(SPINNER_TICKS);
  await heard();
  const ticks = cpuTicks() - before - SPINNER_TICKS;
  spinner.terminate();
  URL.revokeObjectURL(url);
  return ticks;
}

Deno.test("a thread answers commands in their order and exits when told", async () => {
  const device = await testDevice();
  const { seat, told, exit } = startThread(device.threadSettings);
  const ring = seat.addRing(0, usage.addQueue(0));
  strictEqual(await ring.stop(), 0);
  const answers: number[] = [];
  await Promise.all([1, 2, 3].map(async (i) => {
    await seat.changeMemory(NO_MEMORY);
    answers.push(i);
  }));
  strictEqual(answers.join(), "1,2,3");
  await exit();
  await rejects(ring.stop(), /has ended/);
  strictEqual(told.join(), "");
  device.close();
});

Deno.test("a thread that has ended leaves no descriptor", async () => {
  const device = await testDevice();
  const startAndEnd = async () => {
    const { seat, exit } = startThread(device.threadSettings);
    await seat.changeMemory(NO_MEMORY);
    await exit();
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

Deno.test("a guest whose backends cannot be loaded hears so, and no other does", async () => {
  const device = await testDevice();
  const { thread, seat, told, exit } = startThread(device.threadSettings);
  thread.addSettings(1);
  const others: string[] = [];
  const other = new ThreadSeat(thread, {
    guest: {
      broken: () => {},
      told: () => {},
      failed: (reason) => others.push(reason),
      stuck: () => {},
      released: () => {},
    },
    start: { guest: 2, keys: undefined, settings: 1, memory: NO_MEMORY, work },
  });
  await other.changeMemory(NO_MEMORY);
  strictEqual(others.length, 1);
  ok(others[0]!.includes("missing.ts"), others[0]);
  await seat.changeMemory(NO_MEMORY);
  deepStrictEqual(told, []);
  await Promise.all([other.leave(), seat.leave()]);
  await exit();
  device.close();
});

Deno.test("a ring outside guest memory waits for it, and stops where it was", async () => {
  const device = await testDevice();
  const { thread, seat, told, exit } = startThread(device.threadSettings);
  const ring = seat.addRing(0, usage.addQueue(0));
  strictEqual(thread.rings, 1);
  ring.start({
    size: 64,
    base: 17,
    addresses: { descriptor: 0, available: 0x1000, used: 0x2000 },
    packed: false,
    eventIndex: false,
    inOrder: false,
    mode: device.mode,
    kickFd: -1,
    callFd: -1,
    redo: 0,
  });
  strictEqual(await ring.stop(), 17);
  strictEqual(told.join(), "");
  await seat.leave();
  strictEqual(thread.rings, 0);
  await exit();
  device.close();
});

Deno.test("idle threads and an idle server use no CPU time", async () => {
  await using server = await startTestServer();
  const threads = [1, 2].map(() => startThread(server.device.threadSettings));
  for (const { seat } of threads) await seat.changeMemory(NO_MEMORY);
  await inSomeTry(async () => {
    const ticks = await othersTicks();
    // On a machine that is busy a thread that spins has as little as another one.
    ok(ticks < SPINNER_TICKS / 4, `${ticks} ticks beside ${SPINNER_TICKS}`);
  });
  for (const { exit } of threads) await exit();
});
