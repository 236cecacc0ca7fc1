/**
 * A request with a known answer: whether a device still works after what was
 * done to it.
 *
 * @module
 */

import { createCipheriv } from "node:crypto";
import { wireMode } from "../../device/wire/mode.ts";
import { Status } from "../../device/wire/status.ts";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import {
  Draft9DataRequest,
  encodeDraft9Data,
} from "../../device/wire/draft9_data.ts";
import { DRAFT_9_REQUEST_BYTES } from "../../device/wire/draft9.ts";
import { HandRing, type UsedEntry } from "../../testing/hand_ring.ts";
import { LOW_ADDRESS } from "../../testing/arena.ts";
import type { Machine } from "../../testing/machine.ts";
import { aesCbc, createNow } from "../../testing/sessions.ts";
import {
  describeRequest,
  legalRequest,
  legalSessions,
} from "../../testing/valid_requests.ts";
import { expectNoLeak, FuzzFailure } from "./episode.ts";

const KEY = Uint8Array.from({ length: 16 }, (_, i) => 0x11 * i);
const IV = Uint8Array.from({ length: 16 }, (_, i) => 0xf0 - i);
const DATA = Uint8Array.from({ length: 80 }, (_, i) => 5 * i);
const LENGTHS = {
  operation: 0,
  sourceBytes: DATA.length,
  additionalDataBytes: 0,
  destinationBytes: 0,
};

const expected = () =>
  createCipheriv("aes-128-cbc", KEY, IV).setAutoPadding(false).update(DATA);

/** A session that the requests of an episode may name. */
export interface KnownSession {
  readonly id: number;
  readonly description: SessionDescription;
}

/** Opens all legal sessions that the backend has. */
export function openLegalSessions(machine: Machine): KnownSession[] {
  const opened: KnownSession[] = [];
  for (const description of legalSessions()) {
    const created = createNow(machine.device.sessions, description);
    if ("id" in created) opened.push({ id: created.id, description });
  }
  if (opened.length < 10) {
    throw new FuzzFailure(`only ${opened.length} sessions`);
  }
  return opened;
}

/** The device must answer a legal request and hold nothing; ends the machine. */
export function expectUsableAndEnd(machine: Machine): void {
  expectKnownAnswer(machine);
  expectNoLeak(machine);
  machine[Symbol.dispose]();
}

/** Restarts data queue 0 and encrypts something known on a new session. */
function expectKnownAnswer(machine: Machine): void {
  const ring = new HandRing(machine, 0, 8, 0);
  const description = aesCbc(KEY);
  const session = createNow(machine.device.sessions, description);
  if (!("id" in session)) {
    throw new FuzzFailure(`a legal session was refused: ${session.reason}`);
  }
  const result = machine.device.layout === "draft-9"
    ? askDraft9(machine, ring, description, session.id)
    : ask(machine, ring, description, session.id);
  machine.device.sessions.destroy(session.id);
  if (!expected().equals(result)) {
    throw new FuzzFailure("a legal request got a wrong answer");
  }
}

function check(used: UsedEntry | undefined, bytes: number, status: number) {
  if (used?.lengthBytes === bytes && status === Status.Ok) return;
  throw new FuzzFailure(
    `a legal request got status ${status}, used length ${used?.lengthBytes}`,
  );
}

function ask(
  machine: Machine,
  ring: HandRing,
  description: SessionDescription,
  sessionId: number,
): Uint8Array {
  const mode = wireMode("virtio", machine.device.acceptedFeatures);
  const legal = legalRequest(mode, description, sessionId, LENGTHS);
  const { request, readable } = legal;
  readable.set(IV, request.ivAt);
  readable.set(DATA, request.sourceAt);
  const { bytes } = machine.arena.low.region;
  const at = ring.endOffset;
  const outAt = at + readable.length;
  bytes.set(readable, at);
  bytes.fill(0xee, outAt, outAt + DATA.length + 1);
  const used = ring.submit([
    {
      address: LOW_ADDRESS + at,
      lengthBytes: readable.length,
      writable: false,
    },
    {
      address: LOW_ADDRESS + outAt,
      lengthBytes: DATA.length + 1,
      writable: true,
    },
  ]);
  check(used, DATA.length + 1, bytes[outAt + DATA.length]!);
  return bytes.slice(outAt, outAt + DATA.length);
}

function askDraft9(
  machine: Machine,
  ring: HandRing,
  description: SessionDescription,
  sessionId: number,
): Uint8Array {
  const request = new Draft9DataRequest();
  describeRequest(request, description, LENGTHS);
  request.sessionId = sessionId;
  const { bytes } = machine.arena.low.region;
  const at = ring.endOffset;
  const ivAt = at + DRAFT_9_REQUEST_BYTES;
  const dataAt = ivAt + IV.length;
  bytes.set(IV, ivAt);
  bytes.set(DATA, dataAt);
  request.ivAddress = LOW_ADDRESS + ivAt;
  request.sourceAddress = LOW_ADDRESS + dataAt;
  request.destinationAddress = LOW_ADDRESS + dataAt;
  const structure = new DataView(
    bytes.buffer,
    bytes.byteOffset + at,
    DRAFT_9_REQUEST_BYTES,
  );
  encodeDraft9Data(request, structure);
  const used = ring.submit([{
    address: LOW_ADDRESS + at,
    lengthBytes: DRAFT_9_REQUEST_BYTES,
    writable: true,
  }]);
  check(
    used,
    DRAFT_9_REQUEST_BYTES,
    structure.getUint32(request.statusAt, true),
  );
  return bytes.slice(dataAt, dataAt + DATA.length);
}
