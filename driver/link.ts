/**
 * What a driver needs of a transport: shared memory, features, config space,
 * queues and notifications. The in-process transport and the vhost-user
 * front-end both have this shape.
 *
 * @module
 */

import type { Region } from "../memory/region.ts";

/** Where the three areas of a virtqueue lie, as guest addresses. */
export interface QueueAddresses {
  /** Entries of the ring. */
  readonly size: number;
  /** Of the descriptor table, or of the packed ring. */
  readonly descriptorAddress: number;
  /** Of the available ring, or of the driver's area. */
  readonly availableAddress: number;
  /** Of the used ring, or of the device's area. */
  readonly usedAddress: number;
}

/** A device seen through its transport. */
export interface DeviceLink {
  /** Memory that driver and device share. */
  readonly memory: Region;
  /** Guest address of `memory`'s first byte. */
  readonly memoryGuestAddress: number;
  /** Features that the device offers. */
  readonly offeredFeatures: bigint;
  /** Accepts features; rejects when the device refuses them. */
  acceptFeatures(features: bigint): Promise<void>;
  /** The config space as it is now. */
  readConfig(): Promise<Uint8Array>;
  /** Starts queue `index`. */
  startQueue(index: number, addresses: QueueAddresses): Promise<void>;
  /**
   * Tells the device that queue `index` has available buffers. `data` is what
   * NOTIFICATION_DATA adds: the index, and the ring's position in the upper half.
   */
  kick(index: number, data?: number): void;
  /** Calls `notified` when the device signals used buffers of queue `index`. */
  onNotification(index: number, notified: () => void): void;
  /** Calls `changed` when the device announces a config change. */
  onConfigChange(changed: () => void): void;
  /**
   * Calls `gone` when the device has gone, at once where it already has;
   * `reason` goes on after `The device is lost: `. Absent where it cannot go.
   */
  onDisconnect?(gone: (reason: string) => void): void;
  /** A new link to the device; absent where there is no way to it. */
  reconnect?(): Promise<DeviceLink>;
  /**
   * Resets queue `index` alone, which is settled when the device no longer uses
   * it; absent where the transport cannot.
   */
  resetQueue?(index: number): Promise<void>;
  /**
   * Sets SUSPEND, and clears it with DRIVER_OK; each resolves to the device
   * status once the device has followed. Absent where the transport cannot.
   */
  suspend?(): Promise<number>;
  /** Clears SUSPEND with DRIVER_OK; see `suspend`. */
  resume?(): Promise<number>;
  /** Resets the device: queues stop, sessions are gone. */
  reset(): Promise<void>;
  /** Gives back what the link has of the system; the device is not reset. */
  close(): Promise<void>;
}
