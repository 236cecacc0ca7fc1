/**
 * A complete small backend of your own: AES-CBC, AES-CTR, SHA-256 and
 * HMAC-SHA-256 through `node:crypto`. Copy it and change what it does.
 *
 * Serve a guest with it, and check it:
 *
 *     deno run -A cli/main.ts serve --socket-path /tmp/crypto.sock \
 *       --backend ./examples/custom_backend.ts,noble
 *     deno task conformance ./examples/custom_backend.ts
 *
 * @module
 */

import { Buffer } from "node:buffer";
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
} from "node:crypto";
import {
  type Backend,
  type BackendThread,
  CONTRACT_VERSION,
  type Operation,
  OperationStatus,
  type SessionDescription,
} from "../mod.ts";

/** This backend's own form of a session: what to do with an operation. */
interface OwnSession {
  readonly key: Buffer;
  run(operation: Operation): void;
}

/** Guest memory may be in pieces and may change: work on a private copy. */
function runCipher(
  operation: Operation,
  name: string,
  { key }: OwnSession,
  encrypts: boolean,
): void {
  const iv = operation.iv.subarray(0, operation.ivBytes);
  const cipher = encrypts
    ? createCipheriv(name, key, iv)
    : createDecipheriv(name, key, iv);
  cipher.setAutoPadding(false);
  const result = Buffer.concat([
    cipher.update(operation.source.copy()),
    cipher.final(),
  ]);
  operation.destination.write(0, result);
  operation.writtenBytes = result.length;
}

function openCipher(
  session: Extract<SessionDescription, { service: "cipher" }>,
): OwnSession {
  const mode = session.algorithm === "aes-cbc" ? "cbc" : "ctr";
  const name = `aes-${session.key.length * 8}-${mode}`;
  const encrypts = session.direction === "encrypt";
  const own: OwnSession = {
    key: Buffer.from(session.key),
    run: (operation) => runCipher(operation, name, own, encrypts),
  };
  return own;
}

/** A session may ask for the first bytes of a digest only. */
function writeDigest(operation: Operation, digest: Uint8Array): void {
  operation.digest.write(0, digest.subarray(0, operation.digest.totalBytes));
  operation.writtenBytes = 0;
}

function open(session: SessionDescription): OwnSession {
  if (session.service === "cipher") return openCipher(session);
  const key = Buffer.from(session.service === "mac" ? session.key : []);
  if (session.service === "hash") {
    return {
      key,
      run: (operation) =>
        writeDigest(
          operation,
          createHash("sha256").update(operation.source.copy()).digest(),
        ),
    };
  }
  if (session.service === "mac") {
    return {
      key,
      run: (operation) =>
        writeDigest(
          operation,
          createHmac("sha256", key).update(operation.source.copy()).digest(),
        ),
    };
  }
  // The device asks only for what `probe` offers; the kit asks for more.
  throw new RangeError(`Cannot open a session of ${session.service}`);
}

/** What one thread has opened: keys live here and nowhere else. */
class OwnThread implements BackendThread {
  readonly #sessions = new Set<OwnSession>();

  openSession(description: SessionDescription): OwnSession {
    if (!offersOf(description)) {
      throw new RangeError("Cannot open a session that is not offered");
    }
    const session = open(description);
    this.#sessions.add(session);
    return session;
  }

  closeSession(session: OwnSession): void {
    session.key.fill(0);
    this.#sessions.delete(session);
  }

  run(operations: readonly Operation[], count: number): void {
    for (let i = 0; i < count; i++) {
      const operation = operations[i]!;
      (operation.session as OwnSession).run(operation);
      operation.status = OperationStatus.Ok;
    }
  }

  close(): void {
    for (const session of this.#sessions) this.closeSession(session);
  }
}

const OFFERS = [
  // Deno's node:crypto has no AES-192 in these modes.
  { algorithm: "cipher.aes-cbc", keyBytes: [16, 32] },
  { algorithm: "cipher.aes-ctr", keyBytes: [16, 32] },
  { algorithm: "hash.sha256" },
  { algorithm: "mac.hmac-sha256" },
];

function offersOf(session: SessionDescription): boolean {
  if (session.service === "chain") return false;
  const name = `${session.service}.${session.algorithm}`;
  const offer = OFFERS.find(({ algorithm }) => algorithm === name);
  return offer !== undefined && (offer.keyBytes === undefined ||
    ("key" in session && offer.keyBytes.includes(session.key.length)));
}

const backend: Backend = {
  contract: CONTRACT_VERSION,
  name: "node-crypto",
  probe: () => ({
    ready: true,
    version: "node:crypto of this runtime",
    offers: OFFERS,
    missing: [],
    notOffered: { "aead.gcm": "left out of this example" },
  }),
  open: () => new OwnThread(),
};

export default backend;
