/**
 * What rings are loaded with: encryptions, and sessions that come and go.
 *
 * @module
 */

import { createCipheriv } from "node:crypto";
import {
  decodeCreateOutcome,
  encodeCreateRequest,
  encodeDestroyRequest,
} from "../../device/wire/control_encode.ts";
import { Status } from "../../device/wire/status.ts";
import { cipherHeader, LEGACY } from "../../testing/requests.ts";
import { aesCbc } from "../../testing/sessions.ts";
import type { Load } from "./loaded_ring.ts";

const KEY = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
const IV = new Uint8Array(16).fill(4);
const DATA_BYTES = 64;
const PATTERNS = 16;

/** The session that the encryptions name; the device wipes what it is given. */
export const session = () => aesCbc(KEY);

const PLAIN = Array.from(
  { length: PATTERNS },
  (_, i) => new Uint8Array(DATA_BYTES).fill(i + 1),
);
const ENCRYPTED = PLAIN.map((plain) =>
  createCipheriv("aes-128-cbc", KEY, IV).setAutoPadding(false).update(plain)
);

const equal = (a: Uint8Array, b: Uint8Array) =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);

/** Encryptions of one session, each with other data than the one before. */
export class Encryptions implements Load {
  readonly depth: number;
  readonly descriptors = 4;
  readonly #header: Uint8Array;
  readonly #patterns: number[] = [];
  #count = 0;

  constructor(sessionId: number, depth: number) {
    this.depth = depth;
    this.#header = cipherHeader(sessionId, 16, DATA_BYTES, DATA_BYTES);
  }

  request(slot: number) {
    const pattern = this.#count++ % PATTERNS;
    this.#patterns[slot] = pattern;
    const head = Uint8Array.from([...this.#header, ...IV]);
    return { readable: [head, PLAIN[pattern]!], writableBytes: [64, 1] };
  }

  check(slot: number, answer: Uint8Array[], writtenBytes: number) {
    const [result, status] = answer;
    if (status![0] !== 0) return `status ${status![0]}`;
    if (writtenBytes !== DATA_BYTES + 1) return `used length ${writtenBytes}`;
    return equal(result!, ENCRYPTED[this.#patterns[slot]!]!)
      ? undefined
      : "a wrong result";
  }
}

/** Sessions, each created and then destroyed. */
export class Sessions implements Load {
  readonly depth: number;
  readonly descriptors = 2;
  /** By slot, the session to destroy next. */
  readonly #open = new Map<number, number>();

  constructor(depth: number) {
    this.depth = depth;
  }

  request(slot: number) {
    const open = this.#open.get(slot);
    const pieces = open === undefined
      ? encodeCreateRequest(session(), LEGACY)
      : [encodeDestroyRequest("cipher", open, LEGACY)];
    const readable = Uint8Array.from(pieces.flatMap((piece) => [...piece]));
    return {
      readable: [readable],
      writableBytes: [open === undefined ? 16 : 1],
    };
  }

  check(slot: number, [answer]: Uint8Array[], writtenBytes: number) {
    if (writtenBytes !== answer!.length) return `used length ${writtenBytes}`;
    if (this.#open.delete(slot)) {
      return answer![0] === 0 ? undefined : `destroyed: status ${answer![0]}`;
    }
    const { status, sessionId } = decodeCreateOutcome(answer!);
    if (status === Status.Ok) this.#open.set(slot, sessionId);
    // Threads that are busy hear of no more sessions for the moment.
    return status === Status.Ok || status === Status.Error
      ? undefined
      : `created: status ${status}`;
  }
}
