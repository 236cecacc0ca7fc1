import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import type { CipherSession } from "../../algorithms/session_description.ts";
import { probeBackends } from "../../backends/probe.ts";
import { Device } from "../../device/device.ts";
import { InProcessLink } from "../../device/transport/in_process/in_process.ts";
import { F_SUSPEND, F_VERSION_1 } from "../../device/wire/features.ts";
import { STATUS_HW_READY } from "../../device/wire/config_space.ts";
import { Driver, type DriverOptions, insideOf } from "../../driver/driver.ts";
import { aesCbc } from "../../testing/sessions.ts";
import { NEVER_ENDS } from "../../testing/sluggish_backend.ts";
import { makeDevice, type Setup, SETUPS } from "./setups.ts";
import { unchecked } from "../../testing/unchecked.ts";

const SLUGGISH = import.meta.resolve("../../testing/sluggish_backend.ts");
const LATER = import.meta.resolve("../../testing/later_backend.ts");
const DRIVER_OK = 4;
const SUSPEND = 16;
const NEEDS_RESET = 0x40;
const MEMORY_BYTES = 1024 * 1024;
const IV = new Uint8Array(16);
const DATA = new Uint8Array(64).fill(7);

const IN_PROCESS = SETUPS.filter(({ transport, backend }) =>
  transport === "in process" && backend === "noble"
);
const LEGACY = IN_PROCESS[0]!;

interface Parts {
  readonly device: Device;
  readonly link: InProcessLink;
  readonly driver: Driver;
}

function optionsOf({ rings, layout }: Setup): DriverOptions {
  return {
    packed: rings === "packed",
    layout: layout === "draft 9" ? "draft-9" : "virtio",
    suspend: true,
  };
}

async function withDriver(
  setup: Setup,
  body: (parts: Parts) => Promise<void>,
): Promise<void> {
  const device = makeDevice(setup);
  const link = new InProcessLink(device, MEMORY_BYTES);
  await using driver = await Driver.start(link, optionsOf(setup));
  await body({ device, link, driver });
}

const statusBits = ({ link }: Parts) =>
  link.status & (DRIVER_OK | SUSPEND | NEEDS_RESET);

for (const setup of IN_PROCESS) {
  Deno.test(`sessions go on after a suspension: ${setup.rings}, ${setup.layout}`, () =>
    withDriver(setup, async (parts) => {
      const { driver, device } = parts;
      await using cipher = await unchecked(driver).cipher(
        aesCbc(new Uint8Array(16)),
      );
      const before = await cipher.run(DATA, IV);
      await driver.suspend();
      strictEqual(statusBits(parts), SUSPEND);
      strictEqual(device.sessions.size, 1);
      await driver.resume();
      strictEqual(statusBits(parts), DRIVER_OK);
      deepStrictEqual(await cipher.run(DATA, IV), before);
    }));
}

Deno.test("while suspended, queues are neither served nor notified, and are served after it", async () => {
  const link = new InProcessLink(makeDevice(LEGACY), MEMORY_BYTES);
  let notifications = 0;
  const onNotification = link.onNotification.bind(link);
  link.onNotification = (index, notified) =>
    onNotification(index, () => {
      notifications++;
      notified();
    });
  await using driver = await Driver.start(link);
  await using cipher = await unchecked(driver).cipher(
    aesCbc(new Uint8Array(16)),
  );
  const expected = await cipher.run(DATA, IV);
  strictEqual(await link.suspend() & (SUSPEND | DRIVER_OK), SUSPEND);
  notifications = 0;
  // A driver that knows nothing of it sends and kicks all the same.
  let answered = false;
  const sent = cipher.run(DATA, IV).finally(() => answered = true);
  await settle();
  link.kick(0);
  await settle();
  ok(!answered);
  strictEqual(notifications, 0);
  strictEqual(await link.resume() & (SUSPEND | DRIVER_OK), DRIVER_OK);
  deepStrictEqual(await sent, expected);
  strictEqual(notifications, 1);
});

const settle = () => new Promise((resolve) => setTimeout(resolve, 5));

Deno.test("a driver that has suspended its device makes nothing available", () =>
  withDriver(LEGACY, async ({ driver, link }) => {
    await using cipher = await unchecked(driver).cipher(
      aesCbc(new Uint8Array(16)),
    );
    await cipher.run(DATA, IV);
    let kicks = 0;
    const kick = link.kick.bind(link);
    link.kick = (index, data) => {
      kicks++;
      kick(index, data);
    };
    await driver.suspend();
    const held = cipher.run(DATA, IV);
    await settle();
    strictEqual(insideOf(driver).dataQueues[0]!.inFlightCount, 0);
    strictEqual(kicks, 0);
    await driver.resume();
    await held;
    ok(kicks > 0);
  }));

/** Its key makes the sluggish backend leave requests pending for ever. */
const neverEnding: CipherSession = aesCbc(
  new Uint8Array(16).fill(NEVER_ENDS, 0, 1),
);

async function deviceOn(backend: string): Promise<Device> {
  return new Device({
    backends: await probeBackends([backend]),
    rules: [],
    fallback: "never",
    dataQueueCount: 1,
    maximumSessions: 8,
    maximumSizeBytes: 65536,
    layout: "virtio",
    allowWeak: false,
  });
}

