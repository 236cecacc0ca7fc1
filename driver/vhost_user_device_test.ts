import assert from "node:assert/strict";
import { createCipheriv, createHash } from "node:crypto";
import { F_REVISION_1 } from "../device/wire/features.ts";
import { Status } from "../device/wire/status.ts";
import { serveDevice } from "../testing/command_process.ts";
import { askWithStale } from "../testing/stale_session.ts";
import { unchecked } from "../testing/unchecked.ts";
import { openDescriptors } from "../testing/vhost_user_server.ts";
import {
  Driver,
  type DriverOptions,
  insideOf,
  OperationError,
} from "./driver.ts";
import { PROTOCOL_FEATURE } from "./vhost_user/messages.ts";
import { SessionMessages } from "./vhost_user/session_messages.ts";
import {
  connectVhostUser,
  type VhostUserLink,
  type VhostUserOptions,
} from "./vhost_user_front_end.ts";

const MEMORY_BYTES = 4 * 1024 * 1024;
const KEY = new Uint8Array(16).fill(0x42);
const IV = new Uint8Array(16).fill(0x17);

/** A device process with the noble backend. */
const serve = (...options: string[]) =>
  serveDevice("--backend", "noble", ...options);

function attach(
  device: { socketPath: string },
  options: Partial<VhostUserOptions> = {},
): Promise<VhostUserLink> {
  return connectVhostUser(device.socketPath, {
    memoryBytes: MEMORY_BYTES,
    ...options,
  });
}

function expectedCbc(data: Uint8Array): Uint8Array {
  const cipher = createCipheriv("aes-128-cbc", KEY, IV);
  cipher.setAutoPadding(false);
  return new Uint8Array(cipher.update(data));
}

async function encryptSomething(driver: Driver, stateless = false) {
  const data = crypto.getRandomValues(new Uint8Array(1600));
  await using cipher = await driver.cipher(
    { algorithm: "aes-cbc", key: KEY, direction: "encrypt" },
    { stateless },
  );
  assert.deepEqual(await cipher.run(data, IV), expectedCbc(data));
}

const KINDS: readonly [string, DriverOptions][] = [
  ["split rings", {}],
  ["direct descriptors", { indirect: false, eventIndex: false }],
  ["packed rings", { packed: true }],
  ["REVISION_1", { revision1: true }],
  ["stateless requests", { stateless: true }],
];

Deno.test("a device process serves one driver after another", async (t) => {
  await using device = await serve("--queues", "2");
  await (await attach(device)).close();
  const before = openDescriptors();
  for (const [name, options] of KINDS) {
    await t.step(`with ${name}`, async () => {
      const link = await attach(device);
      await using driver = await Driver.start(link, options);
      assert.equal(driver.dataQueueCount, 2);
      await Promise.all([encryptSomething(driver), encryptSomething(driver)]);
      if (options.stateless) await encryptSomething(driver, true);
      assert.equal(await link.queueCount(), 3);
    });
  }
  await t.step("without acknowledgements", async () => {
    const link = await attach(device, {
      protocolFeatures: PROTOCOL_FEATURE.CONFIG,
    });
    assert.equal(link.protocolFeatures, PROTOCOL_FEATURE.CONFIG);
    await using driver = await Driver.start(link);
    await encryptSomething(driver);
  });
  await t.step("and many requests at a time", async () => {
    await using driver = await Driver.start(await attach(device));
    await using hash = await driver.hash({ algorithm: "sha256" });
    const sources = Array.from(
      { length: 500 },
      (_, i) => new Uint8Array(i * 3).fill(i),
    );
    const digests = await Promise.all(sources.map((one) => hash.digest(one)));
    digests.forEach((digest, i) => {
      const expected = createHash("sha256").update(sources[i]!).digest();
      assert.deepEqual(digest, new Uint8Array(expected));
    });
  });
  await t.step("and a promise behind a spinning burst", async () => {
    const link = await attach(device, { memoryBytes: 4 * MEMORY_BYTES });
    await using driver = await Driver.start(link, { dataQueues: 1 });
    await using hash = await driver.hash({ algorithm: "sha3-512" });
    using burst = driver.burst(hash, { depth: 1, dataBytes: 64 });
    burst.submit(burst.slots[0]!);
    const slow = hash.digest(new Uint8Array(4_000_000));
    while (insideOf(driver).dataQueues[0]!.inFlightCount < 2) await null;
    // Both are published at the end of the turn.
    await null;
    await burst.wait(1000);
    assert.ok(burst.takeOk());
    const patience = new Promise((resolve) => setTimeout(resolve, 10_000));
    assert.ok(await Promise.race([slow, patience]), "the promise was kept");
  });
  await t.step("and refuses features that contradict each other", async () => {
    const link = await attach(device);
    // Stateless mode without REVISION_1 (virtio 1.4 §5.9.3.1).
    const features = link.offeredFeatures & ~F_REVISION_1;
    await assert.rejects(link.acceptFeatures(features), /refused/);
    await link.close();
  });
  await t.step("and forgets sessions at a reset", async () => {
    const link = await attach(device);
    const driver = await Driver.start(link);
    const hash = await driver.hash({ algorithm: "sha1" });
    await link.reset();
    const again = await Driver.start(link);
    const stale = await again.hash({ algorithm: "md5" });
    await stale.close();
    const status = await askWithStale(hash, "digest", stale);
    assert.equal(status, Status.InvalidSession);
    await again.close();
  });
  await t.step("and leaves no descriptor open", () => {
    assert.equal(openDescriptors(), before);
  });
});

Deno.test("sessions come and go by message in all three layouts", async () => {
  await using device = await serve();
  for (const layout of ["A", "B", "C"] as const) {
    const link = await attach(device);
    const sessionControl = new SessionMessages(link, layout);
    await using driver = await Driver.start(link, { sessionControl });
    await encryptSomething(driver);
    await assert.rejects(
      unchecked(driver).cipher({
        algorithm: "aes-cbc",
        key: new Uint8Array(5),
        direction: "encrypt",
      }),
      OperationError,
    );
  }
});

Deno.test("a device of the v9 draft serves the driver", async () => {
  await using device = await serve("--layout", "draft-9");
  for (const packed of [false, true]) {
    const link = await attach(device, { configBytes: 48 });
    await using driver = await Driver.start(link, {
      layout: "draft-9",
      packed,
    });
    await encryptSomething(driver);
  }
});

Deno.test("a device that dies fails the requests under way", async () => {
  await using device = await serve();
  const driver = await Driver.start(await attach(device));
  const hash = await driver.hash({ algorithm: "sha512" });
  const death = device.process.end("SIGKILL");
  const requests = Array.from(
    { length: 50 },
    () => hash.digest(new Uint8Array(50_000)),
  );
  const outcomes = await Promise.allSettled(requests);
  assert.ok(outcomes.some(({ status }) => status === "rejected"));
  await assert.rejects(hash.digest(new Uint8Array(1)), /The device is lost/);
  await driver.close();
  await death;
});

Deno.test("views of a closed device's memory are empty", async () => {
  await using device = await serve();
  const link = await attach(device);
  const { bytes } = link.memory;
  await link.close();
  assert.equal(bytes.length, 0);
  assert.throws(() => link.memory);
});
