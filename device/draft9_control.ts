/**
 * Control requests of the v9 draft: one device-writable descriptor holds the
 * request and takes its outcome; keys are named by guest address.
 *
 * @module
 */

import { keyRoom } from "../algorithms/key_bytes.ts";
import { Segments } from "../memory/segments.ts";
import { carryOut, type ControlOutcome } from "./control_outcome.ts";
import type { GuestMemory } from "./ring/guest_memory.ts";
import type { SessionTable } from "./session/session_table.ts";
import { createFrom } from "./wire/control_request.ts";
import {
  decodeDraft9Control,
  type Draft9Control,
  DRAFT_9_REQUEST_BYTES,
  NO_STATUS,
  writeDraft9Created,
  writeDraft9Status,
} from "./wire/draft9.ts";
import type { WireMode } from "./wire/mode.ts";
import type { ServiceLimits } from "./wire/session_parameters.ts";
import { Status } from "./wire/status.ts";

/** What answering a control request needs of its device. */
export interface ControlContext {
  readonly memory: GuestMemory;
  readonly sessions: SessionTable;
  readonly mode: WireMode;
  readonly limits: ServiceLimits;
}

/** Answers the request in `writable`; returns the used length. */
export function answerDraft9Control(
  writable: Segments,
  context: ControlContext,
): number {
  if (writable.totalBytes < DRAFT_9_REQUEST_BYTES) return 0;
  const bytes = new Uint8Array(DRAFT_9_REQUEST_BYTES);
  writable.read(0, bytes);
  const request = decodeDraft9Control(bytes, context.limits);
  if (request.kind !== "create" && request.statusAt === NO_STATUS) return 0;
  const outcome = decide(request, context);
  const view = new DataView(bytes.buffer);
  if (request.kind === "create") {
    writeDraft9Created(view, request, outcome.status, outcome.sessionId);
  } else writeDraft9Status(view, request.statusAt, outcome.status);
  writable.write(0, bytes);
  return DRAFT_9_REQUEST_BYTES;
}

function decide(
  request: Draft9Control,
  context: ControlContext,
): ControlOutcome {
  const { sessions, mode } = context;
  switch (request.kind) {
    case "refused":
      return { status: request.status, sessionId: NaN };
    case "destroy":
      return carryOut(request, sessions, mode);
    case "create": {
      const key = readKey(
        request.keyAddress,
        request.parameters.keyBytes,
        context,
      );
      const authKey = readKey(
        request.authKeyAddress,
        request.parameters.authKeyBytes,
        context,
      );
      const created = key && authKey &&
        createFrom(request.parameters, key, authKey);
      key?.fill(0);
      authKey?.fill(0);
      return created
        ? carryOut(created, sessions, mode)
        : { status: Status.Error, sessionId: NaN };
    }
  }
}

/** A private copy of a key, or undefined where it is not in guest memory. */
function readKey(
  address: number,
  lengthBytes: number,
  { memory }: ControlContext,
): Uint8Array | undefined {
  const key = keyRoom(lengthBytes);
  if (lengthBytes === 0) return key;
  const segments = new Segments();
  if (!memory.translate(address, lengthBytes, segments)) return undefined;
  segments.read(0, key);
  return key;
}
