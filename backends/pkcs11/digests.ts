/**
 * Hashes and codes in the token, over contiguous memory of the thread's own.
 *
 * @module
 */

import { algorithmByName } from "../../algorithms/catalogue.ts";
import { keyRoom } from "../../algorithms/key_bytes.ts";
import { Mechanism } from "../../ffi/pkcs11_layout.ts";
import { createAesKey, createMacKey } from "./keys.ts";
import {
  CKM_AES_CMAC,
  HASH_MECHANISMS,
  HMAC_MECHANISMS,
} from "./mechanisms.ts";
import type { Bytes, TokenObject, TokenSession } from "./token_session.ts";

/** A hash or a code. */
export interface TokenDigest {
  /** The result of the first bytes of `input`, valid until the next call. */
  run(input: Bytes, lengthBytes: number): Bytes;
  close(): void;
}

const LONGEST_BYTES = 64;

const resultRoom = (): Bytes => new Uint8Array(new ArrayBuffer(LONGEST_BYTES));

class TokenHash implements TokenDigest {
  readonly #token: TokenSession;
  readonly #mechanism: Mechanism;
  readonly #result = resultRoom();

  constructor(token: TokenSession, type: number) {
    this.#token = token;
    this.#mechanism = new Mechanism(type);
  }

  run(input: Bytes, lengthBytes: number): Bytes {
    this.#token.digest(this.#mechanism, input, lengthBytes, this.#result);
    return this.#result;
  }

  close(): void {
    this.#result.fill(0);
  }
}

class TokenMac implements TokenDigest {
  readonly #token: TokenSession;
  readonly #mechanism: Mechanism;
  readonly #key: TokenObject;
  readonly #result = resultRoom();

  constructor(token: TokenSession, type: number, key: TokenObject) {
    this.#token = token;
    this.#mechanism = new Mechanism(type);
    this.#key = key;
  }

  run(input: Bytes, lengthBytes: number): Bytes {
    this.#token.compute(
      "Sign",
      this.#mechanism,
      this.#key,
      input,
      lengthBytes,
      this.#result,
    );
    return this.#result;
  }

  close(): void {
    this.#result.fill(0);
    this.#token.destroyObject(this.#key);
  }
}

/** The hash with a catalogue name. */
export function makeHash(token: TokenSession, name: string): TokenDigest {
  const type = HASH_MECHANISMS[name];
  if (type === undefined) throw new Error(`no hash "${name}"`);
  return new TokenHash(token, type);
}

/** The code with a catalogue name. */
export function makeMac(
  token: TokenSession,
  name: string,
  key: Uint8Array,
): TokenDigest {
  if (name === "cmac-aes") {
    const object = createAesKey(token, key, "mac");
    return new TokenMac(token, CKM_AES_CMAC, object);
  }
  const type = HMAC_MECHANISMS[name];
  const hash = algorithmByName("mac", name)?.hash;
  if (type === undefined || !hash) throw new Error(`no MAC "${name}"`);
  const block = blockKey(token, hash, key);
  try {
    return new TokenMac(token, type, createMacKey(token, block));
  } finally {
    block.fill(0);
  }
}

/**
 * The key as long as a block of the hash, as RFC 2104 makes it: tokens refuse
 * keys that are short or long.
 */
function blockKey(
  token: TokenSession,
  hash: string,
  key: Uint8Array,
): Bytes {
  const block = keyRoom(algorithmByName("hash", hash)!.blockBytes);
  if (key.length <= block.length) {
    block.set(key);
    return block;
  }
  const long = keyRoom(key.length);
  long.set(key);
  const hashed = makeHash(token, hash);
  const { digestBytes } = algorithmByName("hash", hash)!;
  block.set(hashed.run(long, long.length).subarray(0, digestBytes));
  hashed.close();
  long.fill(0);
  return block;
}
