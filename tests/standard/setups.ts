/**
 * The devices that the standard's tests run on: ring formats, layouts, backends
 * and transports, each with the driver of this repository in front.
 *
 * @module
 */

import { probeBackends, type ProbedBackend } from "../../backends/probe.ts";
import { BUILT_IN_BACKENDS } from "../../backends/registry.ts";
import { Device, type DeviceBackend } from "../../device/device.ts";
import { InProcessLink } from "../../device/transport/in_process/in_process.ts";
import { Reactor } from "../../ffi/reactor.ts";
import { MemoryGuard } from "../../device/transport/vhost_user/memory_guard.ts";
import { withLocalLane } from "../../device/lane/local_lane.ts";
import { withWorkerLane } from "../../device/lane/worker_lane.ts";
import { LaneHost } from "../../device/lane/lane_host.ts";
import { QueueThreads } from "../../device/transport/vhost_user/queue_threads.ts";
import { VhostUserServer } from "../../device/transport/vhost_user/server.ts";
import { Driver, type DriverOptions } from "../../driver/driver.ts";
import { connectVhostUser } from "../../driver/vhost_user_front_end.ts";
import { openLibc } from "../../ffi/libc.ts";
import type { Withholdable } from "../../device/withheld.ts";
import { type RealPart, testWith } from "../../testing/real_parts.ts";
import { isStandIn, needsHardware } from "../../testing/ready_backends.ts";

export type LayoutName = "legacy" | "REVISION_1" | "stateless" | "draft 9";

/** One device with its driver. */
export interface Setup {
  readonly rings: "split" | "packed";
  readonly layout: LayoutName;
  readonly transport: "in process" | "vhost-user";
  readonly backend: string;
}

/** What tests may change about the device. */
export interface DeviceChanges {
  readonly maximumSessions?: number;
  readonly maximumSizeBytes?: number;
  readonly dataQueueCount?: number;
  readonly without?: readonly Withholdable[];
  readonly administration?: boolean;
}

/** A running device and its driver. */
export interface Guest extends AsyncDisposable {
  readonly setup: Setup;
  readonly device: Device;
  readonly driver: Driver;
}

const MEMORY_BYTES = 32 * 1024 * 1024;
const BACKENDS = ["noble", "openssl"];
const LAYOUTS: readonly LayoutName[] = [
  "legacy",
  "REVISION_1",
  "stateless",
  "draft 9",
];

const probed = await probeBackends(BUILT_IN_BACKENDS);

/** The other built-in backends, each of which is optional on a machine. */
export const OTHER_BACKENDS: readonly ProbedBackend[] = probed.filter((
  { backend },
) => !BACKENDS.includes(backend.name));

function setups(): Setup[] {
  const rings = ["split", "packed"] as const;
  const inProcess = BACKENDS.flatMap((backend) =>
    rings.flatMap((rings) =>
      LAYOUTS.map((layout): Setup => ({
        rings,
        layout,
        transport: "in process",
        backend,
      }))
    )
  );
  const transport = "vhost-user";
  return [
    ...inProcess,
    { rings: "split", layout: "legacy", transport, backend: "openssl" },
    { rings: "packed", layout: "stateless", transport, backend: "openssl" },
    { rings: "packed", layout: "draft 9", transport, backend: "noble" },
    { rings: "split", layout: "REVISION_1", transport, backend: "noble" },
  ];
}

/** All devices; those over vhost-user last. */
export const SETUPS: readonly Setup[] = setups();

/** The setup in words. */
function nameOf({ rings, layout, transport, backend }: Setup): string {
  return `${rings} rings, ${layout}, ${transport}, ${backend}`;
}

function driverOptions({ rings, layout }: Setup): DriverOptions {
  return {
    packed: rings === "packed",
    revision1: layout === "REVISION_1" || layout === "stateless",
    stateless: layout === "stateless",
    layout: layout === "draft 9" ? "draft-9" : "virtio",
  };
}

/** The device of a setup, without driver. */
export function makeDevice(
  setup: Setup,
  changes: DeviceChanges = {},
  backend: DeviceBackend = probedBackend(setup.backend),
): Device {
  return new Device({
    backends: [backend],
    rules: [],
    fallback: "never",
    dataQueueCount: 1,
    maximumSessions: 64,
    maximumSizeBytes: 4 * 1024 * 1024,
    layout: setup.layout === "draft 9" ? "draft-9" : "virtio",
    allowWeak: true,
    administration: setup.transport === "in process",
    ...changes,
  });
}

