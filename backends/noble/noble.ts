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
  OperationKind,
  type OperationsBackend,
  OperationStatus,
  type Probe,
} from "../backend.ts";
import { openSession } from "../primitives/open_session.ts";
import { PieceWorker } from "../primitives/pieces.ts";
import type { PrimitiveSession } from "../primitives/primitives.ts";
import type { ThreadContext } from "../primitives/session.ts";
import { LIBRARIES, NOT_OFFERED, OFFERS } from "./offers.ts";
import { NoblePrimitives } from "./primitives.ts";

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

/** What its operations are; an AKCIPHER session takes several kinds. */
function kindOf(description: SessionDescription): OperationKind | undefined {
  switch (description.service) {
    case "cipher":
    case "aead":
      return description.direction === "encrypt"
        ? OperationKind.Encrypt
        : OperationKind.Decrypt;
    case "hash":
    case "mac":
      return OperationKind.Digest;
    default:
      return undefined;
  }
}

interface NobleSession {
  readonly session: PrimitiveSession;
  readonly kind: OperationKind | undefined;
}

class NobleThread implements BackendThread {
  readonly #sessions = new Set<NobleSession>();
  readonly #context: ThreadContext = {
    primitives: new NoblePrimitives(),
    worker: new PieceWorker(),
  };

  openSession(description: SessionDescription): BackendSession {
    const illegal = findIllegal(description);
    if (illegal) throw new RangeError(`Cannot open session: ${illegal.reason}`);
    for (const name of algorithmsOf(description)) {
      const reason = NOT_OFFERED[name];
      if (reason) throw new Error(`Cannot open session: ${name}: ${reason}`);
    }
    const session = {
      session: openSession(this.#context, description),
      kind: kindOf(description),
    };
    this.#sessions.add(session);
    return session;
  }

  closeSession(session: BackendSession): void {
    const own = session as NobleSession;
    own.session.close();
    this.#sessions.delete(own);
  }

  run(operations: readonly Operation[], count: number): void {
    for (let i = 0; i < count; i++) runOne(operations[i]!);
  }

  close(): void {
    for (const { session } of this.#sessions) session.close();
    this.#sessions.clear();
    this.#context.worker.wipe();
    this.#context.primitives.close();
  }
}

function runOne(operation: Operation): void {
  const { session, kind } = operation.session as NobleSession;
  operation.writtenBytes = 0;
  if (kind !== undefined && operation.kind !== kind) {
    operation.status = OperationStatus.Unsupported;
    return;
  }
  try {
    session.perform(operation);
  } catch {
    // A library that refuses something concerns this operation alone.
    operation.writtenBytes = 0;
    operation.status = OperationStatus.Failed;
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
