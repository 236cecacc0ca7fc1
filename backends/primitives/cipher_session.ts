/**
 * CIPHER sessions.
 *
 * @module
 */

import { algorithmByName } from "../../algorithms/catalogue.ts";
import type { CipherSession } from "../../algorithms/session_description.ts";
import type { Operation } from "../backend.ts";
import type { Cipher, Primitives, PrimitiveSession } from "./primitives.ts";
import { complete, fail, type ThreadContext } from "./session.ts";

/** Whether `cipher` takes a message of this length. */
export function fitsCipher(cipher: Cipher, lengthBytes: number): boolean {
  return lengthBytes === 0 ||
    (lengthBytes >= cipher.minimumBytes &&
      lengthBytes % cipher.blockBytes === 0);
}

/** The cipher that a session is of. */
export function sessionCipher(
  primitives: Primitives,
  algorithm: string,
  key: Uint8Array,
  encrypts: boolean,
): Cipher {
  return primitives.makeSessionCipher?.(algorithm, key, encrypts) ??
    primitives.makeCipher(algorithm, key, encrypts);
}

export class PrimitiveCipherSession implements PrimitiveSession {
  readonly #thread: ThreadContext;
  readonly #cipher: Cipher;
  readonly #ivBytes: number;

  constructor(thread: ThreadContext, description: CipherSession) {
    const { algorithm, key, direction } = description;
    this.#thread = thread;
    this.#ivBytes = algorithmByName("cipher", algorithm)!.ivBytes;
    this.#cipher = sessionCipher(
      thread.primitives,
      algorithm,
      key,
      direction === "encrypt",
    );
  }

  get record(): number | undefined {
    return this.#cipher.record;
  }

  perform(operation: Operation): void {
    const cipher = this.#cipher;
    const { source, destination } = operation;
    if (
      operation.ivBytes >= this.#ivBytes &&
      fitsCipher(cipher, source.totalBytes) &&
      cipher.start(operation.iv, operation.ivWords) &&
      this.#thread.worker.apply(cipher, source, destination)
    ) {
      complete(operation, source.totalBytes);
    } else {
      fail(operation, this.#thread.primitives);
    }
  }

  close(): void {
    this.#cipher.close();
  }
}
