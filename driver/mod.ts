/**
 * The driver alone: for a program that uses a device which another process
 * serves, or a link of its own. It brings neither the device nor its backends.
 *
 * ```ts ignore
 * import { connectVhostUser, Driver } from "vhost-device-crypto/driver";
 *
 * const link = await connectVhostUser("/tmp/crypto.sock", {
 *   memoryBytes: 16 * 1024 * 1024,
 * });
 * await using driver = await Driver.start(link);
 * ```
 *
 * @module
 */

export type { ConfigSpace } from "../device/wire/config_space.ts";
export type { Layout, WireMode } from "../device/wire/mode.ts";
export type { SessionLayout } from "../device/wire/session_message.ts";
export { Status } from "../device/wire/status.ts";
export { AdministrationError } from "./administration.ts";
export type {
  AeadAlgorithms,
  AssociationParameters,
  CommonParameters,
  InboundParameters,
  Lifetime,
  MacAlgorithms,
  OutboundParameters,
  TunnelParameters,
} from "./association_parameters.ts";
export type { Burst, BurstOptions, BurstSlot } from "./burst.ts";
export type { StreamOptions } from "./cipher_stream.ts";
export type { ByteSource } from "./collected_bytes.ts";
export { DeviceLostError } from "./device_lost_error.ts";
export { Driver } from "./driver.ts";
export type { DriverOptions, SessionOptions } from "./driver_options.ts";
export type {
  AssociationOf,
  InboundAssociation,
  OutboundAssociation,
  ProcessedPacket,
  SecurityAssociation,
} from "./ipsec.ts";
export type { DeviceLink, QueueAddresses } from "./link.ts";
export type { SessionOf } from "./make_session.ts";
export type { FeatureOptions } from "./negotiation.ts";
export { OperationError } from "./operation_error.ts";
export type {
  AeadParameters,
  AsymmetricKey,
  ChainParameters,
  CipherParameters,
  CommonChainParameters,
  EcdsaParameters,
  HashChainParameters,
  HashParameters,
  MacChainParameters,
  MacParameters,
  RsaParameters,
  SecretKey,
} from "./parameters.ts";
export type { QueueOptions } from "./queues.ts";
export type { Session } from "./session.ts";
export type { SessionControl } from "./session_control.ts";
export type {
  Aead,
  Akcipher,
  Chain,
  ChainRanges,
  ChainResult,
  Cipher,
  Hash,
  Mac,
} from "./sessions.ts";
export type { SplitBuffers } from "./shared_memory.ts";
export { SessionMessages } from "./vhost_user/session_messages.ts";
export {
  connectVhostUser,
  type VhostUserLink,
  type VhostUserOptions,
} from "./vhost_user_front_end.ts";
