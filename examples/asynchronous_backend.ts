/**
 * A small backend that answers with promises: AES-CBC and SHA-256 through Web
 * Crypto. A service that is asked over a network looks the same. Copy it and change
 * what it does.
 *
 * Serve a guest with it, and check it:
 *
 *     deno run -A cli/main.ts serve --socket-path /tmp/crypto.sock \
 *       --backend ./examples/asynchronous_backend.ts,noble
 *     deno task conformance ./examples/asynchronous_backend.ts
 *
 * @module
 */

import {
  type AsynchronousBackend,
  type AsynchronousThread,
  CONTRACT_VERSION,
  type CopiedOperation,
  OperationStatus,
  type Outcome,
  type SessionDescription,
} from "../mod.ts";

const BLOCK_BYTES = 16;
/** Key lengths of AES that every runtime has. */
const KEY_BYTES = [16, 32];

/** Without a key: a hash. */
interface OwnSession {
  readonly key?: CryptoKey;
  readonly encrypts?: boolean;
}

/** Web Crypto appends a block of padding, which is left out. */
async function encrypt(
  key: CryptoKey,
  iv: Uint8Array<ArrayBuffer>,
  data: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array> {
  const padded = await crypto.subtle.encrypt(
    { name: "AES-CBC", iv },
    key,
    data,
  );
  return new Uint8Array(padded, 0, data.length);
}

/** Web Crypto wants a block of padding at the end, which is made for it. */
async function decrypt(
  key: CryptoKey,
  iv: Uint8Array<ArrayBuffer>,
  data: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array> {
  if (data.length === 0) return data;
  const last = data.slice(-BLOCK_BYTES);
  const padding = await crypto.subtle.encrypt(
    { name: "AES-CBC", iv: last },
    key,
    new Uint8Array(0),
  );
  const padded = new Uint8Array(data.length + BLOCK_BYTES);
  padded.set(data);
  padded.set(new Uint8Array(padding), data.length);
  const plain = await crypto.subtle.decrypt(
    { name: "AES-CBC", iv },
    key,
    padded,
  );
  return new Uint8Array(plain);
}

/** What one thread has opened. Its event loop goes on between the calls. */
class OwnThread implements AsynchronousThread {
  /** Need not be a promise. What is not offered is refused. */
  async openSession(session: SessionDescription): Promise<OwnSession> {
    if (session.service === "hash" && session.algorithm === "sha256") return {};
    if (
      session.service !== "cipher" || session.algorithm !== "aes-cbc" ||
      !KEY_BYTES.includes(session.key.length)
    ) throw new RangeError("Cannot open a session that is not offered");
    const usages: KeyUsage[] = ["encrypt", "decrypt"];
    const bytes = new Uint8Array(new ArrayBuffer(session.key.length));
    bytes.set(session.key);
    const key = await crypto.subtle
      .importKey("raw", bytes, "AES-CBC", false, usages);
    bytes.fill(0);
    return { key, encrypts: session.direction === "encrypt" };
  }

  closeSession(): void {}

  /** All arrays are the operation's own: there is no guest memory to mind. */
  async run(operation: CopiedOperation): Promise<Outcome> {
    const { source, destination, digest, iv } = operation;
    const { key, encrypts } = operation.session as OwnSession;
    if (!key) {
      const found = await crypto.subtle.digest("SHA-256", source);
      // A session may ask for the first bytes of a digest only.
      digest.set(new Uint8Array(found, 0, digest.length));
      return { status: OperationStatus.Ok };
    }
    const result = await (encrypts ? encrypt : decrypt)(key, iv, source);
    destination.set(result);
    return { status: OperationStatus.Ok, writtenBytes: result.length };
  }

  close(): void {}
}

const backend: AsynchronousBackend = {
  contract: CONTRACT_VERSION,
  name: "web-aes",
  runs: "asynchronous",
  // At most so many operations at a time, each within so long.
  inFlight: 16,
  deadlineMs: 5000,
  probe: () => ({
    ready: true,
    version: "Web Crypto of this runtime",
    offers: [
      { algorithm: "cipher.aes-cbc", keyBytes: KEY_BYTES },
      { algorithm: "hash.sha256" },
    ],
    missing: [],
    notOffered: {},
  }),
  open: () => new OwnThread(),
};

export default backend;
