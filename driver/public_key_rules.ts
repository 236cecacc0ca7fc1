/**
 * What operations a public-key session has, and on how much data, told before the
 * device is asked.
 *
 * @module
 */

import { DerReader, DerTag } from "../algorithms/der.ts";
import { RSA_HASHES } from "../algorithms/public_key.ts";
import type {
  EcdsaSession,
  RsaSession,
} from "../algorithms/session_description.ts";
import { wrongLength, wrongThing } from "./argument.ts";
import type { OperationName } from "./data_request.ts";

/** Bytes that PKCS#1 v1.5 needs for itself (RFC 8017 §7.2.1 and §9.2). */
const PADDING_BYTES = 11;

/** Rules of one session. */
export class PublicKeyRules {
  readonly #target: string;
  readonly #isPrivate: boolean;
  readonly #padding: RsaSession["padding"] | undefined;
  /** Length of an RSA key's modulus. */
  readonly #modulusBytes: number;
  /** What is signed has this length; 0 where the session names no hash. */
  readonly #digestBytes: number;

  constructor(description: RsaSession | EcdsaSession) {
    this.#target = `akcipher.${description.algorithm}`;
    this.#isPrivate = description.keyType === "private";
    const isRsa = description.algorithm === "rsa";
    this.#padding = isRsa ? description.padding : undefined;
    this.#modulusBytes = isRsa ? modulusBytesOf(description) : 0;
    this.#digestBytes = isRsa
      ? RSA_HASHES.find(({ name }) => name === description.hash)?.digestBytes ??
        0
      : 0;
  }

  /** Throws where the session does not have `operation`, or not on these data. */
  check(operation: OperationName, dataBytes: number): void {
    const doing = `${operation} with ${this.#target}`;
    const signs = operation === "sign" || operation === "verify";
    if (this.#padding === undefined && !signs) {
      throw wrongThing(doing, "the algorithm", "is ECDSA", "RSA");
    }
    if (this.#padding === "raw" && signs) {
      throw wrongThing(doing, "padding", 'is "raw"', '"pkcs1"');
    }
    if ((operation === "sign" || operation === "decrypt") && !this.#isPrivate) {
      throw wrongThing(doing, "key", "is a public key", "a private one");
    }
    if (this.#padding !== undefined) {
      this.#checkRsa(doing, operation, dataBytes);
    }
  }

  #checkRsa(doing: string, operation: OperationName, dataBytes: number): void {
    const isPadded = this.#padding === "pkcs1" && operation !== "decrypt";
    const signs = operation === "sign" || operation === "verify";
    if (signs && this.#digestBytes > 0) {
      if (dataBytes === this.#digestBytes) return;
      const expected = `${this.#digestBytes}, a digest of the session's hash`;
      throw wrongLength(doing, "data", dataBytes, expected);
    }
    const most = this.#modulusBytes - (isPadded ? PADDING_BYTES : 0);
    if (dataBytes <= most) return;
    const expected = `at most ${most} with this key`;
    throw wrongLength(doing, "data", dataBytes, expected);
  }
}

/** From the DER, whose form the driver knows already. */
function modulusBytesOf({ key, keyType }: RsaSession): number {
  const fields = new DerReader(key).enter(DerTag.Sequence);
  if (keyType === "private") fields.contents(DerTag.Integer);
  return fields.magnitudeBytes().length;
}
