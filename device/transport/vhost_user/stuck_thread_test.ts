import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { attach, IV, KEY } from "../../../testing/attached_driver.ts";
import {
  CONTROL_RING,
  MovingFrontEnd,
  type SavedGuest,
} from "../../../testing/moving_front_end.ts";
import { isReadable } from "../../../testing/readable.ts";
import { AES, createByQueue } from "../../../testing/qemu_front_end.ts";
import { cipherHeader } from "../../../testing/requests.ts";
import {
  GUEST_ADDRESS,
  longs,
  type ScriptedFrontEnd,
  words,
} from "../../../testing/scripted_front_end.ts";
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
  type TestServer,
} from "../../../testing/vhost_user_server.ts";
import { F_IN_ORDER } from "../../wire/features.ts";
import { Request } from "./messages.ts";
import { VhostUserServer } from "./server.ts";

const STUCK = import.meta.resolve("../../../testing/stuck_backend.ts");
const CHOOSY = import.meta.resolve("../../../testing/choosy_backend.ts");
const LIMIT_MS = 400;
/** Where the request of a driver is that is reset. */
const LOST_AT = 0x10_0000;
/** Where no call but the stuck one takes long. */
const SHORT_LIMIT_MS = 150;
const DATA = new Uint8Array(64).fill(3);
const encrypted = (key: Uint8Array) =>
  new Uint8Array(
    createCipheriv("aes-128-cbc", key, IV).setAutoPadding(false).update(DATA),
  );
const EXPECTED = encrypted(KEY);

/** Serves with a backend that gets stuck, and one behind it that does not. */
function startStuckServer(
  callLimitMs: number,
  changes: Parameters<typeof startTestServer>[2] = {},
) {
  const list = `${STUCK},noble`;
  const settings = { fallback: "failure", ...changes } as const;
  return startTestServer(undefined, list, settings, 1, callLimitMs);
}

/** Starts a ring that has answered one request; `run` sends the next. */
async function startAnswering(front: ScriptedFrontEnd, server: TestServer) {
  const ring = await startRing(front, 0);
  const request = encryption(openDeviceSession(server));
  const run = () => front.request(ring, [request], [64, 1]);
  strictEqual((await run())[1]![0], 0);
  return { ring, run };
}

const open = (driver: Awaited<ReturnType<typeof attach>>) =>
  driver.cipher({ algorithm: "aes-cbc", key: KEY, direction: "encrypt" });

/** Mappings of this process that drivers' memory has, theirs and devices', by file. */
function mappedFiles(): string[] {
  const maps = Deno.readTextFileSync("/proc/self/maps").split("\n");
  return maps.filter((line) => line.includes("memfd:vhost-user-memory"))
    .map((line) => line.split(/ +/)[4]!);
}

interface Runs {
  run(data: Uint8Array, iv: Uint8Array): Promise<Uint8Array>;
}

async function expectRight(session: Runs): Promise<void> {
  deepStrictEqual(await session.run(DATA, IV), EXPECTED);
}

