/**
 * Hash functions and message authentication codes of libgcrypt.
 *
 * @module
 */

import type { Libgcrypt } from "../../ffi/libgcrypt.ts";
import type {
  Bytes,
  Digester,
  DigesterWithIv,
} from "../primitives/primitives.ts";
import { sizeArgument } from "../primitives/size_argument.ts";
import {
  type Handle,
  hasAlgorithm,
  isGood,
  openHandle,
  RESET,
  succeed,
} from "./library.ts";

/** enum gcry_md_algos, by catalogue name. */
const HASHES: Readonly<Record<string, number>> = {
  "md5": 1,
  "sha1": 2,
  "sha224": 11,
  "sha256": 8,
  "sha384": 9,
  "sha512": 10,
  "sha3-224": 312,
  "sha3-256": 313,
  "sha3-384": 314,
  "sha3-512": 315,
  "shake128": 316,
  "shake256": 317,
};

/** enum gcry_mac_algos, by catalogue name. */
const MACS: Readonly<Record<string, number>> = {
  "hmac-md5": 106,
  "hmac-sha1": 105,
  "hmac-sha224": 102,
  "hmac-sha256": 101,
  "hmac-sha384": 104,
  "hmac-sha512": 103,
  "cmac-aes": 201,
  "cmac-3des": 202,
  "gmac-aes": 401,
  "gmac-twofish": 403,
};

const LONGEST_DIGEST_BYTES = 64;

/** Whether this libgcrypt has the hash of a catalogue name. */
export function hasHash(symbols: Libgcrypt, name: string): boolean {
  const algorithm = HASHES[name];
  return algorithm !== undefined && hasAlgorithm(symbols, "md", algorithm);
}

/** Whether this libgcrypt has the MAC of a catalogue name. */
export function hasMac(symbols: Libgcrypt, name: string): boolean {
  const algorithm = MACS[name];
  return algorithm !== undefined && hasAlgorithm(symbols, "mac", algorithm);
}

class GcryptHash implements Digester {
  readonly #symbols: Libgcrypt;
  readonly #algorithm: number;
  readonly #isExtendable: boolean;
  readonly #handle: Handle;
  readonly #result: Bytes;

  constructor(symbols: Libgcrypt, name: string, resultBytes: number) {
    const algorithm = HASHES[name];
    if (!algorithm) throw new Error(`libgcrypt has no hash "${name}"`);
    this.#symbols = symbols;
    this.#algorithm = algorithm;
    this.#isExtendable = name.startsWith("shake");
    this.#result = new Uint8Array(new ArrayBuffer(resultBytes));
    this.#handle = openHandle(
      symbols,
      `hash "${name}"`,
      (room) => symbols.gcry_md_open(room, algorithm, 0),
    );
  }

  start(): boolean {
    this.#symbols.gcry_md_reset(this.#handle);
    return true;
  }

  readonly update = (bytes: Bytes): boolean => {
    const lengthBytes = sizeArgument(bytes.length);
    this.#symbols.gcry_md_write(this.#handle, bytes, lengthBytes);
    return true;
  };

  finish(): Bytes | null {
    const symbols = this.#symbols;
    const result = this.#result;
    if (this.#isExtendable) {
      const error = symbols.gcry_md_extract(
        this.#handle,
        this.#algorithm,
        result,
        sizeArgument(result.length),
      );
      return isGood(error) ? result : null;
    }
    const digest = symbols.gcry_md_read(this.#handle, this.#algorithm);
    if (digest === null) return null;
    Deno.UnsafePointerView.copyInto(digest, result);
    return result;
  }

  close(): void {
    this.#symbols.gcry_md_close(this.#handle);
  }
}

/** A gcry_mac handle, keyed once. */
class GcryptMac {
  protected readonly symbols: Libgcrypt;
  protected readonly handle: Handle;
  readonly #output = new Uint8Array(new ArrayBuffer(LONGEST_DIGEST_BYTES));
  readonly #result: Bytes;
  readonly #written = new BigUint64Array(new ArrayBuffer(8));

  constructor(
    symbols: Libgcrypt,
    name: string,
    key: Uint8Array,
    resultBytes: number,
  ) {
    const algorithm = MACS[name];
    if (!algorithm) throw new Error(`libgcrypt has no MAC "${name}"`);
    this.symbols = symbols;
    this.#result = this.#output.subarray(0, resultBytes);
    this.handle = openHandle(
      symbols,
      `MAC "${name}"`,
      (room) => symbols.gcry_mac_open(room, algorithm, 0, null),
    );
    try {
      succeed(
        symbols,
        symbols.gcry_mac_setkey(
          this.handle,
          key as Bytes,
          sizeArgument(key.length),
        ),
        `a ${name} key of ${key.length} bytes`,
      );
    } catch (error) {
      this.close();
      throw error;
    }
  }

  readonly update = (bytes: Bytes): boolean =>
    isGood(
      this.symbols.gcry_mac_write(
        this.handle,
        bytes,
        sizeArgument(bytes.length),
      ),
    );

  finish(): Bytes | null {
    this.#written[0] = BigInt(LONGEST_DIGEST_BYTES);
    const error = this.symbols.gcry_mac_read(
      this.handle,
      this.#output,
      this.#written,
    );
    return isGood(error) ? this.#result : null;
  }

  close(): void {
    this.symbols.gcry_mac_close(this.handle);
  }
}

class PlainMac extends GcryptMac implements Digester {
  start(): boolean {
    return isGood(this.symbols.gcry_mac_ctl(this.handle, RESET, null, 0n));
  }
}

class MacWithIv extends GcryptMac implements DigesterWithIv {
  start(iv: Bytes): boolean {
    const ivBytes = sizeArgument(iv.length);
    return isGood(this.symbols.gcry_mac_setiv(this.handle, iv, ivBytes));
  }
}

/** Makes the hash of a catalogue name; throws where it cannot be had. */
export function makeGcryptHash(
  symbols: Libgcrypt,
  name: string,
  resultBytes: number,
): Digester {
  return new GcryptHash(symbols, name, resultBytes);
}

/** Makes the MAC of a catalogue name; throws where it cannot be had. */
export function makeGcryptMac(
  symbols: Libgcrypt,
  name: string,
  key: Uint8Array,
  resultBytes: number,
): Digester {
  return new PlainMac(symbols, name, key, resultBytes);
}

/** Makes a MAC that takes an IV; throws where it cannot be had. */
export function makeGcryptMacWithIv(
  symbols: Libgcrypt,
  name: string,
  key: Uint8Array,
  resultBytes: number,
): DigesterWithIv {
  return new MacWithIv(symbols, name, key, resultBytes);
}
