import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { attach, IV, KEY } from "../../../testing/attached_driver.ts";
import { longs, words } from "../../../testing/scripted_front_end.ts";
import { setStuck } from "../../../testing/stuck_backend.ts";
import {
  connect,
  encryption,
  openDeviceSession,
  startRing,
} from "../../../testing/vhost_user_rings.ts";
import {
  eventually,
  startTestServer,
  testDevice,
} from "../../../testing/vhost_user_server.ts";
import { F_IN_ORDER } from "../../wire/features.ts";
import { Request } from "./messages.ts";
import { VhostUserServer } from "./server.ts";

const STUCK = import.meta.resolve("../../../testing/stuck_backend.ts");
const LIMIT_MS = 400;
const DATA = new Uint8Array(64).fill(3);
const EXPECTED = new Uint8Array(
  createCipheriv("aes-128-cbc", KEY, IV).setAutoPadding(false).update(DATA),
);

const open = (driver: Awaited<ReturnType<typeof attach>>) =>
  driver.cipher({ algorithm: "aes-cbc", key: KEY, direction: "encrypt" });

/** Mappings of this process that drivers' memory has, theirs and devices'. */
function guestMappings(): number {
  const maps = Deno.readTextFileSync("/proc/self/maps");
  return maps.split("memfd:vhost-user-memory").length - 1;
}

interface Runs {
  run(data: Uint8Array, iv: Uint8Array): Promise<Uint8Array>;
}

async function expectRight(session: Runs): Promise<void> {
  deepStrictEqual(await session.run(DATA, IV), EXPECTED);
}

for (const without of [["in-order", "ring-packed"], ["in-order"]] as const) {
  const form = without.length === 2 ? "split" : "packed";
  Deno.test(`guests of a thread that is stuck in a call go on elsewhere: ${form}`, async () => {
    const changes = { fallback: "failure", without } as const;
    const list = `${STUCK},noble`;
    await using server = await startTestServer(
      undefined,
      list,
      changes,
      1,
      LIMIT_MS,
    );
    const device = await testDevice(list, changes, server.lanes);
    const path = `${server.path}-2`;
    const second = VhostUserServer.listen(path, { ...server.options, device });
    const [one, other] = [await attach(server.path), await attach(path)];
    const [session, another] = [await open(one), await open(other)];
    await expectRight(session);
    await expectRight(another);
    const mappings = guestMappings();
    setStuck(true);
    let answered = 0;
    try {
      const lost = session.run(DATA, IV).then(() => answered++, () => {});
      await server.logged("run() has not returned for 0.4 seconds");
      // What is new goes to the next backend, of both guests of the thread.
      await expectRight(session);
      await expectRight(another);
      strictEqual(answered, 0, "nobody answers what the call has");
      await one.close();
      await lost;
      await server.logged("gone:", 1);
      await server.logged("a queue thread is still busy");
      strictEqual(guestMappings(), mappings - 1, "its memory stays");
    } finally {
      setStuck(false);
    }
    await server.logged("backend stuck on queue thread 1 works again");
    await eventually(
      () => guestMappings() === mappings - 2,
      () => `${guestMappings()} mappings, ${mappings} before`,
    );
    await expectRight(another);
    await other.close();
    await second.close();
    device.close();
  });
}

for (const when of ["before", "after"] as const) {
  Deno.test(`a ring in order that stops ${when} its thread is found stuck goes on behind its last answer`, async () => {
    await using server = await startTestServer(
      undefined,
      `${STUCK},noble`,
      { fallback: "failure" },
      1,
      LIMIT_MS,
    );
    using front = connect(server, F_IN_ORDER);
    const ring = await startRing(front, 0);
    const request = encryption(openDeviceSession(server));
    const run = () => front.request(ring, [request], [64, 1]);
    strictEqual((await run())[1]![0], 0);
    setStuck(true);
    let answered = 0;
    const waiting = run().finally(() => answered++);
    try {
      if (when === "after") await server.logged("queue 0 waits for that call");
      else await new Promise((resolve) => setTimeout(resolve, LIMIT_MS / 4));
      const reply = await front.ask(Request.GetVringBase, words(0, 0));
      const base = new DataView(reply.buffer).getUint32(4, true);
      strictEqual(base, 1);
      front.send(Request.SetVringNum, words(0, 64));
      front.send(Request.SetVringBase, words(0, base));
      front.send(Request.SetVringAddr, front.ringAddresses(0, ring));
      const { kickFd } = ring;
      const told = await front.tell(Request.SetVringKick, longs(0), [kickFd]);
      strictEqual(told, 0);
      strictEqual(answered, 0, "the call may still write");
    } finally {
      setStuck(false);
    }
    strictEqual((await waiting)[1]![0], 0);
    strictEqual((await run())[1]![0], 0);
    ok(!server.log.some((line) => line.includes("broken")), `${server.log}`);
  });
}

Deno.test("a ring whose answers are in order waits for a call that is stuck, and has all of them", async () => {
  await using server = await startTestServer(
    undefined,
    `${STUCK},noble`,
    { fallback: "failure" },
    1,
    LIMIT_MS,
  );
  using front = connect(server, F_IN_ORDER);
  const ring = await startRing(front, 0);
  const request = encryption(openDeviceSession(server));
  const run = () => front.request(ring, [request], [64, 1]);
  strictEqual((await run())[1]![0], 0);
  setStuck(true);
  const waiting = run();
  try {
    await server.logged("queue 0 waits for that call");
  } finally {
    setStuck(false);
  }
  strictEqual((await waiting)[1]![0], 0);
  strictEqual((await run())[1]![0], 0);
  ok(!server.log.some((line) => line.includes("broken")), `${server.log}`);
});
