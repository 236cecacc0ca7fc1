/**
 * The device over rings in ordinary memory of this program: no socket, no
 * thread, no permission.
 *
 * @module
 */

import { showInstead } from "../../../algorithms/inspect.ts";
import { copyDescription } from "../../../algorithms/session_description.ts";
import { Region } from "../../../memory/region.ts";
import { Device } from "../../device.ts";
import { DRAIN_MS } from "../../drain.ts";
import { GuestMemory } from "../../ring/guest_memory.ts";
import { ServedQueue } from "../../served_queue.ts";
import { Placement } from "../../session/placement.ts";
import { type FailureListener, FailureNotes } from "../../session/failure.ts";
import type { SessionIndex } from "../../session/session_index.ts";
import type { SessionTable } from "../../session/session_table.ts";
import { ThreadSessions } from "../../session/thread_sessions.ts";
import {
  STATUS_ACKNOWLEDGE,
  STATUS_DRIVER,
  STATUS_DRIVER_OK,
  STATUS_FEATURES_OK,
  STATUS_NEEDS_RESET,
  STATUS_SUSPEND,
} from "../../wire/device_status.ts";
import {
  F_NOTIFICATION_DATA,
  F_RING_RESET,
  F_SUSPEND,
} from "../../wire/features.ts";
import { createQueue } from "./create_queue.ts";
import type { InProcessDevice, InProcessQueue } from "./in_process_device.ts";
import { QueueStops } from "./queue_stops.ts";
import { Suspension } from "./suspension.ts";

/** Not 0, so that a mix-up of addresses and offsets cannot pass unseen. */
const GUEST_ADDRESS = 0x10_0000;

/** What this transport carries beyond what every one does. */
const LINK_FEATURES = F_RING_RESET | F_NOTIFICATION_DATA | F_SUSPEND;

/** What a driver has said of itself before it says DRIVER_OK. */
const STATUS_NEGOTIATED = STATUS_ACKNOWLEDGE | STATUS_DRIVER |
  STATUS_FEATURES_OK;

/** The device as its driver sees it: the shape of the driver's `DeviceLink`. */
export class InProcessLink implements InProcessDevice {
  readonly memory: Region;
  readonly memoryGuestAddress = GUEST_ADDRESS;
  readonly #device: Device;
  readonly #guestMemory = new GuestMemory();
  readonly #sessions: ThreadSessions;
  readonly #queues: (ServedQueue | undefined)[] = [];
  readonly #kicked = new Set<number>();
  readonly #notified = new Map<number, () => void>();
  #gone: (reason: string) => void = () => {};
  #running = false;
  #polling: ReturnType<typeof setTimeout> | undefined;
  #waiting: ReturnType<typeof setTimeout> | undefined;
  readonly #stops = new QueueStops((reason) => this.#becomeUnusable(reason));
  #resetting: Promise<void> | undefined;
  /** Why the device cannot be used before it has been reset. */
  #unusable: string | undefined;
  readonly #tell: FailureListener;
  #closed = false;
  #linkFeatures = 0n;
  readonly #suspension = new Suspension();

  constructor(
    device: Device,
    memoryBytes: number,
    onFailure: FailureListener = () => {},
  ) {
    this.#device = device;
    showInstead(this, () => ({
      state: this.#closed ? "closed" : this.#unusable ?? "running",
      dataQueues: device.dataQueueCount,
      offeredFeatures: `0x${this.offeredFeatures.toString(16)}`,
    }), "InProcessLink");
    // Not from within the service of a queue, nor does a throw end that.
    this.#tell = (failure) => queueMicrotask(() => onFailure(failure));
    const { note } = new FailureNotes(this.#tell);
    device.onBackendHealth = (backend, reason) => {
      if (reason !== undefined) this.#tell({ of: "backend", backend, reason });
    };
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
      note,
    );
    this.#hear(sessions, this.#sessions.index, note);
    const { associations } = device;
    if (associations) {
      this.#hear(associations.sessions, this.#sessions.ownIndex, note);
    }
  }

