/**
 * The device over rings in ordinary memory of this program: no socket, no
 * thread, no permission.
 *
 * @module
 */

import { probeBackends } from "../../../backends/probe.ts";
import { BUILT_IN_BACKENDS } from "../../../backends/registry.ts";
import { Region } from "../../../memory/region.ts";
import type { ControlQueue } from "../../control_queue.ts";
import { COUNTERS, DataQueue } from "../../data_queue.ts";
import { Device } from "../../device.ts";
import { GuestMemory } from "../../ring/guest_memory.ts";
import { createVirtqueue, type Virtqueue } from "../../ring/virtqueue.ts";
import {
  type Fallback,
  Placement,
  type PlacementPolicy,
} from "../../session/placement.ts";
import {
  parsePlacementRule,
  type PlacementRule,
  RULE_FORM,
} from "../../session/placement_rule.ts";
import { ThreadSessions } from "../../session/thread_sessions.ts";
import { F_EVENT_IDX, F_IN_ORDER, F_RING_PACKED } from "../../wire/features.ts";
import type { Layout } from "../../wire/mode.ts";

/** How to make a device in this process. */
export interface DeviceOptions {
  /** Backends in order of preference. Default: `["noble"]`. */
  readonly backends?: readonly string[];
  /** Rules of placement, for example `"cipher.aes-cbc<2048=noble"`. */
  readonly rules?: readonly string[];
  /** When a session may move on to another backend. Default: `unsupported`. */
  readonly fallback?: Fallback;
  /** A policy of your own; it goes before the rules. */
  readonly policy?: PlacementPolicy;
  /** Data queues. Default: 1. */
  readonly dataQueues?: number;
  /** Sessions at a time. Default: 1024. */
  readonly maxSessions?: number;
  /** Largest sum of a request's variable parts. Default: 4 MiB. */
  readonly maxSizeBytes?: number;
  /** Request layout. Default: `"virtio"`. */
  readonly layout?: Layout;
  /** Offers algorithms with known weaknesses too. */
  readonly allowWeak?: boolean;
  /** Memory that driver and device share. Default: 32 MiB. */
  readonly memoryBytes?: number;
}

/** Not 0, so that a mix-up of addresses and offsets cannot pass unseen. */
const GUEST_ADDRESS = 0x10_0000;

interface Queue {
  readonly virtqueue: Virtqueue;
  readonly service: ControlQueue | DataQueue;
}

/** Where a driver puts a queue: guest addresses. */
interface QueueAddresses {
  readonly size: number;
  readonly descriptorAddress: number;
  readonly availableAddress: number;
  readonly usedAddress: number;
}

/** The device as its driver sees it: the shape of the driver's `DeviceLink`. */
export class InProcessLink {
  readonly memory: Region;
  readonly memoryGuestAddress = GUEST_ADDRESS;
  readonly #device: Device;
  readonly #guestMemory = new GuestMemory();
  readonly #sessions: ThreadSessions;
  readonly #queues: (Queue | undefined)[] = [];
  readonly #kicked = new Set<number>();
  readonly #notified = new Map<number, () => void>();
  #running = false;
  #polling: ReturnType<typeof setTimeout> | undefined;

