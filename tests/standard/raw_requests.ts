/**
 * Requests whose bytes a test writes itself.
 *
 * @module
 */

import type { Service } from "../../algorithms/catalogue.ts";
import {
  keysOf,
  type SessionDescription,
} from "../../algorithms/session_description.ts";
import {
  type CreateOutcome,
  decodeCreateOutcome,
  decodeDestroyOutcome,
  encodeCreateRequest,
  encodeDestroyRequest,
} from "../../device/wire/control_encode.ts";
import {
  decodeDraft9Created,
  decodeDraft9Destroyed,
  encodeDraft9Create,
  encodeDraft9Destroy,
} from "../../device/wire/draft9.ts";
import type { Status } from "../../device/wire/status.ts";
import type { RequestQueue } from "../../driver/request_queue.ts";
import type { Guest } from "./setups.ts";
import { insideOf } from "../../driver/driver.ts";

/** What writable memory holds before the device writes. */
export const UNTOUCHED = 0xee;

/** Sends bytes as they are; the writable part comes back as it is. */
export async function send(
  { driver }: Guest,
  queue: RequestQueue,
  request: Uint8Array,
  writableBytes: number,
): Promise<{ written: number; answer: Uint8Array }> {
  const [readable, writable] = await insideOf(driver).memory.allocate([
    { lengthBytes: request.length },
    { lengthBytes: writableBytes },
  ]);
  readable!.segments.write(0, request);
  writable!.segments.fill(0, writableBytes, UNTOUCHED);
  const written = await queue.request(readable!.buffers, writable!.buffers);
  const answer = writable!.segments.copy();
  insideOf(driver).memory.free(readable!);
  insideOf(driver).memory.free(writable!);
  return { written, answer };
}

/** Sends a structure of draft 9, in which the device writes its outcome. */
export async function sendStructure(
  { driver }: Guest,
  queue: RequestQueue,
  structure: Uint8Array,
): Promise<{ written: number; answer: Uint8Array<ArrayBuffer> }> {
  const [shared] = await insideOf(driver).memory.allocate([
    { lengthBytes: structure.length, whole: true },
  ]);
  shared!.segments.write(0, structure);
  const written = await queue.request([], shared!.buffers);
  const answer = shared!.segments.copy();
  insideOf(driver).memory.free(shared!);
  return { written, answer };
}

const join = (pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(pieces.flatMap((piece) => [...piece]));

/** Hands `send` the bytes of a creation in the guest's layout. */
async function encodeCreation(
  { driver, setup }: Guest,
  description: SessionDescription,
  send: (bytes: Uint8Array<ArrayBuffer>) => Promise<CreateOutcome>,
): Promise<CreateOutcome> {
  if (setup.layout !== "draft 9") {
    return send(join(encodeCreateRequest(description, driver.mode)));
  }
  const keys = keysOf(description);
  const places = await insideOf(driver).memory.allocate(
    keys.map(({ length }) => ({ lengthBytes: length, whole: true })),
  );
  keys.forEach((key, i) => places[i]!.segments.write(0, key));
  const addressOf = (index: number) =>
    places[index]?.buffers[0]?.guestAddress ?? NaN;
  const addresses = { keyAddress: addressOf(0), authKeyAddress: addressOf(1) };
  const outcome = await send(encodeDraft9Create(description, addresses, 0));
  for (const place of places) insideOf(driver).memory.free(place);
  return outcome;
}

/**
 * A creation whose bytes `spoil` has changed. In all layouts the opcode is at 0
 * and the algorithm, but for chains, at 16.
 */
export function createSpoilt(
  guest: Guest,
  description: SessionDescription,
  spoil: (view: DataView) => void,
): Promise<CreateOutcome> {
  const queue = insideOf(guest.driver).controlQueue!;
  return encodeCreation(guest, description, async (bytes) => {
    spoil(new DataView(bytes.buffer));
    if (guest.setup.layout !== "draft 9") {
      return decodeCreateOutcome((await send(guest, queue, bytes, 16)).answer);
    }
    const { answer } = await sendStructure(guest, queue, bytes);
    return decodeDraft9Created(answer, description);
  });
}

/** Destroys a session; the status, and what the device says it has written. */
export async function destroy(
  guest: Guest,
  service: Service,
  sessionId: number,
): Promise<{ status: Status; written: number }> {
  const queue = insideOf(guest.driver).controlQueue!;
  if (guest.setup.layout === "draft 9") {
    const structure = encodeDraft9Destroy(service, sessionId);
    const { written, answer } = await sendStructure(guest, queue, structure);
    return { status: decodeDraft9Destroyed(answer), written };
  }
  const bytes = encodeDestroyRequest(service, sessionId, guest.driver.mode);
  const { written, answer } = await send(guest, queue, bytes, 1);
  return { status: decodeDestroyOutcome(answer), written };
}
