/**
 * Control requests of the v9 draft: one device-writable descriptor holds the
 * request and takes its outcome; keys are named by guest address.
 *
 * @module
 */

import { keyRoom } from "../algorithms/key_bytes.ts";
import { Segments } from "../memory/segments.ts";
import {
  carryOut,
  type ControlAnswer,
  type ControlContext,
  type ControlOutcome,
} from "./control_outcome.ts";
import type { GuestMemory } from "./ring/guest_memory.ts";
import type { Eventual } from "./session/steps.ts";
import { createFrom, refused } from "./wire/control_request.ts";
import {
  decodeDraft9Control,
  type Draft9Control,
  type Draft9Create,
  DRAFT_9_REQUEST_BYTES,
  NO_STATUS,
  writeDraft9Created,
  writeDraft9Status,
} from "./wire/draft9.ts";
import { Status } from "./wire/status.ts";

/**
 * Carries out the request in `writable`; tells how to answer it. `origin` is the
 * same when it is asked again.
 */
export function answerDraft9Control(
  writable: Segments,
  context: ControlContext,
  origin: number,
): Eventual<ControlAnswer> {
  const availableBytes = Math.min(writable.totalBytes, DRAFT_9_REQUEST_BYTES);
  const bytes = new Uint8Array(DRAFT_9_REQUEST_BYTES);
  writable.read(0, bytes.subarray(0, availableBytes));
  const view = new DataView(bytes.buffer);
  const request = decodeDraft9Control(view, availableBytes, context.limits);
  const answer = (outcome: ControlOutcome): ControlAnswer => (room) => {
    // A request without a place for its status is short: nothing came of it.
    if (request.statusAt === NO_STATUS) return 0;
    if (request.kind === "create") {
      writeDraft9Created(view, request, outcome.status, outcome.sessionId);
    } else writeDraft9Status(view, request.statusAt, outcome.status);
    room.write(0, bytes.subarray(0, availableBytes));
    return availableBytes;
  };
  const outcome = decide(request, context, origin);
  return outcome instanceof Promise ? outcome.then(answer) : answer(outcome);
}

function decide(
  request: Draft9Control,
  context: ControlContext,
  origin: number,
): Eventual<ControlOutcome> {
  return request.kind === "create"
    ? create(request, context, origin)
    : carryOut(request, context, origin);
}

function create(
  { parameters, keyAddress, authKeyAddress }: Draft9Create,
  context: ControlContext,
  origin: number,
): Eventual<ControlOutcome> {
  const key = keyRoom(parameters.keyBytes);
  const authKey = keyRoom(parameters.authKeyBytes);
  const found = readKey(context.memory, keyAddress, key) &&
    readKey(context.memory, authKeyAddress, authKey);
  const created = found
    ? createFrom(parameters, key, authKey)
    : refused(true, Status.Error, "a key that is not in guest memory");
  // The description has copies of its own.
  key.fill(0);
  authKey.fill(0);
  return carryOut(created, context, origin);
}

/** Copies a key; false where it is not in guest memory. */
function readKey(
  memory: GuestMemory,
  address: number,
  into: Uint8Array,
): boolean {
  if (into.length === 0) return true;
  const segments = new Segments();
  const found = memory.translate(address, into.length, segments);
  if (found) segments.read(0, into);
  return found;
}
