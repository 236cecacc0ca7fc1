/**
 * What calls reject with when their device has died or hung up.
 *
 * @module
 */

/** The device is gone, and with it its sessions and what was under way. */
export class DeviceLostError extends Error {
  /** Tells the class by name, across realms and bundles. */
  override readonly name = "DeviceLostError";

  /** `reason` says what became of it, for example `it closed the connection`. */
  constructor(reason: string) {
    super(`The device is lost: ${reason}`);
  }
}
