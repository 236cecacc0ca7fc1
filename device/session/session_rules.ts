/**
 * What a request of a session must look like, resolved from the catalogue when
 * the session is opened, so that the hot path compares numbers only.
 *
 * @module
 */

import {
  algorithmByName,
  type CipherAlgorithm,
  type Lengths,
} from "../../algorithms/catalogue.ts";
import { type DataLimit, dataLimit } from "../../algorithms/legality.ts";
import type {
  AeadSession,
  Direction,
  SessionDescription,
} from "../../algorithms/session_description.ts";

/** Rules of one session; lengths in bytes. */
export interface SessionRules extends DataLimit {
  /** Numbers all rules of this thread, from 1: the same number, the same rules. */
  readonly number: number;
  readonly service: SessionDescription["service"];
  /** The standard's number of the (cipher's) algorithm. */
  readonly algorithmNumber: number;
  /** Only for services that have one. */
  readonly direction: Direction | undefined;
  readonly iv: Lengths;
  /** Length of the IV field in a request where it is not `iv_len`; else 0. */
  readonly ivFieldBytes: number;
  /** The enciphered length is a multiple of this … */
  readonly blockBytes: number;
  /** … and, unless empty, at least this. */
  readonly minimumBytes: number;
  /** Length of digest, code or tag. */
  readonly digestBytes: number;
  /** The IV that opens the data of a MAC … */
  readonly macIvBytes: number;
  /** … and what the length of the rest is a multiple of. */
  readonly macBlockBytes: number;
}

type NewRules = Omit<SessionRules, "number">;

const NONE: Lengths = { minimum: 0, maximum: 0, step: 1 };

const exactly = (bytes: number): Lengths => ({
  minimum: bytes,
  maximum: bytes,
  step: 1,
});

const PLAIN = {
  direction: undefined,
  iv: NONE,
  ivFieldBytes: 0,
  blockBytes: 1,
  minimumBytes: 0,
  digestBytes: 0,
  macIvBytes: 0,
  macBlockBytes: 1,
  maximumBytes: Number.MAX_SAFE_INTEGER,
  nonceAndLengthBytes: 0,
} as const;

function cipherRules(algorithm: CipherAlgorithm, direction: Direction) {
  return {
    ...PLAIN,
    algorithmNumber: algorithm.number,
    direction,
    iv: exactly(algorithm.ivBytes),
    blockBytes: algorithm.blockBytes,
    minimumBytes: algorithm.minimumBytes,
    ...dataLimit(algorithm),
  };
}

function macRules(name: string) {
  const { ivBytes, blockBytes } = algorithmByName("mac", name)!;
  return { macIvBytes: ivBytes, macBlockBytes: blockBytes };
}

function aeadRules(session: AeadSession): NewRules {
  const algorithm = algorithmByName("aead", session.algorithm)!;
  return {
    service: "aead",
    ...PLAIN,
    algorithmNumber: algorithm.number,
    direction: session.direction,
    iv: algorithm.ivBytes,
    ivFieldBytes: algorithm.ivFieldBytes ?? 0,
    digestBytes: session.tagBytes,
    ...dataLimit(algorithm),
  };
}

const known = new Map<string, SessionRules>();

/** The rules of a legal session: one object for all that have the same rules. */
export function sessionRules(session: SessionDescription): SessionRules {
  const rules = makeRules(session);
  const text = JSON.stringify(rules);
  let same = known.get(text);
  if (!same) known.set(text, same = { ...rules, number: known.size + 1 });
  return same;
}

function makeRules(session: SessionDescription): NewRules {
  switch (session.service) {
    case "cipher":
      return {
        service: "cipher",
        ...cipherRules(
          algorithmByName("cipher", session.algorithm)!,
          session.direction,
        ),
      };
    case "chain":
      return {
        service: "chain",
        ...cipherRules(
          algorithmByName("cipher", session.cipher.algorithm)!,
          session.cipher.direction,
        ),
        ...(session.hashMode === "auth" && macRules(session.hashAlgorithm)),
        digestBytes: session.resultBytes,
      };
    case "hash":
    case "mac": {
      const algorithm = algorithmByName(session.service, session.algorithm)!;
      return {
        service: session.service,
        ...PLAIN,
        ...(session.service === "mac" && macRules(session.algorithm)),
        algorithmNumber: algorithm.number,
        digestBytes: session.resultBytes,
        ...dataLimit(algorithm),
      };
    }
    case "aead":
      return aeadRules(session);
    case "akcipher":
      return {
        service: "akcipher",
        ...PLAIN,
        algorithmNumber: algorithmByName("akcipher", session.algorithm)!.number,
      };
  }
}
