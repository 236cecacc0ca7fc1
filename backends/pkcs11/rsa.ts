/**
 * The bare RSA operations of a token (CKM_RSA_X_509). Paddings are those of
 * `padded_rsa.ts`, as for all libraries.
 *
 * @module
 */

import { numberToBytes } from "../../algorithms/der.ts";
import {
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

class TokenRsa implements BareRsa {
  readonly modulusBytes: number;
  readonly #token: TokenSession;
  readonly #mechanism = new Mechanism(CKM_RSA_X_509);
  readonly #public: TokenObject;
  /** Absent for a public key. */
  readonly #private: TokenObject | undefined;

  constructor(token: TokenSession, { key, keyType }: RsaSession) {
    const parsed: RsaPublicKey | RsaPrivateKey = keyType === "public"
      ? parseRsaPublicKey(key)
      : parseRsaPrivateKey(key);
    this.#token = token;
    this.modulusBytes = parsed.modulusBytes;
    this.#public = createPublicKey(token, parsed);
    if (keyType === "public") return;
    try {
      this.#private = createPrivateKey(token, parsed as RsaPrivateKey);
    } catch (error) {
      this.close();
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
    return this.#run("Decrypt", this.#private!, input, output);
  }

  #run(
    what: "Encrypt" | "Decrypt",
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
    if (this.#private) this.#token.destroyObject(this.#private);
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
