/**
 * What a guest does while its device is killed: requests that are compared with
 * node:crypto, in place, half over themselves and apart, and sessions that come and
 * go.
 *
 * @module
 */

import { createCipheriv, randomBytes } from "node:crypto";
import { Status } from "../../../device/wire/status.ts";
import type { Driver } from "../../../driver/driver.ts";
import type { Cipher } from "../../../driver/sessions.ts";
import { ShiftedRequest } from "../../../testing/shifted_cipher.ts";

const IV_BYTES = 16;
const KEY_BYTES = 16;
/** Of one guest, which its requests share. */
const SESSIONS = 4;
const LENGTHS = [64, 256, 1040, 4096];
/** How far behind its source a result begins; 0 is in place. */
const SHIFTS: readonly ((lengthBytes: number) => number)[] = [
  () => 0,
  (lengthBytes) => lengthBytes,
  () => 0,
  () => 32,
];

/**
 * How long a front-end has nothing to say now and then, which does not tell
 * whether it has got its answer.
 */
const PAUSE_MS = 400;
const pause = (ms: number) => new Promise((wake) => setTimeout(wake, ms));

interface KeyedSession {
  readonly session: Cipher;
  readonly key: Uint8Array;
}

/** Requests and sessions of one guest, until it is stopped. */
export class GuestLoad {
  requests = 0;
  sessions = 0;
  /** Settled when all has ended; rejects as soon as something is wrong. */
  readonly ended: Promise<unknown>;
  readonly #begun = Promise.withResolvers<void>();
  #stopped = false;

  /** `depth`: requests under way at a time; `pauses`: between some sessions. */
  constructor(driver: Driver, depth: number, pauses: boolean) {
    const sessions = Array.from(
      { length: Math.min(depth, SESSIONS) },
      () => this.#open(driver, randomBytes(KEY_BYTES)),
    );
    const workers = Array.from({ length: depth }, (_, i) => {
      const session = sessions[i % SESSIONS]!;
      const lengthBytes = LENGTHS[i % 4]!;
      const shiftOf = SHIFTS[(i >> 1) % 4]!;
      return this.#encipher(driver, session, lengthBytes, shiftOf(lengthBytes));
    });
    this.ended = Promise.all([...workers, this.#openAndClose(driver, pauses)]);
    this.ended.catch(() => {});
  }

  /** Settled when a session has come, done a request and gone. */
  get begun(): Promise<void> {
    return this.#begun.promise;
  }

  async #open(driver: Driver, key: Uint8Array): Promise<KeyedSession> {
    const session = await driver.cipher({
      algorithm: "aes-cbc",
      key,
      direction: "encrypt",
    });
    return { key, session };
  }

  async #encipher(
    driver: Driver,
    opened: Promise<KeyedSession>,
    lengthBytes: number,
    shift: number,
  ): Promise<void> {
    const { session, key } = await opened;
    const request = new ShiftedRequest(
      driver,
      session,
      IV_BYTES,
      lengthBytes,
      shift,
    );
    while (!this.#stopped) await this.#compare(request, key, lengthBytes);
  }

  async #compare(
    request: ShiftedRequest,
    key: Uint8Array,
    lengthBytes: number,
  ): Promise<void> {
    const iv = randomBytes(IV_BYTES);
    const data = randomBytes(lengthBytes);
    const { status, destination } = await request.send(data, iv);
    this.requests++;
    if (status !== Status.Ok) throw new Error(`a request ended with ${status}`);
    const cipher = createCipheriv("aes-128-cbc", key, iv);
    cipher.setAutoPadding(false);
    const expected = cipher.update(data);
    if (expected.compare(destination) !== 0) {
      throw new Error(`a result of ${lengthBytes} bytes differs`);
    }
  }

  async #openAndClose(driver: Driver, pauses: boolean): Promise<void> {
    const key = randomBytes(KEY_BYTES);
    const iv = randomBytes(IV_BYTES);
    const data = randomBytes(32);
    const cipher = createCipheriv("aes-128-cbc", key, iv);
    cipher.setAutoPadding(false);
    const expected = cipher.update(data);
    while (!this.#stopped) {
      const { session } = await this.#open(driver, key);
      const result = await session.run(data, iv);
      if (expected.compare(result) !== 0) throw new Error("a result differs");
      await session.close();
      this.sessions++;
      this.#begun.resolve();
      if (pauses && this.sessions % 4 === 0) await pause(PAUSE_MS);
    }
  }

  /** Begins nothing more. */
  stop(): void {
    this.#stopped = true;
  }
}
