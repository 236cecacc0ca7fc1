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
import type {
  SessionAnnouncement,
  SessionTable,
} from "../device/session/session_table.ts";
import type { Refusal } from "../device/wire/session_parameters.ts";

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

/** What comes of a session whose backends open it at once. */
export function createNow(
  sessions: SessionTable,
  description: SessionDescription,
): SessionAnnouncement | Refusal {
  const created = sessions.create(description);
  if (!(created instanceof Promise)) return created;
  throw new Error("The session is opened on a lane");
}

/** The identifier of a session that `device` must create. */
export function createSession(
  device: Device,
  description: SessionDescription,
): number {
  const created = createNow(device.sessions, description);
  if ("id" in created) return created.id;
  throw new Error(created.reason);
}
