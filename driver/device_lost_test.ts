import {
  deepStrictEqual,
  match,
  ok,
  rejects,
  strictEqual,
  throws,
} from "node:assert/strict";
import { createCipheriv, createHash } from "node:crypto";
import {
  createDevice,
  type DeviceLink,
  DeviceLostError,
  Driver,
  type DriverOptions,
  OperationError,
} from "../mod.ts";
import { serveDevice, ServeProcess } from "../testing/command_process.ts";
import { temporaryFolder } from "../testing/files.ts";
import { ToyDevice } from "../testing/toy_device.ts";
import { connectVhostUser } from "./vhost_user_front_end.ts";

const MEMORY_BYTES = 1 << 20;
const DATA = new Uint8Array(100).fill(7);
const DIGEST = new Uint8Array(createHash("sha256").update(DATA).digest());
const SHA256 = { algorithm: "sha256" } as const;

const attach = async (path: string, options: DriverOptions = {}) =>
  await Driver.start(
    await connectVhostUser(path, { memoryBytes: MEMORY_BYTES }),
    options,
  );

/** What each of `calls` rejects with. */
async function failures(calls: readonly Promise<unknown>[]): Promise<Error[]> {
  const outcomes = await Promise.allSettled(calls);
  return outcomes.map((outcome) => {
    strictEqual(outcome.status, "rejected");
    return outcome.reason as Error;
  });
}

