/**
 * What tests of hostile front-ends have in common: a connection that has
 * negotiated everything, a data ring that runs, and a request that must work.
 *
 * @module
 */

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import {
  OFFERED_PROTOCOL_FEATURES,
  Request,
} from "../device/transport/vhost_user/messages.ts";
import { cipherHeader } from "./requests.ts";
import {
  GUEST_ADDRESS,
  longs,
  ScriptedFrontEnd,
  type ScriptedRing,
  words,
} from "./scripted_front_end.ts";
import { aesCbc, createSession } from "./sessions.ts";
import type { TestServer } from "./vhost_user_server.ts";

const VHOST_USER_F_PROTOCOL_FEATURES = 1n << 30n;
const RING_FEATURES = (1n << 32n) | (1n << 28n);
const KEY = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
const IV = new Uint8Array(16).fill(4);
const DATA = new Uint8Array(64).fill(5);

/** Connects and negotiates all protocol features, and `more` of the device. */
export function connect(server: TestServer, more = 0n): ScriptedFrontEnd {
  const front = ScriptedFrontEnd.connect(server.path);
  front.send(Request.SetProtocolFeatures, longs(OFFERED_PROTOCOL_FEATURES));
  front.send(
    Request.SetFeatures,
    longs(RING_FEATURES | VHOST_USER_F_PROTOCOL_FEATURES | more),
  );
  return front;
}

/** Shares the memory and starts a ring. */
export async function startRing(
  front: ScriptedFrontEnd,
  index: number,
): Promise<ScriptedRing> {
  const { memoryFd } = front;
  const table = front.memoryTable();
  strictEqual(await front.tell(Request.SetMemTable, table, [memoryFd]), 0);
  const ring = front.makeRing(index);
  front.send(Request.SetVringNum, words(index, 64));
  front.send(Request.SetVringBase, words(index, 0));
  front.send(Request.SetVringAddr, front.ringAddresses(index, ring));
  front.send(Request.SetVringCall, longs(index), [ring.callFd]);
  front.send(Request.SetVringEnable, words(index, 1));
  const { kickFd } = ring;
  strictEqual(
    await front.tell(Request.SetVringKick, longs(index), [kickFd]),
    0,
  );
  return ring;
}

/** A session on the device itself. */
export function openDeviceSession(server: TestServer): number {
  return createSession(server.device, aesCbc(KEY));
}

/** The readable bytes of an encryption of 64 bytes. */
export function encryption(sessionId: number): Uint8Array {
  const header = cipherHeader(sessionId, 16, 64, 64);
  return Uint8Array.from([...header, ...IV, ...DATA]);
}

/** A well-behaved front-end gets a right answer. */
export async function expectAnswer(server: TestServer): Promise<void> {
  const gone = server.log.filter((line) => line.includes("gone:")).length;
  const front = connect(server);
  const ring = await startRing(front, 0);
  const request = encryption(openDeviceSession(server));
  const [result, status] = await front.request(ring, [request], [64, 1]);
  strictEqual(status![0], 0);
  const reference = createCipheriv("aes-128-cbc", KEY, IV).update(DATA);
  deepStrictEqual([...result!], [...reference]);
  front[Symbol.dispose]();
  await server.logged("gone:", gone + 1);
}

/** How far the device has come with a split ring. */
export function usedIndex(
  front: ScriptedFrontEnd,
  ring: ScriptedRing,
): number {
  const at = ring.queue.addresses.usedAddress - GUEST_ADDRESS;
  return front.region.view.getUint16(at + 2, true);
}
