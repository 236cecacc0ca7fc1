/**
 * Requests without an end, each result compared with that of `node:crypto`.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createCipheriv, randomBytes } from "node:crypto";
import type { Cipher, Driver } from "../../mod.ts";

const DATA_BYTES = 4096;
const KEY_BYTES = 16;
const IV_BYTES = 16;
/** Requests in flight. */
const WORKERS = 8;
/** A request that has waited as long is lost. */
const LOST_MS = 10_000;

/** Encrypts by AES-128-CBC until it is told to stop. */
export class ComparedLoad {
  /** Requests that the device was given, and that it has answered. */
  asked = 0;
  answered = 0;
  wrong = 0;
  /** The longest time without any answer since this was last set. */
  longestPauseMs = 0;
  /** Rejects where a request fails or is lost. */
  readonly #workers: Promise<void>;
  #lastAnswer = performance.now();
  #stopped = false;
  #wake = () => {};

  constructor(driver: Driver) {
    this.#workers = Promise.all(
      Array.from({ length: WORKERS }, () => this.#work(driver)),
    ).then(() => {});
    // Whoever waits for an answer, or stops it, hears of it.
    this.#workers.catch(() => this.#stopped = true);
  }

  /** Waits until one more request is answered. */
  async nextAnswer(): Promise<void> {
    const answer = new Promise<void>((resolve) => this.#wake = resolve);
    await inTime(Promise.race([answer, this.#workers]));
  }

  /** Ends it when all that was asked is answered, or is lost. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await inTime(this.#workers);
  }

  async #work(driver: Driver): Promise<void> {
    const key = new Uint8Array(randomBytes(KEY_BYTES));
    const session = await driver.cipher({
      algorithm: "aes-cbc",
      key,
      direction: "encrypt",
    });
    while (!this.#stopped) await this.#compare(session, key);
    await session.close();
  }

  async #compare(session: Cipher, key: Uint8Array): Promise<void> {
    const iv = new Uint8Array(randomBytes(IV_BYTES));
    const data = new Uint8Array(randomBytes(DATA_BYTES));
    this.asked++;
    const result = await session.run(data, iv);
    this.#noteAnswer();
    const cipher = createCipheriv("aes-128-cbc", key, iv);
    cipher.setAutoPadding(false);
    if (Buffer.compare(result, cipher.update(data)) !== 0) this.wrong++;
  }

  #noteAnswer(): void {
    const now = performance.now();
    this.longestPauseMs = Math.max(
      this.longestPauseMs,
      now - this.#lastAnswer,
    );
    this.#lastAnswer = now;
    this.answered++;
    this.#wake();
  }
}

async function inTime(work: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const overdue = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`no answer within ${LOST_MS / 1000} s`)),
      LOST_MS,
    );
  });
  try {
    await Promise.race([work, overdue]);
  } finally {
    clearTimeout(timer);
  }
}
