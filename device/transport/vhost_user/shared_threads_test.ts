import { ok, strictEqual } from "node:assert/strict";
import { BLOCKS, NEVER_ENDS } from "../../../testing/sluggish_backend.ts";
import { startSluggish } from "../../../testing/sluggish_guest.ts";
import { words } from "../../../testing/scripted_front_end.ts";
import { inSomeTry } from "../../../testing/tries.ts";
import { aesCbc, createNow } from "../../../testing/sessions.ts";
import {
  connect,
  encryption,
  openDeviceSession,
  startRing,
  usedIndex,
} from "../../../testing/vhost_user_rings.ts";
import {
  startTestServer,
  testDevice,
  type TestServer,
} from "../../../testing/vhost_user_server.ts";
import { Request } from "./messages.ts";
import { VhostUserServer } from "./server.ts";

const SLUGGISH = import.meta.resolve("../../../testing/sluggish_backend.ts");

/** Another guest of the same process, with a socket and a device of its own. */
async function another(server: TestServer, backend: string, number: number) {
  const device = await testDevice(backend, {}, server.lanes);
  const path = `${server.path}-${number}`;
  const own = VhostUserServer.listen(path, { ...server.options, device });
  return {
    server: { ...server, path, device },
    async [Symbol.asyncDispose]() {
      await own.close();
      device.close();
    },
  };
}

/** Threads of this process that run JavaScript beside its own. */
function workers(): number {
  return [...Deno.readDirSync("/proc/self/task")].filter(({ name }) => {
    const comm = Deno.readTextFileSync(`/proc/self/task/${name}/comm`);
    return comm.startsWith("worker-");
  }).length;
}

Deno.test("guests that come later cost no thread", async () => {
  await using server = await startTestServer(undefined, "noble", {}, 2);
  const answered = async (one: TestServer) => {
    const front = connect(one);
    const ring = await startRing(front, 0);
    const request = encryption(openDeviceSession(one));
    const [, status] = await front.request(ring, [request], [64, 1]);
    strictEqual(status![0], 0);
    return front;
  };
  const before = workers();
  using _first = await answered(server);
  strictEqual(workers() - before, 2);
  for (let number = 1; number < 5; number++) {
    const next = await another(server, "noble", number);
    const front = await answered(next.server);
    strictEqual(workers() - before, 2);
    front[Symbol.dispose]();
    await next[Symbol.asyncDispose]();
  }
});

Deno.test("a command that goes wrong ends its guest's connection and no other's", async () => {
  await using server = await startTestServer();
  await using next = await another(server, "noble", 1);
  using other = connect(next.server);
  const ring = await startRing(other, 0);
  // A session without a place, as no table announces one.
  const { sessions } = server.device;
  const description = aesCbc(new Uint8Array(16));
  Object.assign(sessions, { current: () => [{ id: 1, description }] });
  using front = connect(server);
  await startRing(front, 0).catch(() => {});
  await server.logged("front-end gone: queue thread 0: Cannot take session 1");
  const request = encryption(openDeviceSession(next.server));
  const [, status] = await other.request(ring, [request], [64, 1]);
  strictEqual(status![0], 0);
});

Deno.test("a thread that a backend holds up does not hold up the end", async () => {
  await using server = await startTestServer(undefined, SLUGGISH);
  const started = await startSluggish(server, BLOCKS);
  using front = started.front;
  await server.options.threads.close(500);
  strictEqual(usedIndex(front, started.ring), 0);
  // The thread ends by itself, and what it has goes with it.
  started.release();
});

Deno.test("a guest whose ring stops for long holds up no other of its thread", async () => {
  await inSomeTry(async () => {
    await using server = await startTestServer(undefined, SLUGGISH);
    await using next = await another(server, SLUGGISH, 1);
    using front = (await startSluggish(server, NEVER_ENDS)).front;
    using other = connect(next.server);
    const otherRing = await startRing(other, 0);
    const session = createNow(next.server.device.sessions, {
      service: "cipher",
      algorithm: "aes-cbc",
      direction: "encrypt",
      key: new Uint8Array(16).fill(9),
    }) as { id: number };
    front.send(Request.GetVringBase, words(0, 0));
    for (let i = 0; i < 20; i++) {
      const [, status] = await other.request(
        otherRing,
        [encryption(session.id)],
        [64, 1],
      );
      strictEqual(status![0], 0);
    }
    await other.ask(Request.GetVringBase, words(0, 0));
    const isOver = server.log.some((line) => line.includes("has not ended"));
    ok(!isOver, "it waited for the other guest");
    await front.receive();
  });
});
