/**
 * Session descriptions that many tests start from, and how a device gets them.
 *
 * @module
 */

import type {
  ChainSession,
  CipherSession,
  SessionDescription,
} from "../algorithms/session_description.ts";
import type { Device } from "../device/device.ts";

/** AES-CBC encryption with a copy of `key`. */
export const aesCbc = (key: Uint8Array): CipherSession => ({
  service: "cipher",
  algorithm: "aes-cbc",
  direction: "encrypt",
  key: key.slice(),
});

/** AES-CBC and then HMAC-SHA1; each call makes its own keys, all zeros. */
export function authenticatedChain(): ChainSession {
  return {
    service: "chain",
    order: "cipher-then-hash",
    cipher: {
      algorithm: "aes-cbc",
      direction: "encrypt",
      key: new Uint8Array(16),
    },
    hashMode: "auth",
    hashAlgorithm: "hmac-sha1",
    authKey: new Uint8Array(20),
    resultBytes: 20,
  };
}

/** The identifier of a session that `device` must create. */
export function createSession(
  device: Device,
  description: SessionDescription,
): number {
  const created = device.sessions.create(description);
  if ("id" in created) return created.id;
  throw new Error(created.reason);
}
