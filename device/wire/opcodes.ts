/**
 * Numbers that name services and operations (virtio 1.4 §5.9.4, §5.9.9.2,
 * §5.9.9.3). The v9 draft has the same ones, without AKCIPHER.
 *
 * @module
 */

import { type Service, SERVICES } from "../../algorithms/catalogue.ts";

/** Bit numbers of `crypto_services`, and the high part of every opcode. */
export const enum ServiceNumber {
  Cipher = 0,
  Hash = 1,
  Mac = 2,
  Aead = 3,
  Akcipher = 4,
}

/**
 * The number of IPSEC, which has neither algorithms nor sessions of its own: its
 * associations are resource objects (§5.9.9.9).
 */
export const IPSEC_SERVICE = 5;

/** The catalogue's services, indexed by their number. */
export { SERVICES };

/** Opcodes of the data queues. */
export const enum DataOpcode {
  CipherEncrypt = 0x000,
  CipherDecrypt = 0x001,
  Hash = 0x100,
  Mac = 0x200,
  AeadEncrypt = 0x300,
  AeadDecrypt = 0x301,
  AkcipherEncrypt = 0x400,
  AkcipherDecrypt = 0x401,
  AkcipherSign = 0x402,
  AkcipherVerify = 0x403,
}

/** Opcodes of the control queue. */
export const enum ControlOpcode {
  CipherCreate = 0x002,
  CipherDestroy = 0x003,
  HashCreate = 0x102,
  HashDestroy = 0x103,
  MacCreate = 0x202,
  MacDestroy = 0x203,
  AeadCreate = 0x302,
  AeadDestroy = 0x303,
  AkcipherCreate = 0x404,
  AkcipherDestroy = 0x405,
}

/** `op_type` of the CIPHER service. */
export const enum SymmetricOperation {
  None = 0,
  Cipher = 1,
  Chaining = 2,
}

/** `op` of a session (VIRTIO_CRYPTO_OP_*). */
export const enum DirectionNumber {
  Encrypt = 1,
  Decrypt = 2,
}

/** `alg_chain_order`. */
export const enum ChainOrderNumber {
  HashThenCipher = 1,
  CipherThenHash = 2,
}

/** `hash_mode`. */
export const enum HashMode {
  Plain = 1,
  Auth = 2,
  Nested = 3,
}

/** `key_type` of the AKCIPHER service. */
export const enum KeyTypeNumber {
  Public = 1,
  Private = 2,
}

/** `padding_algo` of RSA. */
export const enum RsaPaddingNumber {
  Raw = 0,
  Pkcs1 = 1,
}

/** VIRTIO_CRYPTO_FLAG_SESSION_MODE, in `flag` of a data request. */
export const FLAG_SESSION_MODE = 1;

/** Number of the service that an opcode of either queue belongs to. */
export function serviceOfOpcode(opcode: number): number {
  return opcode >>> 8;
}

/** Number of a service of the catalogue. */
export function serviceNumber(service: Service): ServiceNumber {
  return SERVICES.indexOf(service);
}

/** Data operations that each service has: 0, 1, … (virtio 1.4 §5.9.9.3). */
const DATA_OPERATIONS: readonly number[] = [2, 1, 1, 2, 4];

/** Whether the data queues know the opcode. */
export function isDataOpcode(opcode: number): boolean {
  const operations = DATA_OPERATIONS[serviceOfOpcode(opcode)];
  return operations !== undefined && (opcode & 0xff) < operations;
}

const createNumber = (service: number): number =>
  service === ServiceNumber.Akcipher ? 4 : 2;

/** Opcode that creates a session of the service. */
export function createOpcode(service: ServiceNumber): number {
  return service << 8 | createNumber(service);
}

/** Opcode that destroys a session of the service. */
export function destroyOpcode(service: ServiceNumber): number {
  return createOpcode(service) + 1;
}

/** Whether the opcode creates a session of a known service. */
export function isCreateOpcode(opcode: number): boolean {
  const service = serviceOfOpcode(opcode);
  return service < SERVICES.length && opcode === createOpcode(service);
}

/** Whether the opcode destroys a session of a known service. */
export function isDestroyOpcode(opcode: number): boolean {
  const service = serviceOfOpcode(opcode);
  return service < SERVICES.length && opcode === destroyOpcode(service);
}
