/**
 * What an application says of its driver and of a session.
 *
 * @module
 */

import type { Layout } from "../device/wire/mode.ts";
import type { FeatureOptions } from "./negotiation.ts";
import type { QueueOptions } from "./queues.ts";
import type { SessionControl } from "./session_control.ts";
import type { SplitBuffers } from "./shared_memory.ts";

/** How a driver runs its device. */
export interface DriverOptions extends FeatureOptions, QueueOptions {
  /** Request layout. Default: `"virtio"`. */
  readonly layout?: Layout;
  /** Cuts every buffer of requests into pieces of these lengths. */
  readonly splitBuffers?: SplitBuffers;
  /**
   * Opens sessions by another road than the control queue. The device then has
   * neither control queue nor config space for this driver.
   */
  readonly sessionControl?: SessionControl;
}

/** How a session is used. */
export interface SessionOptions {
  /** Sends all parameters with each request; `stateless` must be negotiated. */
  readonly stateless?: boolean;
  /** Data queue of its requests. Default: the queues in turn. */
  readonly dataQueue?: number;
}
