/**
 * Runs a file through virtio-crypto devices and checks every byte:
 * `deno task demo [FILE]`.
 *
 * @module
 */

import { type Driver as DriverType } from "../mod.ts";
