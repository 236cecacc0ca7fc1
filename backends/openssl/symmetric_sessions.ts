/**
 * CIPHER, HASH and MAC sessions.
 *
 * @module
 */

import type {
  CipherSession,
  HashSession,
  MacSession,
} from "../../algorithms/session_description.ts";
import { algorithmByName } from "../../algorithms/catalogue.ts";
import { Segments } from "../../memory/segments.ts";
import { type Operation, OperationStatus } from "../backend.ts";
import { StreamAead } from "./aead.ts";
import { type Cipher, makeCipher } from "./ciphers.ts";
import { type Digester, makeDigest } from "./digests.ts";
import { makeMac } from "./macs.ts";
import {
  complete,
  fail,
  type OpensslSession,
  type ThreadContext,
} from "./session.ts";

/** Whether `cipher` takes a message of this length. */
export function fitsCipher(cipher: Cipher, lengthBytes: number): boolean {
  return lengthBytes === 0 ||
    (lengthBytes >= cipher.minimumBytes &&
      lengthBytes % cipher.blockBytes === 0);
}

class OpensslCipherSession implements OpensslSession {
  readonly #thread: ThreadContext;
  readonly #cipher: Cipher;
  readonly #ivBytes: number;

  constructor(thread: ThreadContext, description: CipherSession) {
    const { algorithm, key, direction } = description;
    this.#thread = thread;
    this.#ivBytes = algorithmByName("cipher", algorithm)!.ivBytes;
    this.#cipher = makeCipher(
      thread.library,
      algorithm,
      key,
      direction === "encrypt",
    );
  }

  perform(operation: Operation): void {
    const cipher = this.#cipher;
    const { source, destination } = operation;
    if (
      operation.ivBytes >= this.#ivBytes &&
      fitsCipher(cipher, source.totalBytes) &&
      cipher.start(operation.iv) &&
      this.#thread.worker.apply(cipher, source, destination)
    ) {
      operation.status = OperationStatus.Ok;
      operation.writtenBytes = source.totalBytes;
    } else {
      fail(operation, this.#thread.library);
    }
  }

  close(): void {
    this.#cipher.close();
  }
}

/** HASH, and MAC without an IV. */
class DigestSession implements OpensslSession {
  readonly #thread: ThreadContext;
  readonly #digester: Digester;
  readonly #resultBytes: number;

  constructor(thread: ThreadContext, digester: Digester, resultBytes: number) {
    this.#thread = thread;
    this.#digester = digester;
    this.#resultBytes = resultBytes;
  }

  perform(operation: Operation): void {
    const digester = this.#digester;
    const { library, worker } = this.#thread;
    const result = operation.digest.totalBytes >= this.#resultBytes &&
      digester.start() && worker.read(operation.source, digester.update) &&
      digester.finish();
    if (!result) return fail(operation, library);
    operation.digest.write(0, result);
    complete(operation, 0);
  }

  close(): void {
    this.#digester.close();
  }
}

const GMAC_IV_BYTES = 12;

/** GMAC (NIST SP 800-38D §3): GCM without data; the source opens with the IV. */
class GmacSession implements OpensslSession {
  readonly #thread: ThreadContext;
  readonly #gcm: StreamAead;
  readonly #iv = new Uint8Array(new ArrayBuffer(GMAC_IV_BYTES));
  readonly #tag = new Uint8Array(new ArrayBuffer(16));
  readonly #message = new Segments();
  readonly #resultBytes: number;

  constructor(thread: ThreadContext, key: Uint8Array, resultBytes: number) {
    const name = `AES-${8 * key.length}-GCM`;
    this.#thread = thread;
    this.#resultBytes = resultBytes;
    this.#gcm = new StreamAead(thread.library, name, key, true);
  }

  perform(operation: Operation): void {
    const { source, digest } = operation;
    const good = source.totalBytes >= GMAC_IV_BYTES &&
      digest.totalBytes >= this.#resultBytes && this.#compute(source);
    if (!good) return fail(operation, this.#thread.library);
    digest.write(0, this.#tag.subarray(0, this.#resultBytes));
    complete(operation, 0);
  }

  #compute(source: Segments): boolean {
    const gcm = this.#gcm;
    source.read(0, this.#iv);
    this.#message.slice(
      source,
      GMAC_IV_BYTES,
      source.totalBytes - GMAC_IV_BYTES,
    );
    return gcm.start(this.#iv, GMAC_IV_BYTES, 0, this.#tag) &&
      this.#thread.worker.read(this.#message, gcm.absorb) &&
      gcm.finish(this.#tag);
  }

  close(): void {
    this.#message.release();
    this.#gcm.close();
  }
}

export function openCipherSession(
  thread: ThreadContext,
  description: CipherSession,
): OpensslSession {
  return new OpensslCipherSession(thread, description);
}

export function openHashSession(
  thread: ThreadContext,
  { algorithm, resultBytes }: HashSession,
): OpensslSession {
  const digester = makeDigest(thread.library, algorithm, resultBytes);
  return new DigestSession(thread, digester, resultBytes);
}

export function openMacSession(
  thread: ThreadContext,
  { algorithm, key, resultBytes }: MacSession,
): OpensslSession {
  if (algorithm === "gmac-aes") {
    return new GmacSession(thread, key, resultBytes);
  }
  const digester = makeMac(thread.library, algorithm, key, resultBytes);
  return new DigestSession(thread, digester, resultBytes);
}
