/**
 * Which session a description asks for.
 *
 * @module
 */

import { algorithmByName } from "../../algorithms/catalogue.ts";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import { PrimitiveAeadSession } from "./aead_session.ts";
import { PrimitiveChainSession } from "./chain_session.ts";
import { PrimitiveCipherSession } from "./cipher_session.ts";
import { DigestSession, DigestWithIvSession } from "./digest_session.ts";
import type { PrimitiveSession } from "./primitives.ts";
import { PrimitiveRsaSession } from "./rsa_session.ts";
import type { ThreadContext } from "./session.ts";

/** Opens a session; throws where the library refuses it. */
export function openSession(
  thread: ThreadContext,
  description: SessionDescription,
): PrimitiveSession {
  switch (description.service) {
    case "cipher":
      return new PrimitiveCipherSession(thread, description);
    case "chain":
      return new PrimitiveChainSession(thread, description);
    case "hash":
      return DigestSession.ofHash(thread, description);
    case "mac":
      return algorithmByName("mac", description.algorithm)?.ivBytes
        ? new DigestWithIvSession(thread, description)
        : DigestSession.ofMac(thread, description);
    case "aead":
      return new PrimitiveAeadSession(thread, description);
    case "akcipher":
      return description.algorithm === "rsa"
        ? new PrimitiveRsaSession(thread, description)
        : thread.primitives.openEcdsa(description);
  }
}
