import { LaneHost } from "../device/lane/lane_host.ts";
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import { MemoryGuard } from "../device/transport/vhost_user/memory_guard.ts";
import { QueueThreads } from "../device/transport/vhost_user/queue_threads.ts";
import {
  type ServerOptions,
  VhostUserServer,
} from "../device/transport/vhost_user/server.ts";
import { openLibc } from "../ffi/libc.ts";
import { Reactor } from "../ffi/reactor.ts";
import {
  eventually,
  openDescriptors,
  testDevice,
} from "../testing/vhost_user_server.ts";
import { Driver } from "./driver.ts";
import {
  connectVhostUser,
  type VhostUserLink,
} from "./vhost_user_front_end.ts";

const LINKS = 200;
const DATA = new Uint8Array(100).fill(7);
const DIGEST = new Uint8Array(createHash("sha256").update(DATA).digest());

/** One device of this process at many sockets. */
class Sockets implements AsyncDisposable {
  readonly paths: readonly string[];
  readonly #folder = Deno.makeTempDirSync();
  readonly #servers: readonly VhostUserServer[];
  readonly #options: ServerOptions;

  private constructor(options: ServerOptions) {
    this.#options = options;
    this.paths = Array.from(
      { length: LINKS },
      (_, i) => `${this.#folder}/${i}`,
    );
    this.#servers = this.paths.map((path) =>
      VhostUserServer.listen(path, options)
    );
  }

  static async open(): Promise<Sockets> {
    const libc = openLibc();
    const device = await testDevice("noble", { dataQueueCount: 1 });
    const reactor = Reactor.open(libc);
    return new Sockets({
      libc,
      reactor,
      device,
      memoryGuard: new MemoryGuard(libc, reactor),
      threads: new QueueThreads({
        libc,
        lanes: new LaneHost(() => {}),
        count: 1,
        spinMicroseconds: 0,
        laneFailed: () => {},
      }),
      log: () => {},
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) await server.close();
    await this.#options.threads.close();
    this.#options.memoryGuard.close();
    await this.#options.reactor.close();
    this.#options.device.close();
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

/** Threads of this process. */
const threads = (): number => [...Deno.readDirSync("/proc/self/task")].length;

Deno.test(`${LINKS} links of one program are open at a time, and each answers`, async () => {
  await using sockets = await Sockets.open();
  const attach = (path: string) =>
    connectVhostUser(path, { memoryBytes: 1 << 20 });
  // The first starts what all have together, in the runtime too.
  const first = await attach(sockets.paths[0]!);
  await use(first);
  await first.close();
  const before = { descriptors: openDescriptors(), threads: threads() };
  // All at the same time, as a program that serves many would.
  const links = await Promise.all(sockets.paths.map(attach));
  for (const link of links) {
    await link.acceptFeatures(1n << 32n);
    strictEqual((await link.readConfig()).length, 56);
  }
  // Not one for each link; the runtime may have started a few of its own.
  ok(threads() < before.threads + 20, `${threads()}, ${before.threads} before`);
  // Each queue of the device has a thread, so not on all.
  for (const index of [0, 31, 32, LINKS - 1]) await use(links[index]!);
  for (const link of links) await link.close();
  await eventually(
    () => openDescriptors() <= before.descriptors,
    () => `${openDescriptors()} descriptors, ${before.descriptors} before`,
  );
});

async function use(link: VhostUserLink): Promise<void> {
  await link.reset();
  const driver = await Driver.start(link);
  const hash = await driver.hash({ algorithm: "sha256" });
  deepStrictEqual(await hash.digest(DATA), DIGEST);
  await hash.close();
}