Deno.test("each call under way when a device dies rejects with DeviceLostError, and each after it", async () => {
  await using device = await serveDevice("--backend", "noble");
  const driver = await attach(device.socketPath);
  const hash = await driver.hash(SHA256);
  const burst = driver.burst(hash, { depth: 2, dataBytes: 8 });
  const slow = () => hash.digest(new Uint8Array(200_000));
  const calls: Promise<unknown>[] = [
    // With the device, and waiting for memory.
    ...Array.from({ length: 12 }, slow),
    // On their way to it.
    ...Array.from({ length: 300 }, () => hash.digest(DATA)),
    driver.mac({ algorithm: "hmac-sha256", key: DATA }),
  ];
  const death = device.process.end("SIGKILL");
  const outcomes = await Promise.allSettled(calls);
  const reasons = outcomes.flatMap((one) =>
    one.status === "rejected" ? [one.reason as Error] : []
  );
  ok(reasons.length > 0);
  await death;
  const later = await failures([
    hash.digest(DATA),
    driver.hash(SHA256),
    driver.readConfig(),
    burst.run(1, () => {}, () => {}),
  ]);
  for (const reason of [...reasons, ...later]) {
    ok(reason instanceof DeviceLostError, String(reason));
    match(reason.message, /^The device is lost: \w/);
  }
  match(Deno.inspect(driver), /state: "The device is lost/);
  match(Deno.inspect(hash), /state: "the device is gone"/);
  burst.close();
  await hash.close();
  await driver.close();
});

Deno.test("a device that dies with nothing under way is noticed by the next call", async () => {
  await using device = await serveDevice("--backend", "noble");
  await using driver = await attach(device.socketPath);
  await using hash = await driver.hash(SHA256);
  await device.process.end("SIGTERM");
  await rejects(hash.digest(DATA), DeviceLostError);
});

Deno.test("disposal after a loss does not hide it behind a SuppressedError", async () => {
  await using device = await serveDevice("--backend", "noble");
  async function use() {
    await using driver = await attach(device.socketPath);
    await using hash = await driver.hash(SHA256);
    await using cipher = await driver.cipher({
      algorithm: "aes-ctr",
      direction: "encrypt",
      key: new Uint8Array(16),
    });
    using burst = driver.burst(cipher, {
      depth: 4,
      dataBytes: 100_000,
      ivBytes: 16,
    });
    for (const slot of burst.slots) burst.submit(slot);
    burst.flush();
    const calls = Promise.allSettled([hash.digest(DATA), burst.wait()]);
    await device.process.end("SIGKILL");
    await calls;
    await hash.digest(DATA);
  }
  await rejects(use(), (error) => error instanceof DeviceLostError);
});

Deno.test("nor does disposal of a burst with requests in flight hide why it ended", async () => {
  const device = new ToyDevice();
  await using driver = await Driver.start(device);
  await using hash = await driver.hash(SHA256);
  async function use() {
    using burst = driver.burst(hash, { depth: 4, dataBytes: 8 });
    for (const slot of burst.slots) burst.submit(slot);
    burst.flush();
    await burst.wait();
    device.forcedStatus = undefined;
    burst.takeOk();
    throw new RangeError("the caller's own");
  }
  await rejects(use(), RangeError);
  strictEqual((await hash.digest(DATA)).length, 32);
});

Deno.test("a device in this program that is closed under its driver is lost, too", async () => {
  const link = await createDevice();
  const driver = await Driver.start(link);
  const hash = await driver.hash(SHA256);
  await link.close();
  await rejects(
    hash.digest(DATA),
    (error) =>
      error instanceof DeviceLostError && /it is closed/.test(error.message),
  );
  await hash.close();
  await rejects(driver.reconnect(), /does not come again/);
  await driver.close();
});

Deno.test("on request a driver attaches anew, and its sessions go on", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/socket`;
  const serve = () =>
    ServeProcess.start(
      "listening at",
      "--socket-path",
      path,
      "--backend",
      "noble",
    );
  const first = await serve();
  const driver = await attach(path, { revision1: true, stateless: true });
  const key = crypto.getRandomValues(new Uint8Array(16));
  const ctr = { algorithm: "aes-ctr", direction: "encrypt", key } as const;
  const cipher = await driver.cipher(ctr);
  const single = await driver.cipher(ctr, { stateless: true });
  const hash = await driver.hash(SHA256);
  const closed = await driver.hash(SHA256);
  await closed.close();
  const burst = driver.burst(hash, { depth: 1, dataBytes: 8 });
  await rejects(driver.reconnect(), /the device is not lost/);
  await first.end("SIGKILL");
  await rejects(hash.digest(DATA), DeviceLostError);
  // Nobody is there yet.
  await rejects(driver.reconnect(), /Cannot connect to/);
  await rejects(hash.digest(DATA), DeviceLostError);
  await using _second = await serve();
  await Promise.all([driver.reconnect(), driver.reconnect()]);
  const iv = new Uint8Array(16);
  const known = new Uint8Array(
    createCipheriv("aes-128-ctr", key, iv).update(DATA),
  );
  deepStrictEqual(await hash.digest(DATA), DIGEST);
  deepStrictEqual(await cipher.run(DATA, iv), known);
  deepStrictEqual(await single.run(DATA, iv), known);
  await rejects(closed.digest(DATA), /is closed/);
  throws(() => burst.submit(burst.slots[0]!), DeviceLostError);
  burst.close();
  for (const session of [cipher, single, hash]) await session.close();
  await driver.close();
  await rejects(driver.reconnect(), /the driver is closed/);
});

Deno.test("where a session cannot be opened anew, the device stays lost", async () => {
  const devices = [new ToyDevice(), new ToyDevice(), new ToyDevice()];
  let lose = (_reason: string) => {};
  const links = devices.map((device): DeviceLink =>
    Object.assign(device, {
      onDisconnect: (gone: (reason: string) => void) => void (lose = gone),
      reconnect: () => Promise.resolve(links[devices.indexOf(device) + 1]!),
    })
  );
  const driver = await Driver.start(links[0]!);
  const hash = await driver.hash(SHA256);
  lose("the test says so");
  devices[1]!.refusesSessions = true;
  await rejects(driver.reconnect(), OperationError);
  strictEqual(devices[1]!.closed, true);
  await rejects(hash.digest(DATA), DeviceLostError);
  await driver.close();
});
