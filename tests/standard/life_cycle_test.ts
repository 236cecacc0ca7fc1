import { ok, strictEqual } from "node:assert/strict";
import type { MacSession } from "../../algorithms/session_description.ts";
import { probeBackends } from "../../backends/probe.ts";
import { Device, type DeviceSettings } from "../../device/device.ts";
import { InProcessLink } from "../../device/transport/in_process/in_process.ts";
import { STATUS_HW_READY } from "../../device/wire/config_space.ts";
import { Status } from "../../device/wire/status.ts";
import { Driver } from "../../driver/driver.ts";
import type { DeviceLink } from "../../driver/link.ts";
import {
  connectVhostUser,
  type VhostUserLink,
} from "../../driver/vhost_user_front_end.ts";
import { eventually } from "../../testing/vhost_user_server.ts";
import { statusOf } from "./requests.ts";
import { listen, makeDevice, SETUPS, start } from "./setups.ts";
import { unchecked } from "../../testing/unchecked.ts";

const STOPPABLE = import.meta.resolve("../../testing/stoppable_backend.ts");
const STATUS_FEATURES_OK = 8;
const STATUS_DRIVER_OK = 4;
const STATUS_NEEDS_RESET = 0x40;

const LEGACY_IN_PROCESS = SETUPS[0]!;

const MAC: MacSession = {
  service: "mac",
  algorithm: "hmac-sha256",
  key: new Uint8Array(32).fill(1),
  resultBytes: 32,
};
const DATA = new Uint8Array(100);

/** A device whose backends can be stopped with a file. */
async function stoppableDevice(
  stopFile: string,
  others: readonly string[],
  changes: Partial<DeviceSettings> = {},
): Promise<Device> {
  const [stoppable] = await probeBackends([STOPPABLE]);
  return new Device({
    backends: [
      { ...stoppable!, options: { stopFile } },
      ...await probeBackends(others),
    ],
    rules: [],
    fallback: "unsupported",
    dataQueueCount: 2,
    maximumSessions: 8,
    maximumSizeBytes: 65536,
    layout: "virtio",
    allowWeak: false,
    ...changes,
  });
}

interface Stoppable {
  readonly link: DeviceLink;
  readonly device: Device;
  stop(): void;
  mend(): void;
}

type Connect = (
  device: Device,
  stack: AsyncDisposableStack,
) => Promise<DeviceLink>;

const inProcess: Connect = (device) =>
  Promise.resolve(new InProcessLink(device, 1024 * 1024));

const overVhostUser: Connect = async (device, stack) =>
  await connectVhostUser(await listen(device, stack), {
    memoryBytes: 1024 * 1024,
  });

async function withStoppable(
  connect: Connect,
  others: readonly string[],
  body: (parts: Stoppable) => Promise<void>,
): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "stoppable-" });
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const stopFile = `${folder}/stopped`;
  const device = await stoppableDevice(stopFile, others);
  const link = await connect(device, stack);
  stack.defer(() => link.close());
  await body({
    link,
    device,
    stop: () => Deno.writeTextFileSync(stopFile, ""),
    mend: () => Deno.removeSync(stopFile),
  });
}

async function isReady(driver: Driver): Promise<boolean> {
  return ((await driver.readConfig()).status & STATUS_HW_READY) !== 0;
}

/** HW_READY goes with the only backend, and comes back with it. */
async function followTheBackend(parts: Stoppable): Promise<void> {
  const { link, stop, mend } = parts;
  let changes = 0;
  link.onConfigChange(() => changes++);
  const driver = await Driver.start(link);
  await using mac = await unchecked(driver).mac(MAC, { dataQueue: 1 });
  await mac.digest(DATA);
  ok(await isReady(driver));
  strictEqual(changes, 0);

  stop();
  strictEqual(await statusOf(mac.digest(DATA)), Status.Error);
  await eventually(() => changes === 1, () => `one change, not ${changes}`);
  ok(!await isReady(driver));
  strictEqual(await statusOf(mac.digest(DATA)), Status.Error);

  mend();
  // Nobody asks for anything: the idle device finds it out by itself.
  await eventually(() => changes === 2, () => `two changes, not ${changes}`);
  ok(await isReady(driver));
  await mac.digest(DATA);
  strictEqual(changes, 2);
}

Deno.test("in process, HW_READY follows the last backend, with a notification of each change", () =>
  withStoppable(inProcess, [], followTheBackend));

Deno.test("over vhost-user, HW_READY follows the last backend, with a message of each change", () =>
  withStoppable(overVhostUser, [], followTheBackend));

Deno.test("HW_READY stays while another backend is usable", () =>
  withStoppable(inProcess, ["noble"], async ({ link, stop }) => {
    let changes = 0;
    link.onConfigChange(() => changes++);
    const driver = await Driver.start(link);
    await using mac = await unchecked(driver).mac(MAC);
    stop();
    strictEqual(await statusOf(mac.digest(DATA)), Status.Error);
    ok(await isReady(driver));
    strictEqual(changes, 0);
  }));

Deno.test("a backend counts as usable again when no thread finds it down", async () => {
  const device = await stoppableDevice("/nonexistent", []);
  let changes = 0;
  device.onConfigChange = () => changes++;
  const ready = () => (device.readConfig()[0]! & STATUS_HW_READY) !== 0;
  device.backendHealth(0, "stoppable", "gone");
  device.backendHealth(1, "stoppable", "gone");
  device.backendHealth(1, "stoppable", "gone");
  ok(!ready());
  strictEqual(changes, 1);
  device.backendHealth(0, "stoppable", undefined);
  ok(!ready());
  device.threadEnded(1);
  ok(ready());
  strictEqual(changes, 2);
  device.close();
});

