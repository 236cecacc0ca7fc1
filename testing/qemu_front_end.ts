/**
 * What QEMU does at the other end of the socket, step by step.
 *
 * @module
 */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import type { CipherSession } from "../algorithms/session_description.ts";
import { socketPair } from "../ffi/libc_socket.ts";
import {
  OFFERED_PROTOCOL_FEATURES,
  Request,
} from "../device/transport/vhost_user/messages.ts";
import {
  decodeCreateOutcome,
  encodeCreateRequest,
} from "../device/wire/control_encode.ts";
import { cipherHeader, LEGACY } from "./requests.ts";
import {
  longs,
  ScriptedFrontEnd,
  type ScriptedRing,
  u64,
  words,
} from "./scripted_front_end.ts";
import { startTestServer, type TestServer } from "./vhost_user_server.ts";

export const BIT_30 = 1n << 30n;
export const RING_FEATURES = (1n << 32n) | (1n << 28n);
export const KEY = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
export const IV = Uint8Array.from({ length: 16 }, (_, i) => 3 * i);
export const DATA = Uint8Array.from({ length: 64 }, (_, i) => 5 * i);
export const CONTROL = 2;

export const AES: CipherSession = {
  service: "cipher",
  algorithm: "aes-cbc",
  direction: "encrypt",
  key: KEY,
};

export const expected = [
  ...createCipheriv("aes-128-cbc", KEY, IV).setAutoPadding(false).update(DATA),
];

/** Protocol features without some. */
export const without = (...bits: number[]) =>
  bits.reduce(
    (set, bit) => set & ~(1n << BigInt(bit)),
    OFFERED_PROTOCOL_FEATURES,
  );

/** What QEMU sends before the guest's driver starts. */
export async function shakeHands(
  front: ScriptedFrontEnd,
  protocolFeatures: bigint,
): Promise<void> {
  const features = u64(await front.ask(Request.GetFeatures));
  ok((BigInt(features) & (1n << 32n)) !== 0n && (features & 2 ** 30) !== 0);
  strictEqual(
    BigInt(u64(await front.ask(Request.GetProtocolFeatures))),
    OFFERED_PROTOCOL_FEATURES,
  );
  front.send(Request.SetProtocolFeatures, longs(protocolFeatures));
  const generic = (protocolFeatures & (1n << 9n)) !== 0n;
  const queues = generic ? CONTROL + 1 : CONTROL;
  strictEqual(u64(await front.ask(Request.GetQueueNum)), queues);
  front.send(Request.SetOwner);
  await front.ask(Request.GetFeatures);
  for (let index = 0; index < queues; index++) {
    const fd = front.eventfd();
    strictEqual(await front.tell(Request.SetVringCall, longs(index), [fd]), 0);
    strictEqual(await front.tell(Request.SetVringErr, longs(index), [fd]), 0);
  }
}

/** Size, base, addresses, kick and call of a ring, as QEMU sends them. */
export async function startRing(
  front: ScriptedFrontEnd,
  index: number,
  base = 0,
  ring = front.makeRing(index),
): Promise<ScriptedRing> {
  front.send(Request.SetVringNum, words(index, ring.queue.size));
  front.send(Request.SetVringBase, words(index, base));
  front.send(Request.SetVringAddr, front.ringAddresses(index, ring));
  const { kickFd, callFd } = ring;
  strictEqual(
    await front.tell(Request.SetVringKick, longs(index), [kickFd]),
    0,
  );
  strictEqual(
    await front.tell(Request.SetVringCall, longs(index), [callFd]),
    0,
  );
  return ring;
}

export async function shareMemory(front: ScriptedFrontEnd): Promise<void> {
  const { memoryFd } = front;
  strictEqual(
    await front.tell(Request.SetMemTable, front.memoryTable(), [memoryFd]),
    0,
  );
}

/** QEMU's generic device up to DRIVER_OK: data queue 0 and control queue. */
export async function startGeneric(
  front: ScriptedFrontEnd,
): Promise<{ data: ScriptedRing; control: ScriptedRing }> {
  await shakeHands(front, OFFERED_PROTOCOL_FEATURES);
  front.send(Request.SetFeatures, longs(RING_FEATURES | BIT_30));
  await shareMemory(front);
  const data = await startRing(front, 0);
  const control = await startRing(front, CONTROL);
  for (const index of [0, CONTROL]) {
    strictEqual(await front.tell(Request.SetVringEnable, words(index, 1)), 0);
  }
  return { data, control };
}

/** QEMU's cryptodev up to DRIVER_OK: data queue 0, bit 30 alone, no ENABLE. */
export async function startCryptodev(
  front: ScriptedFrontEnd,
): Promise<ScriptedRing> {
  await shakeHands(front, without(9));
  front.send(Request.SetFeatures, longs(BIT_30));
  await shareMemory(front);
  return startRing(front, 0);
}

/** The channel on which the device makes requests of its own. */
export async function backendChannel(
  front: ScriptedFrontEnd,
): Promise<ScriptedFrontEnd> {
  const pair = socketPair(front.libc);
  ok(typeof pair === "object");
  strictEqual(
    await front.tell(Request.SetBackendReqFd, undefined, [pair[1]]),
    0,
  );
  front.libc.close(pair[1]);
  return new ScriptedFrontEnd(pair[0]);
}

export async function createByQueue(
  front: ScriptedFrontEnd,
  control: ScriptedRing,
): Promise<number> {
  const pieces = encodeCreateRequest(AES, LEGACY);
  const [answer] = await front.request(control, pieces, [16]);
  const { status, sessionId } = decodeCreateOutcome(answer!);
  strictEqual(status, 0);
  return sessionId;
}

export async function encrypt(
  front: ScriptedFrontEnd,
  ring: ScriptedRing,
  session: number,
  kick = true,
): Promise<{ status: number; result: number[] }> {
  const pieces = [cipherHeader(session, 16, 64, 64), IV, DATA];
  const written = await front.request(ring, pieces, [64, 1], kick);
  return { status: written[1]![0]!, result: [...written[0]!] };
}

export async function encryptsWell(
  front: ScriptedFrontEnd,
  ring: ScriptedRing,
  session: number,
  kick = true,
): Promise<void> {
  const { status, result } = await encrypt(front, ring, session, kick);
  strictEqual(status, 0);
  deepStrictEqual(result, expected);
}

export const withServer = (
  name: string,
  body: (server: TestServer) => Promise<void>,
) =>
  Deno.test(name, async () => {
    await using server = await startTestServer();
    await body(server);
  });
