/**
 * vhost-device-crypto: a virtio-crypto device for virtual machines (over
 * vhost-user) and programs (over rings in ordinary memory), with the backend of
 * each session's cryptography to choose.
 *
 * ```ts
 * import { createDevice, Driver } from "./mod.ts";
 *
 * await using driver = await Driver.start(await createDevice());
 * await using sha256 = await driver.hash({ algorithm: "sha256" });
 * const digest = await sha256.digest(new TextEncoder().encode("abc"));
 * if (!digest.toHex().startsWith("ba7816bf")) throw new Error("wrong digest");
 * ```
 *
 * @module
 */

export * from "./backends/contract.ts";
export { BUILT_IN_BACKENDS, loadBackend } from "./backends/registry.ts";
export {
  type OptionsBySpecifier,
  probeBackends,
  type ProbedBackend,
} from "./backends/probe.ts";
export type { Failure } from "./device/session/failure.ts";
export type { Fallback, PlacementPolicy } from "./device/session/placement.ts";
export {
  createDevice,
  type DeviceOptions,
} from "./device/transport/in_process/create_device.ts";
export type { InProcessLink } from "./device/transport/in_process/in_process.ts";
export type { Layout } from "./device/wire/mode.ts";
export type { Burst, BurstOptions, BurstSlot } from "./driver/burst.ts";
export { Driver } from "./driver/driver.ts";
export type { DriverOptions, SessionOptions } from "./driver/driver.ts";
export type { DeviceLink } from "./driver/link.ts";
export { OperationError } from "./driver/operation_error.ts";
export type {
  Aead,
  Akcipher,
  Chain,
  ChainRanges,
  ChainResult,
  Cipher,
  Hash,
  Mac,
  Session,
} from "./driver/sessions.ts";
export { SessionMessages } from "./driver/vhost_user/session_messages.ts";
export {
  connectVhostUser,
  type VhostUserLink,
  type VhostUserOptions,
} from "./driver/vhost_user_front_end.ts";

if (import.meta.main) {
  // Not awaited: a plugin that imports this module would wait for it, and it
  // for the plugin.
  void import("./cli/main.ts").then(({ main }) => main(Deno.args));
}
