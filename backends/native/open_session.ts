/**
 * Which session a description asks for.
 *
 * @module
 */

import { algorithmByName } from "../../algorithms/catalogue.ts";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import { NativeAeadSession } from "./aead_session.ts";
import { NativeChainSession } from "./chain_session.ts";
import { NativeCipherSession } from "./cipher_session.ts";
import { DigestSession, DigestWithIvSession } from "./digest_session.ts";
import type { NativeSession } from "./primitives.ts";
import { NativeRsaSession } from "./rsa_session.ts";
import type { ThreadContext } from "./session.ts";

/** Opens a session; throws where the library refuses it. */
export function openSession(
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
