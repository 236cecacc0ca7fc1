/**
 * A backend's thread over the primitives of a native library. Everything
 * completes within `run`.
 *
 * @module
 */

import type { SessionDescription } from "../../algorithms/session_description.ts";
import { algorithmByName } from "../../algorithms/catalogue.ts";
import type { BackendSession, BackendThread, Operation } from "../backend.ts";
import { NativeAeadSession } from "./aead_session.ts";
import { NativeChainSession } from "./chain_session.ts";
import { NativeCipherSession } from "./cipher_session.ts";
import { DigestSession, DigestWithIvSession } from "./digest_session.ts";
import { PieceWorker } from "./pieces.ts";
import type { NativeSession, Primitives } from "./primitives.ts";
import { NativeRsaSession } from "./rsa_session.ts";
import type { ThreadContext } from "./session.ts";

function open(
  thread: ThreadContext,
  description: SessionDescription,
): NativeSession {
  switch (description.service) {
    case "cipher":
      return new NativeCipherSession(thread, description);
    case "chain":
      return new NativeChainSession(thread, description);
    case "hash":
      return DigestSession.ofHash(thread, description);
    case "mac":
      return algorithmByName("mac", description.algorithm)?.ivBytes
        ? new DigestWithIvSession(thread, description)
        : DigestSession.ofMac(thread, description);
    case "aead":
      return new NativeAeadSession(thread, description);
    case "akcipher":
      return description.algorithm === "rsa"
        ? new NativeRsaSession(thread, description)
        : thread.primitives.openEcdsa(description);
  }
}

/** Sessions over `primitives`, which it closes at its end. */
export class NativeThread implements BackendThread {
  readonly #context: ThreadContext;
  readonly #sessions = new Set<NativeSession>();

  constructor(primitives: Primitives) {
    this.#context = { primitives, worker: new PieceWorker() };
  }

  openSession(description: SessionDescription): BackendSession {
    try {
      const session = open(this.#context, description);
      this.#sessions.add(session);
      return session;
    } catch (error) {
      this.#context.primitives.clearErrors();
      throw error;
    }
  }

  closeSession(session: BackendSession): void {
    if (this.#sessions.delete(session as NativeSession)) {
      (session as NativeSession).close();
    }
  }

  run(operations: readonly Operation[], count: number): void {
    for (let i = 0; i < count; i++) {
      const operation = operations[i]!;
      (operation.session as NativeSession).perform(operation);
    }
  }

  close(): void {
    for (const session of this.#sessions) session.close();
    this.#sessions.clear();
    this.#context.worker.wipe();
    this.#context.primitives.close();
  }
}
