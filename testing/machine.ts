/**
 * A device without a transport, over a fenced arena: what a hostile guest is
 * tried on when a test has to see every byte and every operation.
 *
 * @module
 */

import type { AdminQueue } from "../device/admin_queue.ts";
import type { ControlQueue } from "../device/control_queue.ts";
import { DataQueue } from "../device/data_queue.ts";
import { COUNTERS } from "../device/queue_counts.ts";
import { Device } from "../device/device.ts";
import { createVirtqueue } from "../device/ring/create_virtqueue.ts";
import { startOf } from "../device/ring/ring_start.ts";
import type { Virtqueue } from "../device/ring/virtqueue.ts";
import { Placement } from "../device/session/placement.ts";
import { ThreadSessions } from "../device/session/thread_sessions.ts";
import {
  F_EVENT_IDX,
  F_IN_ORDER,
  F_INDIRECT_DESC,
  F_RING_PACKED,
  F_VERSION_1,
} from "../device/wire/features.ts";
import type { Layout } from "../device/wire/mode.ts";
import { ringBytes, ringOffsets } from "../driver/rings/layout.ts";
import type { ProbedBackend } from "../backends/probe.ts";
import { Arena, type ArenaLengths } from "./arena.ts";
import { readyBackend } from "./ready_backends.ts";
import { BackendWatch, watchedBackend } from "./watched_backend.ts";

/** What a machine is made of. */
export interface MachineOptions {
  /** The name of a built-in one, or what was found of any. */
  readonly backend: string | ProbedBackend;
  readonly layout?: Layout;
  readonly features?: bigint;
  readonly dataQueues?: number;
  readonly maximumSessions?: number;
  readonly maximumSizeBytes?: number;
  /** Whether there is an administration queue; ADMIN_VQ is to be accepted. */
  readonly administration?: boolean;
  readonly lengths?: ArenaLengths;
}

/** A running queue. */
export interface MachineQueue {
  readonly virtqueue: Virtqueue;
  readonly service: AdminQueue | ControlQueue | DataQueue;
  /** Where the ring is in the arena's low region. */
  readonly ringOffset: number;
  readonly size: number;
}

/** Data queues from 0, then the control queue and the administration queue. */
export class Machine implements Disposable {
  readonly device: Device;
  readonly arena: Arena;
  readonly watch: BackendWatch;
  readonly dataQueues: number;
  readonly queues: MachineQueue[] = [];
  readonly #sessions: ThreadSessions;
  readonly #features: bigint;

  private constructor(
    options: MachineOptions,
    device: Device,
    watch: BackendWatch,
  ) {
    this.device = device;
    this.watch = watch;
    this.dataQueues = options.dataQueues ?? 1;
    this.#features = options.features ?? (F_VERSION_1 | F_INDIRECT_DESC);
    this.arena = new Arena(options.backend !== "noble", options.lengths);
    const { threadSettings, backends, sessions } = device;
    this.#sessions = new ThreadSessions(
      backends,
      new Placement(threadSettings),
    );
    sessions.observe({
      opened: (session) => this.#sessions.opened(session),
      closed: (id) => this.#sessions.closed(id),
    });
    const { ownIndex } = this.#sessions;
    device.associations?.sessions.observe({
      opened: (session) => this.#sessions.opened(session, ownIndex),
      closed: (id) => this.#sessions.closed(id, ownIndex),
    });
    this.#negotiate();
  }

  static async start(options: MachineOptions): Promise<Machine> {
    const watch = new BackendWatch();
    const found = typeof options.backend === "string"
      ? await readyBackend(options.backend)
      : options.backend;
    const { backend: bare } = found;
    if (bare.runs === "asynchronous") {
      throw new TypeError(`A machine cannot have backend ${bare.name}`);
    }
    const backend = watchedBackend(bare, watch);
    const device = new Device({
      backends: [{ ...found, backend }],
      dataQueueCount: options.dataQueues ?? 1,
      maximumSessions: options.maximumSessions ?? 64,
      maximumSizeBytes: options.maximumSizeBytes ?? 64 * 1024,
      layout: options.layout ?? "virtio",
      rules: [],
      fallback: "never",
      allowWeak: true,
      administration: options.administration ?? false,
    });
    return new Machine(options, device, watch);
  }

  #negotiate(): void {
    if (!this.device.acceptFeatures(this.#features)) {
      throw new Error(`features 0x${this.#features.toString(16)} were refused`);
    }
  }

  get packed(): boolean {
    return (this.#features & F_RING_PACKED) !== 0n;
  }

  /** Starts queue `index` at `ringOffset` of the low region, with empty rings. */
  startQueue(index: number, size: number, ringOffset: number): MachineQueue {
    const { low, memory } = this.arena;
    const lengthBytes = ringBytes(size, this.packed);
    low.region.bytes.fill(0, ringOffset, ringOffset + lengthBytes);
    const offsets = ringOffsets(size, this.packed);
    const base = low.guestAddress + ringOffset;
    const virtqueue = createVirtqueue({
      memory,
      size,
      base: startOf(this.packed),
      descriptorAddress: base + offsets.descriptor,
      availableAddress: base + offsets.driver,
      usedAddress: base + offsets.device,
      packed: this.packed,
      eventIndex: (this.#features & F_EVENT_IDX) !== 0n,
      inOrder: (this.#features & F_IN_ORDER) !== 0n,
    });
    if ("error" in virtqueue) throw new Error(virtqueue.error);
    const queue = {
      virtqueue,
      service: this.#createService(index, virtqueue),
      ringOffset,
      size,
    };
    this.queues[index] = queue;
    return queue;
  }

  #createService(index: number, virtqueue: Virtqueue) {
    const { device, arena } = this;
    if (index === this.dataQueues) {
      return device.createControlQueue(virtqueue, arena.memory);
    }
    if (index === device.adminQueueIndex) {
      return device.createAdminQueue(virtqueue);
    }
    const { associations } = device;
    return new DataQueue({
      virtqueue,
      memory: arena.memory,
      mode: device.mode,
      sessions: this.#sessions,
      settings: device.threadSettings,
      counters: new Float64Array(COUNTERS),
      ...(associations && { associations }),
    });
  }

  /** Serves a queue until nothing is available; true: notify the driver. */
  kick(index: number): boolean {
    const { service, virtqueue } = this.queues[index]!;
    let notify = false;
    do {
      notify = service.service() || notify;
      if (service instanceof DataQueue) notify = complete(service) || notify;
    } while (virtqueue.enableNotifications());
    return notify;
  }

  /** Back to a device without sessions; queues have to be started again. */
  reset(): void {
    this.queues.length = 0;
    this.device.reset();
    this.#negotiate();
  }

  [Symbol.dispose](): void {
    this.device.close();
    this.#sessions.close();
  }
}

/** How long a backend may take for what a queue has given to it. */
const PENDING_LIMIT_MS = 10_000;

function complete(queue: DataQueue): boolean {
  const end = performance.now() + PENDING_LIMIT_MS;
  let notify = false;
  while (queue.pendingCount > 0 && performance.now() < end) {
    notify = queue.poll() || notify;
  }
  return notify;
}
