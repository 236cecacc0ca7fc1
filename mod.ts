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
 * if (digest[0] !== 0xba) throw new Error("wrong digest");
 * ```
 *
 * @module
 */

export * from "./backends/contract.ts";
export { BackendError } from "./backends/contract_check.ts";
export { BUILT_IN_BACKENDS, loadBackend } from "./backends/registry.ts";
export {
  type OptionsBySpecifier,
  probeBackends,
  type ProbedBackend,
} from "./backends/probe.ts";
export { encodeStubFile, readPublicKey } from "./algorithms/key_files.ts";
export { encodeStub, type PublicPart } from "./algorithms/key_stub.ts";
export { keyDirectory } from "./device/keys/key_directory.ts";
export { type KeySource, KeyStoreError } from "./device/keys/key_source.ts";
export {
  type GuestKeyAccess,
  type KeyChanges,
  KeyStore,
} from "./device/keys/key_store.ts";
export {
  KEY_USES,
  type KeyRule,
  type KeyUse,
  parseKeyRule,
} from "./device/keys/key_use.ts";
export type { Failure } from "./device/session/failure.ts";
export type { Fallback, PlacementPolicy } from "./device/session/placement.ts";
export {
  createDevice,
  type DeviceOptions,
} from "./device/transport/in_process/create_device.ts";
export type {
  InProcessDevice,
  InProcessQueue,
} from "./device/transport/in_process/in_process_device.ts";
export * from "./driver/mod.ts";

// The program was here before it was `cli/main.ts`, and old commands go on for a
// while (docs/compatibility.md). In a bundle `main` and the URL are those of
// another, and nothing here names a module that a bundler would take in.
if (import.meta.main && import.meta.url.endsWith("/mod.ts")) {
  const line =
    "vhost-device-crypto: warn: mod.ts is the library: the program " +
    "is cli/main.ts now, as in deno run -A cli/main.ts serve --socket-path PATH\n";
  try {
    Deno.stderr.writeSync(new TextEncoder().encode(line));
  } catch {
    // A log that cannot be written ends nothing.
  }
  const program = new URL("./cli/main.ts", import.meta.url).href;
  // Not awaited: a plugin that imports this module would wait for it.
  void import(program).then(({ main }) => main(Deno.args));
}
