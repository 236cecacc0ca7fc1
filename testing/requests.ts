/**
 * Hand-made requests for the tests of a hostile guest: every field can be a lie.
 *
 * @module
 */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import type { SessionDescription } from "../algorithms/session_description.ts";
import {
  decodeCreateOutcome,
  encodeCreateRequest,
} from "../device/wire/control_encode.ts";
import { F_VERSION_1 } from "../device/wire/features.ts";
import { wireMode } from "../device/wire/mode.ts";
import { Status } from "../device/wire/status.ts";
import { RSA_PRIVATE_KEY, RSA_PUBLIC_KEY } from "./keys.ts";
import { type RawGuest, untouched } from "./raw_guest.ts";

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

/** An AKCIPHER request; for a verification the second length is the data's. */
export function akcipherHeader(
  opcode: number,
  sessionId: number,
  sourceBytes: number,
  destinationBytes: number,
): Uint8Array {
  return header(opcode, sessionId, { 24: sourceBytes, 28: destinationBytes });
}

/** An RSA session of 1024 bits. */
export function openRsa(
  guest: RawGuest,
  keyType: "public" | "private" = "private",
  padding: "raw" | "pkcs1" = "raw",
): number {
  return openSession(guest, {
    service: "akcipher",
    algorithm: "rsa",
    keyType,
    key: (keyType === "private" ? RSA_PRIVATE_KEY : RSA_PUBLIC_KEY).slice(),
    padding,
    hash: padding === "raw" ? "none" : "sha1",
  });
}

/**
 * Sends a request that must fail: its status is returned, and nothing but the
 * status may have been written.
 */
export function refused(
  guest: RawGuest,
  readable: readonly Uint8Array[],
  writableBytes: readonly number[],
): number {
  const { usedBytes, written } = guest.request(0, readable, writableBytes);
  const last = written.at(-1)!;
  const status = last.at(-1)!;
  ok(status !== Status.Ok, "the request was carried out");
  ok(status <= Status.KeyRejected, `status ${status}`);
  strictEqual(usedBytes, 1);
  ok(written.slice(0, -1).every(untouched), "a failed request wrote data");
  ok(untouched(last.subarray(0, -1)), "more than a status was written");
  return status;
}

const KEY = Uint8Array.from({ length: 16 }, (_, i) => i);
const IV = new Uint8Array(16);

/** Encrypts a block on a new AES session; throws unless that works. */
export function expectService(guest: RawGuest): void {
  const { usedBytes, written } = guest.request(
    0,
    [cipherHeader(openAesCbc(guest), 16, 16, 16), IV, KEY],
    [16, 1],
  );
  const reference = createCipheriv("aes-128-cbc", KEY, IV).update(KEY);
  strictEqual(written[1]![0], Status.Ok);
  strictEqual(usedBytes, 17);
  deepStrictEqual([...written[0]!], [...reference]);
}