function probedBackend(name: string): ProbedBackend {
  return probed.find(({ backend }) => backend.name === name)!;
}

/** Starts the device of a setup and its driver. */
export async function start(
  setup: Setup,
  changes: DeviceChanges = {},
): Promise<Guest> {
  const options = driverOptions(setup);
  if (setup.transport === "in process") {
    const lane = { ended: () => {} };
    const backend = withLocalLane(
      probedBackend(setup.backend),
      () => lane.ended(),
    );
    const device = makeDevice(setup, changes, backend);
    const link = new InProcessLink(device, MEMORY_BYTES);
    lane.ended = () => link.laneEnded();
    const driver = await Driver.start(link, options);
    const close = () => driver.close();
    return { setup, device, driver, [Symbol.asyncDispose]: close };
  }
  await using stack = new AsyncDisposableStack();
  const lanes = new LaneHost(() => {});
  const backend = withWorkerLane(probedBackend(setup.backend), lanes);
  const device = makeDevice(setup, changes, backend);
  const path = await listen(device, stack, lanes);
  const link = await connectVhostUser(path, {
    memoryBytes: MEMORY_BYTES,
    configBytes: device.readConfig().length,
  });
  stack.defer(() => link.close());
  const driver = await Driver.start(link, options);
  stack.defer(() => driver.close());
  const running = stack.move();
  const close = () => running.disposeAsync();
  return { setup, device, driver, [Symbol.asyncDispose]: close };
}

/** Serves `device` over vhost-user until `stack` is disposed of. */
export async function listen(
  device: Device,
  stack: AsyncDisposableStack,
  lanes = new LaneHost(() => {}),
): Promise<string> {
  const libc = openLibc();
  const folder = await Deno.makeTempDir({ prefix: "standard-" });
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  stack.defer(() => device.close());
  const reactor = Reactor.open(libc);
  stack.defer(() => reactor.close());
  const memoryGuard = new MemoryGuard(libc, reactor);
  stack.defer(() => memoryGuard.close());
  stack.defer(() => lanes.close());
  const threads = new QueueThreads({
    libc,
    lanes,
    count: 2,
    spinMicroseconds: 20,
    laneFailed: () => {},
  });
  stack.defer(() => threads.close());
  const server = VhostUserServer.listen(`${folder}/socket`, {
    libc,
    reactor,
    device,
    memoryGuard,
    threads,
    log: () => {},
  });
  stack.defer(() => server.close());
  return `${folder}/socket`;
}

/** Backends as a part that a test needs. */
export function partOf(backends: readonly ProbedBackend[]): RealPart {
  const missing = backends.filter((backend) =>
    !backend.probe.ready || isStandIn(backend)
  );
  return {
    present: missing.length === 0,
    name: missing.map(({ backend }) => backend.name).join(", "),
    remedy: missing.flatMap(({ probe }) => probe.missing)
      .map(({ what, remedy }) => `${what} (${remedy})`).join("; "),
    isHardware: missing.length > 0 &&
      missing.every(({ backend }) => needsHardware(backend.name)),
  };
}

/**
 * Registers a test that runs `body` on every setup that `applies`, each in a
 * step of its own.
 */
export function testOnSetups(
  name: string,
  applies: (setup: Setup) => boolean,
  body: (guest: Guest) => Promise<void>,
  changes: DeviceChanges = {},
): void {
  const needed = probed.filter(({ backend }) =>
    BACKENDS.includes(backend.name)
  );
  testWith(partOf(needed), name, async (context) => {
    for (const setup of SETUPS.filter(applies)) {
      await context.step(nameOf(setup), async () => {
        await using guest = await start(setup, changes);
        await body(guest);
      });
    }
  });
}

export const anywhere = (): boolean => true;
export const exceptDraft9 = ({ layout }: Setup): boolean =>
  layout !== "draft 9";

/** Whether requests are tried with a session, without, or both. */
export const modesOf = ({ layout }: Setup): readonly boolean[] =>
  layout === "stateless" ? [false, true] : [false];
