/**
 * The session object of each service.
 *
 * @module
 */

import type {
  AeadSession,
  ChainSession,
  CipherSession,
  HashSession,
  MacSession,
  SessionDescription,
} from "../algorithms/session_description.ts";
import { type Session, type SessionParts } from "./session.ts";
import { Aead, Akcipher, Chain, Cipher, Hash, Mac } from "./sessions.ts";

/** The session object of a description. */
export type SessionOf<D extends SessionDescription> = D extends CipherSession
  ? Cipher
  : D extends ChainSession ? Chain
  : D extends HashSession ? Hash
  : D extends MacSession ? Mac
  : D extends AeadSession ? Aead
  : Akcipher;

/** Makes it. */
export function makeSession(parts: SessionParts<SessionDescription>): Session {
  const { description } = parts;
  switch (description.service) {
    case "cipher":
      return new Cipher({ ...parts, description });
    case "chain":
      return new Chain({ ...parts, description });
    case "hash":
      return new Hash({ ...parts, description });
    case "mac":
      return new Mac({ ...parts, description });
    case "aead":
      return new Aead({ ...parts, description });
    case "akcipher":
      return new Akcipher({ ...parts, description });
  }
}