  constructor(device: Device, memoryBytes: number) {
    this.#device = device;
    this.memory = new Region(new Uint8Array(memoryBytes));
    this.#guestMemory.add({
      guestAddress: GUEST_ADDRESS,
      userAddress: GUEST_ADDRESS,
      lengthBytes: memoryBytes,
      region: this.memory,
    });
    const { threadSettings, backends, sessions } = device;
    this.#sessions = new ThreadSessions(
      backends,
      new Placement(threadSettings),
    );
    sessions.observe(this.#sessions);
  }

  get offeredFeatures(): bigint {
    return this.#device.offeredFeatures;
  }

  /** Rejects with a RangeError when the device does not accept `features`. */
  acceptFeatures(features: bigint): Promise<void> {
    return this.#device.acceptFeatures(features)
      ? Promise.resolve()
      : Promise.reject(
        new RangeError(
          `Cannot accept features 0x${features.toString(16)}: the device ` +
            `offers 0x${this.offeredFeatures.toString(16)}`,
        ),
      );
  }

  readConfig(): Promise<Uint8Array> {
    return Promise.resolve(this.#device.readConfig());
  }

  /** Starts queue `index`; the one after the data queues is the control queue. */
  startQueue(index: number, addresses: QueueAddresses): Promise<void> {
    const features = this.#device.acceptedFeatures;
    const virtqueue = createVirtqueue({
      ...addresses,
      memory: this.#guestMemory,
      base: (features & F_RING_PACKED) !== 0n ? 0x8000_8000 : 0,
      packed: (features & F_RING_PACKED) !== 0n,
      eventIndex: (features & F_EVENT_IDX) !== 0n,
      inOrder: (features & F_IN_ORDER) !== 0n,
    });
    if ("error" in virtqueue) {
      return Promise.reject(
        new RangeError(`Cannot start queue ${index}: ${virtqueue.error}`),
      );
    }
    const service = index === this.#device.dataQueueCount
      ? this.#device.createControlQueue(virtqueue, this.#guestMemory)
      : new DataQueue({
        virtqueue,
        memory: this.#guestMemory,
        mode: this.#device.mode,
        sessions: this.#sessions,
        settings: this.#device.threadSettings,
        counters: new Float64Array(COUNTERS),
      });
    this.#queues[index] = { virtqueue, service };
    return Promise.resolve();
  }

  /**
   * Serves queue `index` before it returns. A kick from within a notification
   * is served after it.
   */
  kick(index: number): void {
    this.#kicked.add(index);
    if (this.#running) return;
    this.#running = true;
    try {
      for (const kicked of this.#kicked) {
        this.#kicked.delete(kicked);
        this.#serve(kicked);
      }
    } finally {
      this.#running = false;
    }
  }

  #serve(index: number): void {
    const queue = this.#queues[index];
    if (!queue) return;
    let notify = false;
    do {
      notify = queue.service.service() || notify;
    } while (
      queue.virtqueue.broken === undefined &&
      queue.virtqueue.enableNotifications()
    );
    if (notify) this.#notified.get(index)?.();
    if (queue.service instanceof DataQueue && queue.service.pendingCount > 0) {
      this.#pollSoon();
    }
  }

  #pollSoon(): void {
    this.#polling ??= setTimeout(() => {
      this.#polling = undefined;
      this.#queues.forEach((queue, index) => {
        if (!(queue?.service instanceof DataQueue)) return;
        if (queue.service.poll()) this.#notified.get(index)?.();
        if (queue.service.pendingCount > 0) this.#pollSoon();
      });
    }, 0);
  }

  onNotification(index: number, notified: () => void): void {
    this.#notified.set(index, notified);
  }

  onConfigChange(changed: () => void): void {
    this.#device.onConfigChange = changed;
  }

  reset(): Promise<void> {
    this.#queues.length = 0;
    this.#device.reset();
    return Promise.resolve();
  }

  close(): Promise<void> {
    clearTimeout(this.#polling);
    this.#queues.length = 0;
    this.#device.close();
    return Promise.resolve();
  }
}

function placementRule(text: string): PlacementRule {
  const rule = parsePlacementRule(text);
  if (rule) return rule;
  throw new RangeError(
    `Cannot use placement rule "${text}": expected ${RULE_FORM}`,
  );
}

/**
 * Makes a virtio-crypto device in this process and connects to it; a `Driver`
 * runs it.
 *
 * @throws {RangeError} for an unknown backend
 * @throws {Error} where a backend that was asked for is not ready
 */
export async function createDevice(
  options: DeviceOptions = {},
): Promise<InProcessLink> {
  const backends = await probeBackends(options.backends ?? ["noble"]);
  for (const { backend, probe } of backends) {
    if (probe.ready) continue;
    const missing = probe.missing.map(({ what, remedy }) =>
      `${what} (${remedy})`
    );
    throw new Error(
      `Cannot use backend "${backend.name}": ${missing.join("; ")}. ` +
        `Built in are ${BUILT_IN_BACKENDS.join(", ")}`,
    );
  }
  const device = new Device({
    backends,
    rules: (options.rules ?? []).map(placementRule),
    fallback: options.fallback ?? "unsupported",
    ...(options.policy ? { policy: options.policy } : {}),
    dataQueueCount: options.dataQueues ?? 1,
    maximumSessions: options.maxSessions ?? 1024,
    maximumSizeBytes: options.maxSizeBytes ?? 4 * 1024 * 1024,
    layout: options.layout ?? "virtio",
    allowWeak: options.allowWeak ?? false,
  });
  return new InProcessLink(device, options.memoryBytes ?? 32 * 1024 * 1024);
}
