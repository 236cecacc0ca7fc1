/**
 * What both layouts of requests put into a slot: numbers and the IV.
 *
 * @module
 */

import {
  BURST_WORDS,
  BurstField,
  IV_WORDS,
  type RequestBurst,
} from "../backends/request_burst.ts";
import { Region } from "../memory/region.ts";
import type { Segments } from "../memory/segments.ts";
import { operationKind } from "./request_check.ts";
import type { DataRequest } from "./wire/data_request.ts";

/** Copies what a request says of itself, but for its lists. */
export function fillNumbers(
  { fields }: RequestBurst,
  slot: number,
  request: DataRequest,
): void {
  const at = BURST_WORDS * slot;
  fields[at + BurstField.Kind] = operationKind(request);
  fields[at + BurstField.IvBytes] = request.ivBytes;
  fields[at + BurstField.CipherStart] = request.cipherStart;
  fields[at + BurstField.CipherBytes] = request.cipherBytes;
  fields[at + BurstField.HashStart] = request.hashStart;
  fields[at + BurstField.HashBytes] = request.hashBytes;
}

/** Room for the longest IV field (virtio 1.4 §5.9.9.7). */
export const ivRoom = (): Region =>
  new Region(new Uint8Array(new ArrayBuffer(4 * IV_WORDS)));

/** Copies the whole of `from`, no longer than an IV, by way of `room`. */
export function copyIv(
  { ivs }: RequestBurst,
  slot: number,
  from: Segments,
  room: Region,
): void {
  from.copyOut(0, room, from.totalBytes);
  const words = room.words!;
  for (let i = 0; i < IV_WORDS; i++) ivs[IV_WORDS * slot + i] = words[i]!;
}
