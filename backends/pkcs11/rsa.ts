/**
 * The bare RSA operations of a token (CKM_RSA_X_509). Paddings are those of
 * `padded_rsa.ts`, as for all libraries.
 *
 * @module
 */

import { bytesToNumber, numberToBytes } from "../../algorithms/der.ts";
import { stubPart } from "../../algorithms/key_stub.ts";
import {
  checkRsaPublicKey,
  parseRsaPrivateKey,
  parseRsaPublicKey,
  type RsaPrivateKey,
  type RsaPublicKey,
} from "../../algorithms/rsa_key.ts";
import type { RsaSession } from "../../algorithms/session_description.ts";
import { Mechanism } from "../../ffi/pkcs11_layout.ts";
import type { Operation, OperationStatus } from "../backend.ts";
import { type BareRsa, PaddedRsa } from "../padded_rsa.ts";
import {
  type Attribute,
  CKA_CLASS,
  CKA_DECRYPT,
  CKA_ENCRYPT,
  CKA_KEY_TYPE,
  CKA_MODULUS,
  CKA_PRIVATE,
  CKA_PUBLIC_EXPONENT,
  CKA_SIGN,
  CKA_TOKEN,
  CKA_VERIFY,
  CKK_RSA,
  CKO_PRIVATE_KEY,
  CKO_PUBLIC_KEY,
  SECRET,
} from "./keys.ts";
import { CKM_RSA_X_509 } from "./mechanisms.ts";
import {
  type Pkcs11Session,
  type TokenThread,
  unlessRefused,
} from "./session.ts";
import { findTokenKey } from "./token_keys.ts";
import type { Bytes, TokenObject, TokenSession } from "./token_session.ts";

function publicNumbers(key: RsaPublicKey): Attribute[] {
  const exponentBytes = Math.ceil(key.publicExponent.toString(16).length / 2);
  return [
    [CKA_MODULUS, numberToBytes(key.modulus, key.modulusBytes)],
    [CKA_PUBLIC_EXPONENT, numberToBytes(key.publicExponent, exponentBytes)],
  ];
}

/** CKA_PRIVATE_EXPONENT and those that follow it. */
function privateNumbers(key: RsaPrivateKey): Attribute[] {
  return [
    [0x123, key.privateExponent],
    [0x124, key.prime1],
    [0x125, key.prime2],
    [0x126, key.exponent1],
    [0x127, key.exponent2],
    [0x128, key.coefficient],
  ];
}

function createPublicKey(token: TokenSession, key: RsaPublicKey): TokenObject {
  return token.createObject([
    [CKA_CLASS, CKO_PUBLIC_KEY],
    [CKA_KEY_TYPE, CKK_RSA],
    [CKA_TOKEN, false],
    [CKA_PRIVATE, false],
    [CKA_ENCRYPT, true],
    [CKA_VERIFY, true],
    ...publicNumbers(key),
  ]);
}

function createPrivateKey(
  token: TokenSession,
  key: RsaPrivateKey,
): TokenObject {
  return token.createObject([
    [CKA_CLASS, CKO_PRIVATE_KEY],
    [CKA_KEY_TYPE, CKK_RSA],
    ...SECRET,
    [CKA_DECRYPT, true],
    [CKA_SIGN, true],
    ...publicNumbers(key),
    ...privateNumbers(key),
  ]);
}

/** A stub of a key in the token has the public numbers alone. */
function parse(session: RsaSession): RsaPublicKey | RsaPrivateKey {
  const { key, keyType, tokenKey } = session;
  if (keyType === "public") return parseRsaPublicKey(key);
  if (tokenKey === undefined) return parseRsaPrivateKey(key);
  const part = stubPart(session);
  if (part?.algorithm !== "rsa") throw new Error("no stub of a key");
  return checkRsaPublicKey(
    bytesToNumber(part.modulus),
    bytesToNumber(part.publicExponent),
  );
}

class TokenRsa implements BareRsa {
  readonly modulusBytes: number;
  readonly #token: TokenSession;
  readonly #mechanism = new Mechanism(CKM_RSA_X_509);
  readonly #public: TokenObject;
  /** Absent for a public key. */
  readonly #private: TokenObject | undefined;
  /** Whether the private key was the token's before, and stays. */
  readonly #isKept: boolean;
  /** Both are the same bare operation; a key may permit one of them only. */
  readonly #undo: "Decrypt" | "Sign";

  constructor(token: TokenSession, session: RsaSession) {
    const { keyType, tokenKey } = session;
    const parsed = parse(session);
    this.#token = token;
    this.#isKept = tokenKey !== undefined;
    this.#undo = "Decrypt";
    this.modulusBytes = parsed.modulusBytes;
    this.#public = createPublicKey(token, parsed);
    if (keyType === "public") return;
    try {
      if (tokenKey === undefined) {
        this.#private = createPrivateKey(token, parsed as RsaPrivateKey);
        return;
      }
      this.#private = findTokenKey(token, tokenKey);
      const decrypts = token.attribute(this.#private, CKA_DECRYPT)?.[0] === 1;
      if (!decrypts) this.#undo = "Sign";
    } catch (error) {
      token.destroyObject(this.#public);
      throw error;
    }
  }

  get isPrivate(): boolean {
    return this.#private !== undefined;
  }

  publicOperation(input: Bytes, output: Bytes): boolean {
    return this.#run("Encrypt", this.#public, input, output);
  }

  privateOperation(input: Bytes, output: Bytes): boolean {
    return this.#run(this.#undo, this.#private!, input, output);
  }

  #run(
    what: "Encrypt" | "Decrypt" | "Sign",
    key: TokenObject,
    input: Bytes,
    output: Bytes,
  ): boolean {
    const token = this.#token;
    const written = unlessRefused(
      token,
      () =>
        token.compute(what, this.#mechanism, key, input, input.length, output),
    );
    return written === output.length;
  }

  close(): void {
    this.#token.destroyObject(this.#public);
    if (this.#private && !this.#isKept) {
      this.#token.destroyObject(this.#private);
    }
  }
}

export class Pkcs11RsaSession implements Pkcs11Session {
  readonly #rsa: PaddedRsa;

  constructor({ token }: TokenThread, description: RsaSession) {
    this.#rsa = new PaddedRsa(new TokenRsa(token, description), description);
  }

  run(operation: Operation): OperationStatus {
    return this.#rsa.run(operation);
  }

  close(): void {
    this.#rsa.close();
  }
}
