/**
 * A vhost-user device of this process, for tests.
 *
 * @module
 */

import { probeBackends } from "../backends/probe.ts";
import { Device, type DeviceSettings } from "../device/device.ts";
import { LaneHost } from "../device/lane/lane_host.ts";
import { withWorkerLane } from "../device/lane/worker_lane.ts";
import { Reactor } from "../ffi/reactor.ts";
import { MemoryGuard } from "../device/transport/vhost_user/memory_guard.ts";
import {
  MemoryTable,
  type MemoryTableOptions,
} from "../device/transport/vhost_user/memory_table.ts";
import { QueueThreads } from "../device/transport/vhost_user/queue_threads.ts";
import {
  type ServerOptions,
  VhostUserServer,
} from "../device/transport/vhost_user/server.ts";
import { openLibc } from "../ffi/libc.ts";

const STEP_MS = 5;
const STEPS = 6000;

/** A device, its socket and what it logged. */
export interface TestServer extends AsyncDisposable {
  readonly path: string;
  readonly device: Device;
  readonly options: ServerOptions;
  readonly lanes: LaneHost;
  readonly log: readonly string[];
  /** Counters of the present guest's data queues, by queue. */
  readonly counters: VhostUserServer["counters"];
  /** Waits for a log line with this text; throws when it does not come. */
  logged(text: string, times?: number): Promise<void>;
}

/** A device with two data queues, on backends with commas between them. */
export async function testDevice(
  backends = "noble",
  changes: Partial<DeviceSettings> = {},
  lanes = new LaneHost(() => {}),
): Promise<Device> {
  const probed = await probeBackends(backends.split(","));
  return new Device({
    backends: probed.map((one) => withWorkerLane(one, lanes)),
    dataQueueCount: 2,
    maximumSessions: 32,
    maximumSizeBytes: 1024 * 1024,
    layout: "virtio",
    allowWeak: false,
    rules: [],
    fallback: "never",
    ...changes,
  });
}

/** A memory table by itself, which nothing covers. */
export function testMemoryTable(
  changes: Partial<MemoryTableOptions> = {},
): MemoryTable {
  return new MemoryTable({
    libc: openLibc(),
    memoryGuard: { unsealedMemory: "serve", cover: () => () => {} },
    log: () => {},
    numberOf: () => 0,
    lost: () => {},
    ...changes,
  });
}

/** Serves a device; `serve` opens the socket, by default at a new path. */
export async function startTestServer(
  serve = VhostUserServer.listen,
  backend = "noble",
  changes: Partial<DeviceSettings> = {},
  threadCount = 1,
  callLimitMs?: number,
): Promise<TestServer> {
  const libc = openLibc();
  const folder = await Deno.makeTempDir();
  const path = `${folder}/socket`;
  const log: string[] = [];
  const lanes = new LaneHost(({ reason }) => log.push(`warn: lane: ${reason}`));
  const device = await testDevice(backend, changes, lanes);
  const reactor = Reactor.open(libc);
  const memoryGuard = new MemoryGuard(libc, reactor);
  const threads = new QueueThreads({
    libc,
    lanes,
    count: threadCount,
    spinMicroseconds: 20,
    laneFailed: ({ reason }) => log.push(`warn: lane: ${reason}`),
    ...(callLimitMs !== undefined && { callLimitMs }),
  });
  const options: ServerOptions = {
    libc,
    reactor,
    device,
    memoryGuard,
    threads,
    log: (level, line) => log.push(`${level}: ${line}`),
  };
  const server = serve(path, options);
  return {
    path,
    device,
    options,
    lanes,
    log,
    get counters() {
      return server.counters;
    },
    logged: (text, times = 1) =>
      eventually(
        () => log.filter((line) => line.includes(text)).length >= times,
        () => `"${text}" ${times} times in:\n${log.join("\n")}`,
      ),
    async [Symbol.asyncDispose]() {
      await server.close();
      await threads.close();
      memoryGuard.close();
      await lanes.close();
      await reactor.close();
      device.close();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** Waits until `condition` holds. */
export async function eventually(
  condition: () => boolean,
  what: () => string,
): Promise<void> {
  for (let i = 0; i < STEPS; i++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
  throw new Error(`Not seen in time: ${what()}`);
}

/** Caches that the runtime opens when it first needs them, and what is being read. */
const OF_THE_RUNTIME = /^\/proc\/|_cache_v\d/;

/** Descriptors of this process that are none of the runtime's files. */
export function openDescriptors(): number {
  const folder = "/proc/self/fd";
  return [...Deno.readDirSync(folder)].filter(({ name }) => {
    try {
      return !OF_THE_RUNTIME.test(Deno.readLinkSync(`${folder}/${name}`));
    } catch (error) {
      // Closed meanwhile: the list's own, for one.
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }).length;
}

/** Shared mappings of files named `guest` in this process. */
export function guestMappings(): number {
  const maps = Deno.readTextFileSync("/proc/self/maps");
  return maps.split("\n").filter((line) => line.includes("memfd:guest")).length;
}
