/**
 * Hash functions of EVP, and what they share with message authentication codes.
 *
 * @module
 */

import type { Handle, Libcrypto } from "../../ffi/libcrypto.ts";
import type { LibcryptoHash } from "../../ffi/libcrypto_hash.ts";
import type { Bytes, Digester } from "../primitives/primitives.ts";
import { HASH_CONTEXT_BYTES } from "../../ffi/libcrypto_hash.ts";
import { sizeArgument } from "../primitives/size_argument.ts";
import type { KeptPointer } from "./kept_pointer.ts";
import { type CryptoLibrary, present, succeed } from "./library.ts";

/** EVP names by catalogue name. */
export const DIGEST_NAMES: Readonly<Record<string, string>> = {
  "md5": "MD5",
  "sha1": "SHA1",
  "sha224": "SHA2-224",
  "sha256": "SHA2-256",
  "sha384": "SHA2-384",
  "sha512": "SHA2-512",
  "sha3-224": "SHA3-224",
  "sha3-256": "SHA3-256",
  "sha3-384": "SHA3-384",
  "sha3-512": "SHA3-512",
  "shake128": "SHAKE-128",
  "shake256": "SHAKE-256",
};

const LONGEST_DIGEST_BYTES = 64;

class EvpDigest implements Digester {
  readonly #symbols: Libcrypto;
  readonly #digest: Handle;
  readonly #context: Handle;
  readonly #output: Bytes;
  readonly #result: Bytes;
  readonly #isExtendable: boolean;
  readonly #pointer: KeptPointer;

  constructor(library: CryptoLibrary, name: string, resultBytes: number) {
    this.#symbols = library.symbols;
    this.#pointer = library.keptPointer;
    this.#digest = present(library.digest(name), `fetching ${name}`);
    this.#isExtendable = name.startsWith("SHAKE");
    this.#output = new Uint8Array(
      new ArrayBuffer(Math.max(resultBytes, LONGEST_DIGEST_BYTES)),
    );
    this.#result = this.#output.subarray(0, resultBytes);
    this.#context = present(
      this.#symbols.EVP_MD_CTX_new(),
      "EVP_MD_CTX_new()",
    );
    if (!this.start()) {
      this.close();
      throw new Error(`libcrypto: EVP_DigestInit_ex2() of ${name} failed`);
    }
  }

  start(): boolean {
    return this.#symbols.EVP_DigestInit_ex2(
      this.#context,
      this.#digest,
      null,
    ) === 1;
  }

  readonly update = (bytes: Bytes): boolean =>
    this.#symbols.EVP_DigestUpdate(
      this.#context,
      bytes,
      sizeArgument(bytes.length),
    ) === 1;

  readonly updateKept = (bytes: Bytes, lengthBytes: number): boolean =>
    this.#symbols.EVP_DigestUpdate_kept(
      this.#context,
      this.#pointer.of(bytes),
      sizeArgument(lengthBytes),
    ) === 1;

  finish(): Bytes | null {
    const result = this.#isExtendable
      ? this.#symbols.EVP_DigestFinalXOF(
        this.#context,
        this.#result,
        sizeArgument(this.#result.length),
      )
      : this.#symbols.EVP_DigestFinal_ex(this.#context, this.#output, null);
    return result === 1 ? this.#result : null;
  }

  close(): void {
    this.#symbols.EVP_MD_CTX_free(this.#context);
  }
}

/**
 * A hash of the default provider by the functions that libcrypto has for it beside
 * EVP. They are the ones that the provider calls, at a third of EVP's cost for 64
 * bytes.
 */
class BareDigest implements Digester {
  readonly #functions: LibcryptoHash;
  readonly #pointer: KeptPointer;
  readonly #memory: Bytes = new Uint8Array(new ArrayBuffer(HASH_CONTEXT_BYTES));
  readonly #context = Deno.UnsafePointer.of(this.#memory);
  readonly #output: Bytes = new Uint8Array(
    new ArrayBuffer(LONGEST_DIGEST_BYTES),
  );
  readonly #outputAt = Deno.UnsafePointer.of(this.#output);
  readonly #result: Bytes;

  constructor(
    functions: LibcryptoHash,
    pointer: KeptPointer,
    resultBytes: number,
  ) {
    this.#functions = functions;
    this.#pointer = pointer;
    this.#result = this.#output.subarray(0, resultBytes);
  }

  start(): boolean {
    return this.#functions.init(this.#context) === 1;
  }

  readonly update = (bytes: Bytes): boolean =>
    this.#functions.update(
      this.#context,
      bytes,
      sizeArgument(bytes.length),
    ) === 1;

  readonly updateKept = (bytes: Bytes, lengthBytes: number): boolean =>
    this.#functions.updateKept(
      this.#context,
      this.#pointer.of(bytes),
      sizeArgument(lengthBytes),
    ) === 1;

  finish(): Bytes | null {
    const done = this.#functions.final(this.#outputAt, this.#context) === 1;
    return done ? this.#result : null;
  }

  close(): void {
    this.#memory.fill(0);
  }
}

