/**
 * Hand-made requests for the tests of a hostile guest: every field can be a lie.
 *
 * @module
 */

import type { SessionDescription } from "../../algorithms/session_description.ts";
import {
  decodeCreateOutcome,
  encodeCreateRequest,
} from "../../device/wire/control_encode.ts";
import { F_VERSION_1 } from "../../device/wire/features.ts";
import { wireMode } from "../../device/wire/mode.ts";
import { Status } from "../../device/wire/status.ts";
import type { RawGuest } from "./raw_guest.ts";

/** The layout that Linux and DPDK send. */
export const LEGACY = wireMode("virtio", F_VERSION_1);

/** Creates a session; throws where the device refuses. */
export function openSession(
  guest: RawGuest,
  description: SessionDescription,
): number {
  const readable = encodeCreateRequest(description, LEGACY);
  const { usedBytes, written } = guest.request(
    guest.controlQueue,
    readable,
    [16],
  );
  const outcome = decodeCreateOutcome(written[0]!);
  if (usedBytes !== 16 || outcome.status !== Status.Ok) {
    throw new Error(`Cannot create session: status ${outcome.status}`);
  }
  return outcome.sessionId;
}

/** An AES-128-CBC session. */
export function openAesCbc(
  guest: RawGuest,
  direction: "encrypt" | "decrypt" = "encrypt",
): number {
  return openSession(guest, {
    service: "cipher",
    algorithm: "aes-cbc",
    direction,
    key: Uint8Array.from({ length: 16 }, (_, i) => i),
  });
}

/** A 72-byte header with these little-endian words at these offsets. */
export function header(
  opcode: number,
  sessionId: number,
  words: Readonly<Record<number, number>>,
): Uint8Array {
  const bytes = new Uint8Array(72);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, opcode, true);
  view.setBigUint64(8, BigInt(sessionId), true);
  for (const [offset, word] of Object.entries(words)) {
    view.setUint32(Number(offset), word, true);
  }
  return bytes;
}

/** A CIPHER request with lengths of the caller's choosing. */
export function cipherHeader(
  sessionId: number,
  ivBytes: number,
  sourceBytes: number,
  destinationBytes: number,
  opcode = 0x000,
): Uint8Array {
  return header(opcode, sessionId, {
    24: ivBytes,
    28: sourceBytes,
    32: destinationBytes,
    64: 1,
  });
}

/** A HASH or MAC request. */
export function digestHeader(
  opcode: number,
  sessionId: number,
  sourceBytes: number,
  resultBytes: number,
): Uint8Array {
  return header(opcode, sessionId, { 24: sourceBytes, 28: resultBytes });
}

/** An AEAD request. */
export function aeadHeader(
  opcode: number,
  sessionId: number,
  lengths: {
    readonly iv: number;
    readonly additionalData: number;
    readonly source: number;
    readonly destination: number;
    readonly tag: number;
  },
): Uint8Array {
  return header(opcode, sessionId, {
    24: lengths.iv,
    28: lengths.additionalData,
    32: lengths.source,
    36: lengths.destination,
    40: lengths.tag,
  });
}