Deno.test("a backend that no session can get does not make a device ready", async () => {
  const device = await stoppableDevice("/nonexistent", ["noble"], {
    fallback: "never",
  });
  device.backendHealth(0, "stoppable", "gone");
  strictEqual(device.readConfig()[0]! & STATUS_HW_READY, 0);
  device.close();
});

const RESET_SETUPS = SETUPS.filter(({ rings, backend }) =>
  rings === "split" && backend === "noble"
);

Deno.test("a reset drops all sessions and wipes their keys", async (t) => {
  for (const setup of RESET_SETUPS) {
    await t.step(`${setup.layout}, ${setup.transport}`, async () => {
      await using guest = await start(setup);
      const { device, driver } = guest;
      const keys: Uint8Array[] = [];
      device.sessions.observe({
        opened: ({ description }) => {
          if ("key" in description) keys.push(description.key);
        },
        closed: () => {},
      });
      const mac = await unchecked(driver).mac(MAC);
      await mac.digest(DATA);
      strictEqual(device.sessions.size, 1);
      ok(keys[0]!.some((byte) => byte !== 0));
      await driver.link.reset();
      strictEqual(device.sessions.size, 0);
      ok(keys[0]!.every((byte) => byte === 0));
      strictEqual(device.acceptedFeatures, 0n);
    });
  }
});

Deno.test("after a reset the queues are dead until they are started anew", async () => {
  await using guest = await start(LEGACY_IN_PROCESS);
  const { driver } = guest;
  let notifications = 0;
  const mac = await unchecked(driver).mac(MAC);
  await driver.link.reset();
  driver.link.onNotification(0, () => notifications++);
  const lost = mac.digest(DATA).catch(() => "abandoned");
  driver.link.kick(0);
  await new Promise((resolve) => setTimeout(resolve, 10));
  strictEqual(notifications, 0);
  await driver.close();
  strictEqual(await lost, "abandoned");
});

Deno.test("device status in process: FEATURES_OK, DRIVER_OK, 0 after a reset", async () => {
  const device = makeDevice(LEGACY_IN_PROCESS);
  const link = new InProcessLink(device, 1024 * 1024);
  strictEqual(link.status, 0);
  await link.acceptFeatures(1n << 32n);
  strictEqual(link.status & STATUS_FEATURES_OK, STATUS_FEATURES_OK);
  strictEqual(link.status & STATUS_DRIVER_OK, 0);
  await Driver.start(link);
  strictEqual(link.status & STATUS_DRIVER_OK, STATUS_DRIVER_OK);
  await link.reset();
  strictEqual(link.status, 0);
  await link.close();
});

/** Makes the device's view of data queue 0 impossible. */
function breakRing({ link }: Driver, availableAddress: number): void {
  const offset = availableAddress - link.memoryGuestAddress;
  const { bytes } = link.memory;
  new DataView(bytes.buffer, bytes.byteOffset)
    .setUint16(offset + 2, 0x4000, true);
  link.kick(0);
}

/** The link, and where it was told the available ring of queue 0 is. */
async function startWatched(link: DeviceLink) {
  let available = NaN;
  const startQueue = link.startQueue.bind(link);
  link.startQueue = (index, addresses) => {
    if (index === 0) available = addresses.availableAddress;
    return startQueue(index, addresses);
  };
  let changes = 0;
  link.onConfigChange(() => changes++);
  const driver = await Driver.start(link);
  return { driver, available, changes: () => changes };
}

Deno.test("in process, a broken ring sets NEEDS_RESET with a notification; a reset clears it", async () => {
  const link = new InProcessLink(makeDevice(LEGACY_IN_PROCESS), 1024 * 1024);
  const { driver, available, changes } = await startWatched(link);
  breakRing(driver, available);
  strictEqual(link.status & STATUS_NEEDS_RESET, STATUS_NEEDS_RESET);
  strictEqual(changes(), 1);
  link.kick(0);
  strictEqual(changes(), 1);
  await link.reset();
  strictEqual(link.status, 0);
  const next = await Driver.start(link);
  await using mac = await unchecked(next).mac(MAC);
  await mac.digest(DATA);
  await mac.close();
  await link.close();
});

Deno.test("over vhost-user, a broken ring sets NEEDS_RESET with a message; a reset clears it", async () => {
  await using stack = new AsyncDisposableStack();
  const link = await overVhostUser(
    makeDevice(LEGACY_IN_PROCESS),
    stack,
  ) as VhostUserLink;
  stack.defer(() => link.close());
  const { driver, available, changes } = await startWatched(link);
  const all = STATUS_FEATURES_OK | STATUS_DRIVER_OK;
  strictEqual((await link.readStatus())! & all, all);
  breakRing(driver, available);
  await eventually(() => changes() === 1, () => `one change: ${changes()}`);
  const needsReset = async () =>
    (await link.readStatus())! & STATUS_NEEDS_RESET;
  strictEqual(await needsReset(), STATUS_NEEDS_RESET);
  await link.reset();
  strictEqual(await link.readStatus(), 0);
  const next = await Driver.start(link);
  await using mac = await unchecked(next).mac(MAC);
  await mac.digest(DATA);
  strictEqual(await needsReset(), 0);
});
