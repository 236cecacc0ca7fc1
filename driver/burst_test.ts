import assert from "node:assert/strict";
import { Status } from "../device/wire/status.ts";
import { Driver, insideOf, OperationError } from "./driver.ts";
import { toyCipher, ToyDevice, toyDigest } from "../testing/toy_device.ts";

const KEY = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
const NOTHING = new Uint8Array(0);

async function start(layout: "virtio" | "draft-9" = "virtio") {
  const device = new ToyDevice(layout);
  const driver = await Driver.start(device, { layout, queueSize: 16 });
  return { device, driver };
}

for (const layout of ["virtio", "draft-9"] as const) {
  Deno.test(`a burst runs every request once, in ${layout} layout`, async () => {
    const { driver } = await start(layout);
    const session = await driver.cipher({
      algorithm: "aes-ctr",
      key: KEY,
      direction: "encrypt",
    });
    const { description } = session;
    const free = insideOf(driver).memory.freeBytes;
    const burst = driver.burst(session, {
      depth: 32,
      dataBytes: 48,
      ivBytes: 16,
    });
    const seen = new Set<number>();
    await burst.run(100, (slot, index) => {
      slot.source.fill(index);
      slot.iv.fill(index + 1);
    }, (slot, index) => {
      assert.ok(!seen.has(index));
      seen.add(index);
      const source = new Uint8Array(48).fill(index);
      const iv = new Uint8Array(16).fill(index + 1);
      const input = { description, iv, source, additionalData: NOTHING };
      assert.deepEqual(new Uint8Array(slot.destination), toyCipher(input));
    });
    assert.equal(seen.size, 100);
    burst.close();
    assert.equal(insideOf(driver).memory.freeBytes, free);
    await driver.close();
  });
}

Deno.test("the tag of an AEAD slot is written and then verified", async () => {
  const { driver } = await start();
  const parameters = { algorithm: "gcm", key: KEY } as const;
  const options = { depth: 1, dataBytes: 20, ivBytes: 12 };
  const encrypt = await driver.aead({ ...parameters, direction: "encrypt" });
  const decrypt = await driver.aead({ ...parameters, direction: "decrypt" });
  const sealing = driver.burst(encrypt, options);
  const opening = driver.burst(decrypt, options);
  await sealing.run(1, (slot) => slot.source.fill(7), () => {});
  const from = sealing.slots[0]!;
  const into = opening.slots[0]!;
  const { description } = encrypt;
  const source = new Uint8Array(20).fill(7);
  const iv = new Uint8Array(12);
  assert.deepEqual(
    new Uint8Array(from.digest),
    toyDigest({ description, iv, source, additionalData: NOTHING }, 16),
  );
  const open = (flip: number) =>
    opening.run(1, (slot) => {
      slot.source.set(from.destination);
      slot.digest.set(from.digest);
      slot.digest[3]! ^= flip;
    }, () => {});
  await open(0);
  assert.deepEqual(new Uint8Array(into.destination), source);
  await assert.rejects(
    open(1),
    (error) =>
      error instanceof OperationError && error.status === Status.BadMessage,
  );
  await driver.close();
});

Deno.test("promises on the queue of a spinning burst are not forgotten", async () => {
  const { driver } = await start();
  const session = await driver.hash({ algorithm: "sha1" });
  const burst = driver.burst(session, { depth: 4, dataBytes: 8 });
  const promised = session.digest(new Uint8Array(3));
  await burst.run(40, () => {}, () => {}, 0.01);
  await promised;
  await session.digest(new Uint8Array(3));
  await driver.close();
});

Deno.test("a slot does not keep the status of its last request", async () => {
  const { device, driver } = await start();
  const session = await driver.hash({ algorithm: "sha1" });
  const burst = driver.burst(session, { depth: 1, dataBytes: 8 });
  await burst.run(1, () => {}, () => {});
  const slot = burst.slots[0]!;
  assert.equal(slot.status, Status.Ok);
  device.forcedStatus = Status.Error;
  burst.submit(slot);
  assert.notEqual(slot.status, Status.Ok);
  burst.flush();
  await burst.wait();
  assert.equal(burst.take()?.status, Status.Error);
  await driver.close();
});

Deno.test("closing the driver ends a burst that waits", async () => {
  const { device, driver } = await start();
  const session = await driver.hash({ algorithm: "sha1" });
  const burst = driver.burst(session, { depth: 1, dataBytes: 8 });
  device.kick = () => {};
  const run = burst.run(1, () => {}, () => {});
  const ended = assert.rejects(run, /closed/);
  await driver.close();
  await ended;
});

Deno.test("a closed session, whose key is wiped, makes no burst", async () => {
  const { driver } = await start();
  const session = await driver.hash({ algorithm: "sha1" });
  await session.close();
  assert.throws(
    () => driver.burst(session, { depth: 1, dataBytes: 8 }),
    /Cannot digest: the session of hash\.sha1 is closed/,
  );
  await driver.close();
});

Deno.test("a slot is submitted to its own burst, and once at a time", async () => {
  const { driver } = await start();
  const session = await driver.hash({ algorithm: "sha1" });
  const burst = driver.burst(session, { depth: 1, dataBytes: 8 });
  const other = driver.burst(session, { depth: 1, dataBytes: 8 });
  const slot = burst.slots[0]!;
  assert.throws(() => other.submit(slot), /the slot is another burst's/);
  assert.equal(burst.submit(slot), true);
  assert.throws(() => burst.submit(slot), /Cannot submit slot 0: it is in/);
  burst.flush();
  await burst.wait();
  assert.equal(burst.takeOk(), slot);
  burst.close();
  assert.throws(() => burst.submit(slot), /the burst is closed/);
  await driver.close();
});

Deno.test("a closed burst keeps the memory of what is in flight until that is back", async () => {
  const { driver } = await start();
  const session = await driver.hash({ algorithm: "sha1" });
  const { memory } = insideOf(driver);
  const free = memory.freeBytes;
  const burst = driver.burst(session, { depth: 2, dataBytes: 4096 });
  burst.submit(burst.slots[0]!);
  burst.flush();
  burst.close();
  assert.ok(memory.freeBytes <= free - 4096, "one of two is in flight");
  await burst.wait();
  assert.equal(memory.freeBytes, free);
  await driver.close();
});
