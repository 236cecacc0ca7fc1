/**
 * The OpenSSL backend: libcrypto 3 through FFI, in place over guest memory
 * wherever that is contiguous.
 *
 * Option `library`: path of libcrypto where it is not found by its soname.
 *
 * @module
 */

import type { SessionDescription } from "../../algorithms/session_description.ts";
import {
  type Backend,
  type BackendOptions,
  type BackendSession,
  type BackendThread,
  CONTRACT_VERSION,
  type Operation,
} from "../backend.ts";
import { openAeadSession } from "./aead_session.ts";
import { openChainSession } from "./chain_session.ts";
import { openEcdsaSession } from "./ecdsa_session.ts";
import { CryptoLibrary } from "./library.ts";
import { PieceWorker } from "./pieces.ts";
import { probeOpenssl } from "./probe.ts";
import { openRsaSession } from "./rsa_session.ts";
import type { OpensslSession, ThreadContext } from "./session.ts";
import {
  openCipherSession,
  openHashSession,
  openMacSession,
} from "./symmetric_sessions.ts";

function open(
  thread: ThreadContext,
  description: SessionDescription,
): OpensslSession {
  switch (description.service) {
    case "cipher":
      return openCipherSession(thread, description);
    case "chain":
      return openChainSession(thread, description);
    case "hash":
      return openHashSession(thread, description);
    case "mac":
      return openMacSession(thread, description);
    case "aead":
      return openAeadSession(thread, description);
    case "akcipher":
      return description.algorithm === "rsa"
        ? openRsaSession(thread, description)
        : openEcdsaSession(thread, description);
  }
}

class OpensslThread implements BackendThread {
  readonly #library: CryptoLibrary;
  readonly #worker = new PieceWorker();
  readonly #sessions = new Set<OpensslSession>();

  constructor(options: BackendOptions) {
    this.#library = new CryptoLibrary(options.library);
  }

  openSession(description: SessionDescription): BackendSession {
    const thread = { library: this.#library, worker: this.#worker };
    try {
      const session = open(thread, description);
      this.#sessions.add(session);
      return session;
    } catch (error) {
      this.#library.clearErrors();
      throw error;
    }
  }

  closeSession(session: BackendSession): void {
    if (this.#sessions.delete(session as OpensslSession)) {
      (session as OpensslSession).close();
    }
  }

  run(operations: readonly Operation[], count: number): void {
    for (let i = 0; i < count; i++) {
      const operation = operations[i]!;
      (operation.session as OpensslSession).perform(operation);
    }
  }

  close(): void {
    for (const session of this.#sessions) session.close();
    this.#sessions.clear();
    this.#worker.wipe();
    this.#library.close();
  }
}

const openssl: Backend = {
  contract: CONTRACT_VERSION,
  name: "openssl",
  probe: probeOpenssl,
  open: (options) => new OpensslThread(options),
};

export default openssl;
