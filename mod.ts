/**
 * vhost-device-crypto: a virtio-crypto device for virtual machines (over
 * vhost-user) and programs (over rings in ordinary memory), with the backend of
 * each session's cryptography to choose.
 *
 * @module
 */

export * from "./algorithms/catalogue.ts";
export * from "./algorithms/public_key.ts";
export * from "./algorithms/session_description.ts";
export * from "./backends/backend.ts";
export { BUILT_IN_BACKENDS, loadBackend } from "./backends/registry.ts";
export {
  createDevice,
  type DeviceOptions,
} from "./device/transport/in_process/in_process.ts";
export { Driver, OperationError } from "./driver/driver.ts";
export type { DeviceLink } from "./driver/link.ts";
export { probeBackends } from "./backends/probe.ts";

if (import.meta.main) {
  const { main } = await import("./cli/main.ts");
  await main(Deno.args);
}
