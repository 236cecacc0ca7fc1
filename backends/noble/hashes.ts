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
import type { Digest } from "./digest.ts";

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

abstract class KeptState<S extends State> implements Digest {
  readonly #fresh: S;
  protected readonly running: S;

  constructor(fresh: S) {
    this.#fresh = fresh;
    this.running = fresh._cloneInto() as S;
  }

  restart(): void {
    this.#fresh._cloneInto(this.running);
  }

  update(bytes: Uint8Array): void {
    this.running.update(bytes);
  }

  abstract finish(result: Uint8Array): boolean;

  wipe(): void {
    this.#fresh.destroy();
    this.running.destroy();
  }
}

class FixedDigest extends KeptState<State> {
  readonly #digest = new Uint8Array(this.running.outputLen);

  override finish(result: Uint8Array): boolean {
    this.running.digestInto(this.#digest);
    result.set(this.#digest.subarray(0, result.length));
    this.#digest.fill(0);
    return true;
  }
}

class ExtendableDigest extends KeptState<ExtendableState> {
  override finish(result: Uint8Array): boolean {
    this.running.xofInto(result);
    return true;
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
export function makeHash(name: string): Digest {
  if (isFixed(name)) return new FixedDigest(FIXED[name].create());
  if (name === "shake128") return new ExtendableDigest(shake128.create({}));
  if (name === "shake256") return new ExtendableDigest(shake256.create({}));
  throw new Error(`Cannot make hash "${name}"`);
}

/** HMAC (RFC 2104) over the hash with the catalogue's name. */
export function makeHmac(hash: string, key: Uint8Array): Digest {
  if (!isFixed(hash)) throw new Error(`Cannot make HMAC over "${hash}"`);
  return new FixedDigest(hmac.create(FIXED[hash], key));
}