for (const packed of [false, true]) {
  const form = packed ? "packed" : "split";
  Deno.test(`guests of a thread that is stuck in a call go on elsewhere: ${form}`, async () => {
    const without = ["in-order"] as const;
    const changes = { fallback: "failure", without } as const;
    const list = `${STUCK},noble`;
    await using server = await startStuckServer(LIMIT_MS, changes);
    const device = await testDevice(list, changes, server.lanes);
    const path = `${server.path}-2`;
    const second = VhostUserServer.listen(path, { ...server.options, device });
    // What another test has left may go at any time.
    const others = new Set(mappedFiles());
    const guestMappings = () =>
      mappedFiles().filter((file) => !others.has(file)).length;
    const one = await attach(server.path, undefined, { packed });
    const other = await attach(path, undefined, { packed });
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

for (const packed of [false, true]) {
  const form = packed ? "packed" : "split";
  Deno.test(`what a stuck thread had of a ring that nobody keeps fails once its call returns: ${form}`, async () => {
    await using server = await startStuckServer(SHORT_LIMIT_MS, {
      without: ["in-order"],
    });
    const driver = await attach(server.path, undefined, { packed });
    const session = await open(driver);
    await expectRight(session);
    setStuck(true);
    let failure = "";
    try {
      session.run(DATA, IV).catch((error) => failure = `${error}`);
      await server.logged("run() has not returned for 0.15 seconds");
      await expectRight(session);
    } finally {
      setStuck(false);
    }
    await eventually(() => failure !== "", () => "it is not answered");
    match(failure, /ERR/);
    for (let i = 0; i < 3; i++) await expectRight(session);
    await driver.close();
  });
}

Deno.test("what has ended of a burst is told of before a call for another of its requests returns", async () => {
  await using server = await startTestServer(
    undefined,
    `${CHOOSY},${STUCK},noble`,
    { fallback: "failure" },
    1,
    SHORT_LIMIT_MS,
  );
  using front = connect(server);
  const { libc, region } = front;
  const { queue, kickFd, callFd } = await startRing(front, 0);
  const session = openDeviceSession(server);
  // The second is too long for the first backend.
  [64, 160].forEach((dataBytes, number) => {
    const at = LOST_AT + 0x1000 * number;
    region.bytes.set(cipherHeader(session, 16, dataBytes, dataBytes), at);
    const range = (offset: number, lengthBytes: number) => ({
      guestAddress: GUEST_ADDRESS + at + offset,
      lengthBytes,
    });
    const written = [range(0x800, dataBytes), range(0xf00, 1)];
    queue.add([range(0, 72 + 16 + dataBytes)], written, number);
  });
  queue.publish();
  setStuck(true);
  try {
    libc.signal(kickFd);
    ok(await isReadable(callFd, 10 * SHORT_LIMIT_MS));
    libc.clear(callFd);
    strictEqual(queue.take()?.token, 0);
    strictEqual(region.bytes[LOST_AT + 0xf00], 0);
  } finally {
    setStuck(false);
  }
  await eventually(() => queue.take()?.token === 1, () => "it has no end");
});

Deno.test("what a stuck thread had of a driver that is no more is answered to nobody", async () => {
  await using server = await startStuckServer(SHORT_LIMIT_MS);
  using front = connect(server);
  const before = await startRing(front, 0);
  setStuck(true);
  try {
    const lost = encryption(openDeviceSession(server));
    front.region.bytes.set(lost, LOST_AT);
    const readable = [{
      guestAddress: GUEST_ADDRESS + LOST_AT,
      lengthBytes: lost.length,
    }];
    const written = {
      guestAddress: GUEST_ADDRESS + LOST_AT + 0x800,
      lengthBytes: 65,
    };
    before.queue.add(readable, [written], 0);
    before.queue.publish();
    front.libc.signal(before.kickFd);
    await server.logged("run() has not returned for 0.15 seconds");
    strictEqual(await front.tell(Request.ResetDevice), 0);
    front.region.bytes.fill(0x77, LOST_AT + 0x800, LOST_AT + 0x900);
  } finally {
    setStuck(false);
  }
  await server.logged("backend stuck on queue thread 1 works again");
  const ring = await startRing(front, 0);
  const request = encryption(openDeviceSession(server));
  strictEqual((await front.request(ring, [request], [64, 1]))[1]![0], 0);
  strictEqual(ring.queue.take(), undefined);
  strictEqual(front.region.bytes[LOST_AT + 0x840], 0x77);
});

for (const when of ["before", "after"] as const) {
  Deno.test(`a ring in order that stops ${when} its thread is found stuck goes on behind its last answer`, async () => {
    await using server = await startStuckServer(LIMIT_MS);
    using front = connect(server, F_IN_ORDER);
    const { ring, run } = await startAnswering(front, server);
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
  await using server = await startStuckServer(LIMIT_MS);
  using front = connect(server, F_IN_ORDER);
  const { run } = await startAnswering(front, server);
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

/** Requests of the first ring, each with a place of its own. */
class Numbered {
  readonly #session: number;
  readonly answered: number[] = [];

  constructor(session: number) {
    this.#session = session;
  }

  send({ front, rings: [ring] }: MovingFrontEnd, number: number): void {
    const { region, libc } = front;
    const at = 0x10_0000 + 0x1000 * number;
    const header = cipherHeader(this.#session, 16, 64, 64);
    const request = Uint8Array.from([...header, ...IV, ...DATA]);
    region.bytes.set(request, at);
    region.bytes.fill(0xff, at + 0x800, at + 0x900);
    const range = (start: number, lengthBytes: number) => ({
      guestAddress: GUEST_ADDRESS + start,
      lengthBytes,
    });
    const written = [range(at + 0x800, 64), range(at + 0x840, 1)];
    ring!.queue.add([range(at, request.length)], written, number);
    ring!.queue.publish();
    libc.signal(ring!.kickFd);
  }

  /** Waits until these requests, and no other one, have right answers. */
  async expect(
    { front, rings: [ring] }: MovingFrontEnd,
    ...numbers: number[]
  ): Promise<void> {
    const { answered } = this;
    await eventually(() => {
      for (let done = ring!.queue.take(); done; done = ring!.queue.take()) {
        answered.push(done.token);
      }
      return answered.length >= numbers.length;
    }, () => `${answered} are answered of ${numbers}`);
    deepStrictEqual(answered, numbers);
    for (const number of numbers) {
      const at = 0x10_0800 + 0x1000 * number;
      deepStrictEqual(
        front.region.bytes.slice(at, at + 64),
        encrypted(AES.key),
      );
      strictEqual(front.region.bytes[at + 64], 0);
    }
  }
}

for (const [form, when] of [["packed", "runs"], ["split", "has stopped"]]) {
  Deno.test(`what a stuck thread had of a ring that was stopped meanwhile is done once its call returns, while the ring ${when}: ${form}`, async () => {
    await using server = await startStuckServer(SHORT_LIMIT_MS);
    using guest = await MovingFrontEnd.start(server.path, {
      packed: form === "packed",
    });
    const control = guest.rings[CONTROL_RING]!;
    const load = new Numbered(await createByQueue(guest.front, control));
    load.send(guest, 0);
    await load.expect(guest, 0);
    setStuck(true);
    let saved: SavedGuest;
    try {
      load.send(guest, 1);
      await server.logged("run() has not returned for 0.15 seconds");
      load.send(guest, 2);
      await load.expect(guest, 0, 2);
      saved = await guest.save();
      await guest.resume(saved);
      load.send(guest, 3);
      await load.expect(guest, 0, 2, 3);
      if (when === "has stopped") saved = await guest.save();
    } finally {
      setStuck(false);
    }
    await server.logged("backend stuck on queue thread 1 works again");
    if (when === "has stopped") await guest.resume(saved);
    await load.expect(guest, 0, 2, 3, 1);
    load.send(guest, 4);
    await load.expect(guest, 0, 2, 3, 1, 4);
  });
}
