/**
 * Hash functions and HMAC, over @noble/hashes. The state after the key (or of
 * no input) is kept, so that a message costs no set-up.
 *
 * @module
 */

import { hmac } from "npm:@noble/hashes@2.4.0/hmac.js";
import { md5, sha1 } from "npm:@noble/hashes@2.4.0/legacy.js";
import {
  sha224,
  sha256,
  sha384,
  sha512,
} from "npm:@noble/hashes@2.4.0/sha2.js";
import {
  sha3_224,
  sha3_256,
  sha3_384,
  sha3_512,
  shake128,
  shake256,
} from "npm:@noble/hashes@2.4.0/sha3.js";
import type { Bytes, Digester } from "../primitives/primitives.ts";

/** The part of the library's hash states that this backend uses. */
interface State {
  readonly outputLen: number;
  update(bytes: Uint8Array): unknown;
  digestInto(into: Uint8Array): void;
  _cloneInto(into?: State): State;
  destroy(): void;
}

interface ExtendableState extends State {
  xofInto(into: Uint8Array): unknown;
}

abstract class KeptHashState<S extends State> implements Digester {
  readonly #fresh: S;
  protected readonly running: S;

  constructor(fresh: S) {
    this.#fresh = fresh;
    this.running = fresh._cloneInto() as S;
  }

  start(): boolean {
    this.#fresh._cloneInto(this.running);
    return true;
  }

  readonly update = (bytes: Bytes): boolean => {
    this.running.update(bytes);
    return true;
  };

  abstract finish(): Bytes;

  close(): void {
    this.#fresh.destroy();
    this.running.destroy();
  }
}

class FixedDigest extends KeptHashState<State> {
  readonly #digest: Bytes = new Uint8Array(
    new ArrayBuffer(this.running.outputLen),
  );

  override finish(): Bytes {
    this.running.digestInto(this.#digest);
    return this.#digest;
  }
}

class ExtendableDigest extends KeptHashState<ExtendableState> {
  readonly #digest: Bytes;

  constructor(fresh: ExtendableState, resultBytes: number) {
    super(fresh);
    this.#digest = new Uint8Array(new ArrayBuffer(resultBytes));
  }

  override finish(): Bytes {
    this.running.xofInto(this.#digest);
    return this.#digest;
  }
}

const FIXED = {
  "md5": md5,
  "sha1": sha1,
  "sha224": sha224,
  "sha256": sha256,
  "sha384": sha384,
  "sha512": sha512,
  "sha3-224": sha3_224,
  "sha3-256": sha3_256,
  "sha3-384": sha3_384,
  "sha3-512": sha3_512,
} as const;

const isFixed = (name: string): name is keyof typeof FIXED =>
  Object.hasOwn(FIXED, name);

/** The hash with the catalogue's name. */
export function makeHash(name: string, resultBytes: number): Digester {
  if (isFixed(name)) return new FixedDigest(FIXED[name].create());
  if (name === "shake128" || name === "shake256") {
    const shake = name === "shake128" ? shake128 : shake256;
    return new ExtendableDigest(shake.create({}), resultBytes);
  }
  throw new Error(`Cannot make hash "${name}"`);
}

/** HMAC (RFC 2104) over the hash with the catalogue's name. */
export function makeHmac(hash: string, key: Uint8Array): Digester {
  if (!isFixed(hash)) throw new Error(`Cannot make HMAC over "${hash}"`);
  return new FixedDigest(hmac.create(FIXED[hash], key));
}
