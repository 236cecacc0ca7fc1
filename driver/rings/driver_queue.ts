/**
 * The driver's side of a virtqueue, whatever its format.
 *
 * @module
 */

import type { RingAreas } from "../../device/ring/layout.ts";

/** A range of guest memory that a request reads or writes. */
export interface GuestBuffer {
  readonly guestAddress: number;
  readonly lengthBytes: number;
}

/** A request that the device has used. */
export interface Completion {
  token: number;
  writtenBytes: number;
}

/** A virtqueue that a driver fills. */
export interface DriverQueue {
  readonly size: number;
  /** Guest addresses of the three areas, for the transport to announce. */
  readonly addresses: RingAreas;
  /** Why the device's answers can no longer be trusted; `take` stops then. */
  readonly broken: string | undefined;
  /**
   * Where the next buffer becomes available, as NOTIFICATION_DATA tells it: an
   * offset of 15 bits and the wrap counter, or the index of a split ring.
   */
  readonly position: number;
  /**
   * Stages a request; false when the ring has no room for it now. Throws a
   * RangeError for one that it never has room for.
   */
  add(
    readable: readonly GuestBuffer[],
    writable: readonly GuestBuffer[],
    token: number,
  ): boolean;
  /** Makes all staged requests available; true when the device wants a kick. */
  publish(): boolean;
  /** The next used request, in an object that the next call refills. */
  take(): Completion | undefined;
  /** Asks for interrupts; true when a request has been used already. */
  enableInterrupts(): boolean;
  /** Tells the device that it need not interrupt. */
  disableInterrupts(): void;
}
