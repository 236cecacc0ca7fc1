/**
 * The bits of the device status (virtio 1.4 §2.1).
 *
 * @module
 */

export const STATUS_ACKNOWLEDGE = 1;
export const STATUS_DRIVER = 2;
export const STATUS_DRIVER_OK = 4;
export const STATUS_FEATURES_OK = 8;
export const STATUS_SUSPEND = 16;
/** The device has a problem that needs a reset. */
export const STATUS_NEEDS_RESET = 64;
