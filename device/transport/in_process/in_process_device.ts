/**
 * A device in this process as its user has it: what a driver asks of a transport,
 * and nothing of the device's inside.
 *
 * @module
 */

import type { Region } from "../../../memory/region.ts";

/** Where a driver puts a queue: guest addresses. */
export interface InProcessQueue {
  /** Entries of the ring (virtio 1.4 §2.7, §2.8). */
  readonly size: number;
  /** Guest address of the descriptor table, or of the packed ring. */
  readonly descriptorAddress: number;
  /** Guest address of the available ring, or of the driver's area. */
  readonly availableAddress: number;
  /** Guest address of the used ring, or of the device's area. */
  readonly usedAddress: number;
}

/**
 * What `createDevice` makes: a link that a `Driver` is started on, or a driver
 * of one's own.
 */
export interface InProcessDevice {
  /** Memory that driver and device share. */
  readonly memory: Region;
  /** Guest address of the first byte of `memory`. */
  readonly memoryGuestAddress: number;
  /** Feature bits that the device offers (virtio 1.4 §5.9.3, §6). */
  readonly offeredFeatures: bigint;
  /** Device status, as a driver reads it (virtio 1.4 §2.1). */
  readonly status: number;
  /** Rejects with a RangeError when the device does not accept `features`. */
  acceptFeatures(features: bigint): Promise<void>;
  /** The config space as it is now, little-endian (virtio 1.4 §5.9.4). */
  readConfig(): Promise<Uint8Array>;
  /**
   * Starts queue `index`; the one after the data queues is the control queue.
   * Rejects with a RangeError for a queue that cannot be, and with an Error while
   * the device cannot be used.
   */
  startQueue(index: number, queue: InProcessQueue): Promise<void>;
  /**
   * Serves queue `index` before it returns; a kick from within a notification is
   * served after it. `data` is what NOTIFICATION_DATA adds.
   */
  kick(index: number, data?: number): void;
  /** Calls `notified` when the device signals used buffers of queue `index`. */
  onNotification(index: number, notified: () => void): void;
  /** Calls `changed` when the config space is another one. */
  onConfigChange(changed: () => void): void;
  /** Calls `gone` when the device is closed, with the reason. */
  onDisconnect(gone: (reason: string) => void): void;
  /** Sets SUSPEND; resolves to the device status once the device has followed. */
  suspend(): Promise<number>;
  /** Sets DRIVER_OK again; resolves to the device status. */
  resume(): Promise<number>;
  /**
   * Resets queue `index` alone; settled when the device no longer uses it.
   * Rejects where RING_RESET is not negotiated.
   */
  resetQueue(index: number): Promise<void>;
  /** Resets the device: queues stop, sessions are gone, keys are wiped. */
  reset(): Promise<void>;
  /** Ends the device and its backends. */
  close(): Promise<void>;
}
