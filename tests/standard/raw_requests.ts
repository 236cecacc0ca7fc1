/**
 * Requests whose bytes a test writes itself.
 *
 * @module
 */

import type { SessionDescription } from "../../algorithms/session_description.ts";
import {
  decodeCreateOutcome,
  encodeCreateRequest,
} from "../../device/wire/control_encode.ts";
import type { RequestQueue } from "../../driver/request_queue.ts";
import type { Guest } from "./setups.ts";

/** What writable memory holds before the device writes. */
export const UNTOUCHED = 0xee;

/** Sends bytes as they are; the writable part comes back as it is. */
export async function send(
  { driver }: Guest,
  queue: RequestQueue,
  request: Uint8Array,
  writableBytes: number,
): Promise<{ written: number; answer: Uint8Array }> {
  const [readable, writable] = await driver.memory.allocate([
    { lengthBytes: request.length },
    { lengthBytes: writableBytes },
  ]);
  readable!.segments.write(0, request);
  writable!.segments.fill(0, writableBytes, UNTOUCHED);
  const written = await queue.request(readable!.buffers, writable!.buffers);
  const answer = writable!.segments.copy();
  driver.memory.free(readable!);
  driver.memory.free(writable!);
  return { written, answer };
}

const join = (pieces: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from(pieces.flatMap((piece) => [...piece]));

/** A creation whose bytes `spoil` has changed. */
export async function createSpoilt(
  guest: Guest,
  description: SessionDescription,
  spoil: (view: DataView) => void,
) {
  const { driver } = guest;
  const bytes = join(encodeCreateRequest(description, driver.mode));
  spoil(new DataView(bytes.buffer));
  const { answer } = await send(guest, driver.controlQueue!, bytes, 16);
  return decodeCreateOutcome(answer);
}
