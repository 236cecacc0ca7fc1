/**
 * The pure-TypeScript backend: @noble/ciphers, @noble/hashes, @noble/curves, and
 * node-forge for DES. It needs no permission and runs wherever JavaScript does.
 * AES and GHASH are table lookups there: whoever shares a cache with this process
 * may learn about keys. Prefer a native backend for guests that share a machine.
 *
 * @module
 */

import { findIllegal } from "../../algorithms/legality.ts";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import {
  type BackendSession,
  type BackendThread,
  CONTRACT_VERSION,
  type Operation,
  type OperationsBackend,
  OperationStatus,
  type Probe,
} from "../backend.ts";
import { NobleAeadSession } from "./aead_session.ts";
import { NobleChainSession } from "./chain_session.ts";
import { NobleCipherSession } from "./cipher_session.ts";
import { GmacSession, makeMac, NobleDigestSession } from "./digest_session.ts";
import { NobleEcdsaSession } from "./ecdsa_session.ts";
import { makeHash } from "./hashes.ts";
import { LIBRARIES, NOT_OFFERED, OFFERS } from "./offers.ts";
import { NobleRsaSession } from "./rsa_session.ts";
import { Workspace } from "./workspace.ts";
import type { NobleSession } from "./session.ts";

/** Qualified names of the algorithms that a session uses. */
function algorithmsOf(description: SessionDescription): string[] {
  if (description.service !== "chain") {
    return [`${description.service}.${description.algorithm}`];
  }
  const hashService = description.hashMode === "plain" ? "hash" : "mac";
  return [
    `cipher.${description.cipher.algorithm}`,
    `${hashService}.${description.hashAlgorithm}`,
  ];
}

function makeSession(description: SessionDescription): NobleSession {
  switch (description.service) {
    case "cipher":
      return new NobleCipherSession(description);
    case "chain":
      return new NobleChainSession(description);
    case "hash": {
      const { algorithm, resultBytes } = description;
      return new NobleDigestSession(makeHash(algorithm), resultBytes);
    }
    case "mac": {
      const { algorithm, key, resultBytes } = description;
      if (algorithm === "gmac-aes") return new GmacSession(description);
      return new NobleDigestSession(makeMac(algorithm, key), resultBytes);
    }
    case "aead":
      return new NobleAeadSession(description);
    case "akcipher":
      return description.algorithm === "rsa"
        ? new NobleRsaSession(description)
        : new NobleEcdsaSession(description);
  }
}

class NobleThread implements BackendThread {
  readonly #sessions = new Set<NobleSession>();
  readonly #workspace = new Workspace();

  openSession(description: SessionDescription): BackendSession {
    const illegal = findIllegal(description);
    if (illegal) throw new RangeError(`Cannot open session: ${illegal.reason}`);
    for (const name of algorithmsOf(description)) {
      const reason = NOT_OFFERED[name];
      if (reason) throw new Error(`Cannot open session: ${name}: ${reason}`);
    }
    const session = makeSession(description);
    this.#sessions.add(session);
    return session;
  }

  closeSession(session: BackendSession): void {
    const own = session as NobleSession;
    own.wipe();
    this.#sessions.delete(own);
  }

  run(operations: readonly Operation[], count: number): void {
    for (let i = 0; i < count; i++) this.#runOne(operations[i]!);
    this.#workspace.release();
  }

  close(): void {
    for (const session of this.#sessions) session.wipe();
    this.#sessions.clear();
    this.#workspace.wipe();
  }

  #runOne(operation: Operation): void {
    operation.writtenBytes = 0;
    const session = operation.session as NobleSession;
    try {
      operation.status = session.run(operation, this.#workspace);
    } catch {
      // A library that refuses something concerns this operation alone.
      operation.writtenBytes = 0;
      operation.status = OperationStatus.Failed;
    }
  }
}

const noble: OperationsBackend = {
  contract: CONTRACT_VERSION,
  name: "noble",
  probe(): Probe {
    return {
      ready: true,
      version: LIBRARIES,
      offers: OFFERS,
      missing: [],
      notOffered: NOT_OFFERED,
    };
  },
  open: () => new NobleThread(),
};

export default noble;