/** Makes the hash of a catalogue name; throws where it cannot be had. */
export function makeDigest(
  library: CryptoLibrary,
  algorithm: string,
  resultBytes: number,
): Digester {
  const name = DIGEST_NAMES[algorithm];
  if (name === undefined) throw new Error(`openssl has no hash "${algorithm}"`);
  const functions = library.hash(name);
  if (functions !== null) {
    return new BareDigest(functions, library.keptPointer, resultBytes);
  }
  return new EvpDigest(library, name, resultBytes);
}

/** RFC 2104 §2: an HMAC key is filled up with zeros, so no key is one zero. */
const EMPTY_HMAC_KEY = new Uint8Array(new ArrayBuffer(1));

/** An EVP_MAC that is keyed once and started again for each message. */
export class EvpMac implements Digester {
  readonly #symbols: Libcrypto;
  readonly #pointer: KeptPointer;
  readonly #keyed: Handle;
  /** The context of the message; `#keyed` itself where that restarts. */
  #context: Handle | null;
  readonly #restarts: boolean;
  readonly #output = new Uint8Array(new ArrayBuffer(LONGEST_DIGEST_BYTES));
  readonly #result: Bytes;

  /** `params` is the OSSL_PARAM array that names the hash or cipher. */
  constructor(
    library: CryptoLibrary,
    name: string,
    key: Uint8Array,
    resultBytes: number,
    params: Handle,
  ) {
    const { symbols } = library;
    this.#symbols = symbols;
    this.#pointer = library.keptPointer;
    this.#restarts = library.restartsMacs;
    this.#result = this.#output.subarray(0, resultBytes);
    const mac = present(library.mac(name), `fetching ${name}`);
    // A buffer of no bytes is a null pointer, which means the key set before.
    const bytes = key.length > 0 ? key : EMPTY_HMAC_KEY;
    this.#keyed = present(symbols.EVP_MAC_CTX_new(mac), "EVP_MAC_CTX_new()");
    this.#context = this.#restarts ? this.#keyed : null;
    try {
      succeed(
        symbols.EVP_MAC_init(
          this.#keyed,
          bytes as Bytes,
          sizeArgument(bytes.length),
          params,
        ),
        `EVP_MAC_init() of ${name}`,
      );
    } catch (error) {
      this.close();
      library.clearErrors();
      throw error;
    }
  }

  start(): boolean {
    if (this.#restarts) {
      return this.#symbols.EVP_MAC_init(this.#keyed, null, 0n, null) === 1;
    }
    this.#dropCopy();
    this.#context = this.#symbols.EVP_MAC_CTX_dup(this.#keyed);
    return this.#context !== null;
  }

  readonly update = (bytes: Bytes): boolean =>
    this.#symbols.EVP_MAC_update(
      this.#context,
      bytes,
      sizeArgument(bytes.length),
    ) === 1;

  readonly updateKept = (bytes: Bytes, lengthBytes: number): boolean =>
    this.#symbols.EVP_MAC_update_kept(
      this.#context,
      this.#pointer.of(bytes),
      sizeArgument(lengthBytes),
    ) === 1;

  finish(): Bytes | null {
    const result = this.#symbols.EVP_MAC_final(
      this.#context,
      this.#output,
      null,
      sizeArgument(LONGEST_DIGEST_BYTES),
    );
    return result === 1 ? this.#result : null;
  }

  #dropCopy(): void {
    if (this.#context !== null) this.#symbols.EVP_MAC_CTX_free(this.#context);
    this.#context = null;
  }

  close(): void {
    if (!this.#restarts) this.#dropCopy();
    this.#symbols.EVP_MAC_CTX_free(this.#keyed);
  }
}
