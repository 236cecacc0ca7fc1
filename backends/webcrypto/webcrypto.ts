/**
 * The `webcrypto` backend: what the runtime itself has. It answers with promises,
 * and so is the example of an asynchronous backend.
 *
 * @module
 */

import { findIllegal } from "../../algorithms/legality.ts";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import {
  type AsynchronousBackend,
  type AsynchronousThread,
  type BackendSession,
  CONTRACT_VERSION,
  type CopiedOperation,
  type Outcome,
} from "../backend.ts";
import { WebGcmSession } from "./gcm.ts";
import { NOT_OFFERED, OFFERS } from "./offers.ts";
import type { WebSession } from "./session.ts";
import { openChain, openCipher, openHash, openMac } from "./sessions.ts";

const OFFERED = new Set(OFFERS.map(({ algorithm }) => algorithm));

function requireOffered(...names: readonly string[]): void {
  for (const name of names) {
    if (OFFERED.has(name)) continue;
    throw new RangeError(`Cannot open a session of ${name}: it is not offered`);
  }
}

function open(
  description: SessionDescription,
): WebSession | Promise<WebSession> {
  const illegal = findIllegal(description);
  if (illegal) throw new RangeError(`Cannot open a session: ${illegal.reason}`);
  if (description.service === "chain") {
    const { cipher, hashMode, hashAlgorithm } = description;
    const service = hashMode === "plain" ? "hash" : "mac";
    requireOffered(`cipher.${cipher.algorithm}`, `${service}.${hashAlgorithm}`);
    return openChain(description);
  }
  requireOffered(`${description.service}.${description.algorithm}`);
  switch (description.service) {
    case "cipher":
      return openCipher(description);
    case "hash":
      return openHash(description);
    case "mac":
      return openMac(description);
    case "aead":
      return WebGcmSession.open(description);
    case "akcipher":
      throw new RangeError("Cannot open a session of AKCIPHER");
  }
}

class WebCryptoThread implements AsynchronousThread {
  async openSession(description: SessionDescription): Promise<BackendSession> {
    return await open(description);
  }

  closeSession(): void {}

  run(operation: CopiedOperation): Promise<Outcome> {
    return (operation.session as WebSession).run(operation);
  }

  health(): undefined {}

  close(): void {}
}

/** The runtime's own name; a browser's says nothing of use. */
function runtimeName(): string {
  const { userAgent } = navigator;
  const [, name, version] = /^(Deno|Node\.js|Bun)\/(\S+)/.exec(userAgent) ?? [];
  return name === undefined ? "a browser" : `${name} ${version}`;
}

/** Pages that did not come over TLS have no Web Crypto. */
const NO_WEB_CRYPTO = {
  what: "Web Crypto, which browsers give to secure contexts only",
  remedy: "serve the page over https, or from localhost",
};

const webcrypto: AsynchronousBackend = {
  contract: CONTRACT_VERSION,
  name: "webcrypto",
  runs: "asynchronous",
  probe() {
    const ready = globalThis.crypto?.subtle !== undefined;
    return {
      ready,
      version: `Web Crypto of ${runtimeName()}`,
      offers: ready ? OFFERS : [],
      missing: ready ? [] : [NO_WEB_CRYPTO],
      notOffered: NOT_OFFERED,
    };
  },
  open: () => new WebCryptoThread(),
};

export default webcrypto;