  /** Has the sessions of a table known in `index`. */
  #hear(
    table: SessionTable,
    index: SessionIndex,
    note: FailureListener,
  ): void {
    // The table wipes its keys while an operation may need them once more.
    table.observe({
      opened: (session) =>
        this.#sessions.opened({
          ...session,
          description: copyDescription(session.description),
        }, index),
      closed: (id) => this.#sessions.closed(id, index),
      keysChanged: () => this.#sessions.keysChanged(),
      refused: ({ reason }) => note({ of: "session", reason }),
    });
  }

  get offeredFeatures(): bigint {
    const { offeredFeatures, withheldFeatures } = this.#device;
    return offeredFeatures | LINK_FEATURES & ~withheldFeatures;
  }

  /** Device status, as a driver reads it. */
  get status(): number {
    const { acceptedFeatures, needsReset } = this.#device;
    return (acceptedFeatures === 0n ? 0 : STATUS_NEGOTIATED) |
      this.#driverStatus |
      (needsReset ? STATUS_NEEDS_RESET : 0);
  }

  get #driverStatus(): number {
    if (this.#suspension.complete) return STATUS_SUSPEND;
    return this.#queues.some((queue) => queue) ? STATUS_DRIVER_OK : 0;
  }

  /** A lane of the device has ended operations. */
  laneEnded(): void {
    this.#poll();
  }

  /** Rejects with a RangeError when the device does not accept `features`. */
  acceptFeatures(features: bigint): Promise<void> {
    if (this.#unusable !== undefined) {
      return Promise.reject(
        new Error(`Cannot accept features: ${this.#unusable}`),
      );
    }
    const unoffered = features & ~this.offeredFeatures;
    if (
      unoffered === 0n && this.#device.acceptFeatures(features & ~LINK_FEATURES)
    ) {
      this.#linkFeatures = features & LINK_FEATURES;
      return Promise.resolve();
    }
    return Promise.reject(
      new RangeError(
        `Cannot accept features 0x${features.toString(16)}: the device ` +
          `offers 0x${this.offeredFeatures.toString(16)}`,
      ),
    );
  }

  readConfig(): Promise<Uint8Array> {
    const { config } = this.#suspension;
    return Promise.resolve(config ?? this.#device.readConfig());
  }

  /**
   * Starts queue `index`; the one after the data queues is the control queue, and
   * with ADMIN_VQ the one after that the administration queue.
   */
  startQueue(index: number, addresses: InProcessQueue): Promise<void> {
    const unusable = this.#unusable ??
      (this.#stops.has(index) ? "it is being reset" : undefined);
    if (unusable !== undefined) {
      return Promise.reject(
        new Error(`Cannot start queue ${index}: ${unusable}`),
      );
    }
    const parts = {
      device: this.#device,
      memory: this.#guestMemory,
      sessions: this.#sessions,
    };
    const queue: ServedQueue = createQueue(index, addresses, parts, () => {
      if (queue.poll()) this.#notified.get(index)?.();
      this.kick(index);
    });
    queue.open(this.#guestMemory);
    if (queue.broken !== undefined) {
      return Promise.reject(
        new RangeError(`Cannot start queue ${index}: ${queue.broken}`),
      );
    }
    this.#queues[index] = queue;
    return Promise.resolve();
  }

  /**
   * Serves queue `index` before it returns. A kick from within a notification
   * is served after it. With NOTIFICATION_DATA `data` names the queue and the
   * driver's position (virtio 1.4 §2.9), which the ring itself tells better: a
   * number that is not of this queue makes no difference.
   */
  kick(index: number, _data?: number): void {
    if (this.#unusable !== undefined) return;
    // What comes meanwhile is seen when the device resumes.
    if (this.#suspension.holds) return;
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
      notify = queue.serve() || notify;
    } while (
      queue.isServed && !this.#suspension.holds && queue.enableNotifications()
    );
    if (notify) this.#notified.get(index)?.();
    if (queue.broken !== undefined) this.#device.ringBroken();
    if (queue.needsPolling) this.#pollSoon();
    if (queue.waitMs >= 0) this.#serveLater(queue.waitMs);
  }

  /** Queues that wait for the driver's rates are served when they may be. */
  #serveLater(waitMs: number): void {
    this.#waiting ??= setTimeout(() => {
      this.#waiting = undefined;
      for (const [index, queue] of this.#queues.entries()) {
        if (queue && queue.waitMs >= 0) this.kick(index);
      }
    }, Math.ceil(waitMs));
  }

  #pollSoon(): void {
    this.#polling ??= setTimeout(() => {
      this.#polling = undefined;
      this.#poll();
    }, 0);
  }

  #poll(): void {
    this.#queues.forEach((queue, index) => {
      if (!queue || queue.pendingCount === 0) return;
      if (queue.poll()) this.#notified.get(index)?.();
      if (queue.needsPolling) this.#pollSoon();
    });
  }

  onNotification(index: number, notified: () => void): void {
    this.#notified.set(index, notified);
  }

  onConfigChange(changed: () => void): void {
    this.#device.onConfigChange = () => {
      if (this.#suspension.announces()) changed();
    };
  }

  /** Calls `gone` when the device is closed. */
  onDisconnect(gone: (reason: string) => void): void {
    this.#gone = gone;
  }

  /**
   * Sets SUSPEND (virtio 1.4 §3.4): once all buffers under way have been used,
   * resolves to the device status, which has SUSPEND and not DRIVER_OK then, or
   * NEEDS_RESET where a backend does not come to an end. Sessions stay. Ignored
   * without the feature and before DRIVER_OK.
   */
  async suspend(): Promise<number> {
    const negotiated = (this.#linkFeatures & F_SUSPEND) !== 0n;
    const running = (this.status & STATUS_DRIVER_OK) !== 0;
    if (!negotiated || !running || this.#suspension.holds) return this.status;
    this.#suspension.ask();
    const used = await this.#useAll();
    // A reset may have come in between.
    if (!this.#suspension.holds) return this.status;
    if (used) this.#suspension.finish(this.#device.readConfig());
    else this.#device.ringBroken();
    return this.status;
  }

  /** Sets DRIVER_OK again; resolves to the device status. */
  resume(): Promise<number> {
    if (this.#suspension.complete) {
      if (this.#suspension.end()) this.#device.onConfigChange?.();
      for (const index of this.#queues.keys()) this.kick(index);
    }
    return Promise.resolve(this.status);
  }

  /** Waits until no buffer is under way; false where that takes too long. */
  async #useAll(): Promise<boolean> {
    const deadline = performance.now() + DRAIN_MS;
    const isPending = () =>
      this.#queues.some((queue) =>
        queue !== undefined && queue.pendingCount > 0
      );
    while (isPending()) {
      if (performance.now() >= deadline) return false;
      this.#poll();
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    return true;
  }

  /**
   * Resets queue `index` alone (virtio 1.4 §2.6.1): when the promise is settled
   * the device neither serves nor notifies it, until it is started anew.
   */
  resetQueue(index: number): Promise<void> {
    if ((this.#linkFeatures & F_RING_RESET) === 0n) {
      return Promise.reject(
        new Error(`Cannot reset queue ${index}: RING_RESET is not negotiated`),
      );
    }
    return this.#stopQueue(index);
  }

  /**
   * Resets the device. The promise is settled when no backend may write to the
   * memory any more; while one takes long, the device needs that reset and cannot
   * be used. {@linkcode close} ends such a wait.
   */
  reset(): Promise<void> {
    this.#resetting ??= this.#reset()
      .finally(() => this.#resetting = undefined);
    return this.#resetting;
  }

  async #reset(): Promise<void> {
    this.#suspension.end();
    await this.#stopQueues();
    if (this.#closed) return;
    this.#linkFeatures = 0n;
    this.#unusable = undefined;
    this.#device.reset();
  }

  /** Waits a while for operations under way, and closes the backends. */
  async close(): Promise<void> {
    this.#gone("it is closed");
    this.#queues.forEach((_, index) => void this.#stopQueue(index));
    await this.#stops.allSoon();
    clearTimeout(this.#polling);
    clearTimeout(this.#waiting);
    this.#closed = true;
    this.#device.reset();
    // A session with an operation under way goes with its backend.
    this.#sessions.close();
    this.#device.close();
    await this.#stops.end();
  }

  async #stopQueues(): Promise<void> {
    this.#queues.forEach((_, index) => void this.#stopQueue(index));
    await this.#stops.all();
  }

  /** Ends the service of a queue, once no backend works on its memory. */
  #stopQueue(index: number): Promise<void> {
    const queue = this.#queues[index];
    this.#queues[index] = undefined;
    return this.#stops.stop(index, queue);
  }

  #becomeUnusable(reason: string): void {
    if (this.#unusable !== undefined) return;
    this.#unusable = reason;
    this.#tell({ of: "backend", reason });
    this.#device.ringBroken();
  }
}
