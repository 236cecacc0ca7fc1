/**
 * A small backend that answers with promises: SHA-256 through Web Crypto. A
 * service that is asked over a network looks the same. Copy it and change what it
 * does.
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

/** What one thread has opened. Its event loop goes on between the calls. */
class OwnThread implements AsynchronousThread {
  /** May be a promise, too: a key may have to be sent somewhere. */
  openSession(session: SessionDescription): object {
    if (session.service !== "hash" || session.algorithm !== "sha256") {
      throw new RangeError("Cannot open a session that is not offered");
    }
    return {};
  }

  closeSession(): void {}

  /** All arrays are the operation's own: there is no guest memory to mind. */
  async run({ source, digest }: CopiedOperation): Promise<Outcome> {
    const found = new Uint8Array(await crypto.subtle.digest("SHA-256", source));
    // A session may ask for the first bytes of a digest only.
    digest.set(found.subarray(0, digest.length));
    return { status: OperationStatus.Ok };
  }

  close(): void {}
}

const backend: AsynchronousBackend = {
  contract: CONTRACT_VERSION,
  name: "web-sha256",
  runs: "asynchronous",
  // At most so many operations at a time, each within so long.
  inFlight: 16,
  deadlineMs: 5000,
  probe: () => ({
    ready: true,
    version: "Web Crypto of this runtime",
    offers: [{ algorithm: "hash.sha256" }],
    missing: [],
    notOffered: {},
  }),
  open: () => new OwnThread(),
};

export default backend;