Deno.test("a device that cannot come to an end sets NEEDS_RESET and is not suspended", async () => {
  const device = await deviceOn(SLUGGISH);
  const link = new InProcessLink(device, MEMORY_BYTES);
  let changes = 0;
  link.onConfigChange(() => changes++);
  const driver = await Driver.start(link);
  const cipher = await unchecked(driver).cipher(neverEnding);
  const stuck = cipher.run(DATA, IV).catch(() => "abandoned");
  await settle();
  await rejects(driver.suspend(), /did not suspend: its status is 0x4f/);
  strictEqual(link.status & (SUSPEND | NEEDS_RESET), NEEDS_RESET);
  strictEqual(changes, 1);
  await driver.close();
  strictEqual(await stuck, "abandoned");
});

Deno.test("what is under way is used, with notifications, before SUSPEND shows; the rest waits", async () => {
  const device = await deviceOn(LATER);
  const link = new InProcessLink(device, MEMORY_BYTES);
  await using driver = await Driver.start(link);
  await using cipher = await unchecked(driver).cipher(
    aesCbc(new Uint8Array(16)),
  );
  const expected = await cipher.run(DATA, IV);
  let answered = 0;
  const count = (bytes: Uint8Array) => {
    answered++;
    return bytes;
  };
  const underWay = [1, 2, 3].map(() => cipher.run(DATA, IV).then(count));
  await new Promise<void>((resolve) => queueMicrotask(resolve));
  const suspending = link.suspend();
  link.kick(0);
  const late = cipher.run(DATA, IV).then(count);
  strictEqual(await suspending & (SUSPEND | DRIVER_OK), SUSPEND);
  await settle();
  strictEqual(answered, 3);
  await link.resume();
  for (const bytes of await Promise.all([...underWay, late])) {
    deepStrictEqual(bytes, expected);
  }
});

Deno.test("SUSPEND does not show while something is under way, and a reset ends that", async () => {
  const device = await deviceOn(SLUGGISH);
  const link = new InProcessLink(device, MEMORY_BYTES);
  const driver = await Driver.start(link);
  const cipher = await unchecked(driver).cipher(neverEnding);
  const stuck = cipher.run(DATA, IV).catch(() => "abandoned");
  await settle();
  const suspending = link.suspend();
  strictEqual(link.status & (SUSPEND | DRIVER_OK), DRIVER_OK);
  await settle();
  strictEqual(link.status & (SUSPEND | DRIVER_OK), DRIVER_OK);
  const resetting = link.reset();
  strictEqual(await suspending & (SUSPEND | DRIVER_OK), 0);
  await driver.close();
  await resetting;
  strictEqual(link.status, 0);
  strictEqual(await stuck, "abandoned");
});

Deno.test("the config space stands still while suspended, and a change is told after it", async () => {
  await withDriver(LEGACY, async ({ driver, device, link }) => {
    let changes = 0;
    link.onConfigChange(() => changes++);
    await driver.suspend();
    device.backendHealth(0, "noble", "gone");
    strictEqual((await driver.readConfig()).status, STATUS_HW_READY);
    strictEqual(changes, 0);
    await driver.resume();
    strictEqual(changes, 1);
    strictEqual((await driver.readConfig()).status, 0);
    device.backendHealth(0, "noble", undefined);
    strictEqual(changes, 2);
    await driver.suspend();
    await driver.resume();
    strictEqual(changes, 2, "nothing has changed meanwhile");
  });
});

Deno.test("SUSPEND is ignored without its feature, and before DRIVER_OK", async () => {
  const link = new InProcessLink(makeDevice(LEGACY), MEMORY_BYTES);
  strictEqual(await link.suspend(), 0);
  await link.acceptFeatures(F_VERSION_1 | F_SUSPEND);
  strictEqual(await link.suspend() & SUSPEND, 0);
  await link.reset();
  const driver = await Driver.start(link, { suspend: false });
  strictEqual(driver.features & F_SUSPEND, 0n);
  await rejects(driver.suspend(), /SUSPEND is not in force/);
  strictEqual(await link.suspend() & (SUSPEND | DRIVER_OK), DRIVER_OK);
  await (await unchecked(driver).cipher(aesCbc(new Uint8Array(16)))).close();
  await driver.close();
});

Deno.test("resuming what is not suspended changes nothing", () =>
  withDriver(LEGACY, async (parts) => {
    strictEqual(await parts.link.resume(), parts.link.status);
    await parts.driver.resume();
    strictEqual(statusBits(parts), DRIVER_OK);
  }));

Deno.test("a reset ends a suspension", () =>
  withDriver(LEGACY, async ({ driver, link, device }) => {
    await unchecked(driver).cipher(aesCbc(new Uint8Array(16)));
    await driver.suspend();
    await link.reset();
    strictEqual(link.status, 0);
    strictEqual(device.sessions.size, 0);
    await using next = await Driver.start(link);
    await using cipher = await unchecked(next).cipher(
      aesCbc(new Uint8Array(16)),
    );
    await cipher.run(DATA, IV);
  }));

Deno.test("requests made while suspended wait for the end of it, bursts are refused", () =>
  withDriver(LEGACY, async ({ driver }) => {
    await using cipher = await unchecked(driver).cipher(
      aesCbc(new Uint8Array(16)),
    );
    const expected = await cipher.run(DATA, IV);
    await driver.suspend();
    const waiting = [cipher.run(DATA, IV), cipher.run(DATA, IV)];
    const opened = unchecked(driver).hash({ algorithm: "sha256" });
    await settle();
    using burst = driver.burst(cipher, {
      depth: 1,
      dataBytes: 64,
      ivBytes: 16,
    });
    let refused = "";
    try {
      burst.submit(burst.slots[0]!);
    } catch (error) {
      refused = (error as Error).message;
    }
    strictEqual(refused, "Cannot send: the device is suspended");
    await driver.resume();
    for (const bytes of await Promise.all(waiting)) {
      deepStrictEqual(bytes, expected);
    }
    await (await opened).close();
  }));
