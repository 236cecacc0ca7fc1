/**
 * The ipsec-mb backend: Intel Multi-Buffer (libIPSec_MB) through FFI. Requests
 * of one burst are interleaved in the processor, whatever their sessions.
 *
 * Option `library`: path of libIPSec_MB where it is not found by its soname.
 *
 * @module
 */

import type { SessionDescription } from "../../algorithms/session_description.ts";
import type { IpsecMb } from "../../ffi/ipsec_mb.ts";
import {
  type BackendOptions,
  type BackendSession,
  type BackendThread,
  CONTRACT_VERSION,
  type Operation,
  type OperationsBackend,
} from "../backend.ts";
import { openAeadSession } from "./aead_session.ts";
import { openChainSession } from "./chain_session.ts";
import { openCipherSession } from "./cipher_session.ts";
import { openHashSession, openMacSession } from "./digest_session.ts";
import { openLibrary, probeIpsecMb } from "./probe.ts";
import { JobRunner } from "./runner.ts";
import type { IpsecMbSession } from "./session.ts";

function open(
  runner: JobRunner,
  description: SessionDescription,
): IpsecMbSession {
  switch (description.service) {
    case "cipher":
      return openCipherSession(runner, description);
    case "chain":
      return openChainSession(runner, description);
    case "hash":
      return openHashSession(runner, description);
    case "mac":
      return openMacSession(runner, description);
    case "aead":
      return openAeadSession(runner, description);
    case "akcipher":
      throw new Error("ipsec-mb has no public-key algorithm");
  }
}

/** So many sessions are in the processor's caches anyway. */
const FEW_SESSIONS = 64;

class IpsecMbThread implements BackendThread {
  readonly #library: IpsecMb;
  readonly #runner: JobRunner;
  readonly #sessions = new Set<IpsecMbSession>();
  /** Makes the engine keep what `touch` reads. */
  #touched = 0;

  constructor(options: BackendOptions) {
    this.#library = openLibrary(options);
    this.#runner = new JobRunner(this.#library);
  }

  openSession(description: SessionDescription): BackendSession {
    const session = open(this.#runner, description);
    this.#runner.finish();
    this.#sessions.add(session);
    return session;
  }

  closeSession(session: BackendSession): void {
    if (this.#sessions.delete(session as IpsecMbSession)) {
      (session as IpsecMbSession).close();
    }
  }

  run(operations: readonly Operation[], count: number): void {
    try {
      if (this.#sessions.size > FEW_SESSIONS) this.#touch(operations, count);
      for (let i = 0; i < count; i++) {
        const operation = operations[i]!;
        (operation.session as IpsecMbSession).start(operation);
      }
      this.#runner.finish();
    } catch (error) {
      this.#runner.abandon();
      throw error;
    }
  }

  /** Lets the processor fetch the sessions of several operations at once. */
  #touch(operations: readonly Operation[], count: number): void {
    for (let i = 0; i < count; i++) {
      this.#touched += (operations[i]!.session as IpsecMbSession).touch();
    }
  }

  close(): void {
    for (const session of this.#sessions) session.close();
    this.#sessions.clear();
    this.#runner.wipe();
    this.#library.close();
  }
}

const ipsecMb: OperationsBackend = {
  contract: CONTRACT_VERSION,
  name: "ipsec-mb",
  probe: probeIpsecMb,
  open: (options) => new IpsecMbThread(options),
};

export default ipsecMb;
