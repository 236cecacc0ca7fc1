/**
 * Opens a session of any kind.
 *
 * @module
 */

import type { SessionDescription } from "../../algorithms/session_description.ts";
import { openAeadSession } from "./aead_session.ts";
import { openChainSession } from "./chain_session.ts";
import { openCipherSession } from "./cipher_session.ts";
import { openHashSession, openMacSession } from "./digest_session.ts";
import { openEcdsaSession } from "./ecdsa_session.ts";
import { openRsaSession } from "./rsa_session.ts";
import type { QatSession, SessionContext } from "./session.ts";

/** Throws where the instance cannot have it. */
export function openSession(
  thread: SessionContext,
  description: SessionDescription,
): QatSession {
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
      if (!thread.publicKey) throw new Error("libqat: no public-key instance");
      return description.algorithm === "rsa"
        ? openRsaSession(thread, description)
        : openEcdsaSession(thread, description);
  }
}
