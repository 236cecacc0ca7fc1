/**
 * RSA keys over the language's integers.
 *
 * @module
 */

import { bytesToNumber, numberToBytes } from "../../algorithms/der.ts";
import {
  parseRsaPrivateKey,
  parseRsaPublicKey,
  type RsaPublicKey,
} from "../../algorithms/rsa_key.ts";
import type { RsaSession } from "../../algorithms/session_description.ts";
import type { BareRsa } from "../padded_rsa.ts";
import { PrivateOperation, publicOperation } from "./rsa.ts";

export class NobleRsa implements BareRsa {
  readonly modulusBytes: number;
  readonly isPrivate: boolean;
  readonly #publicKey: RsaPublicKey;
  /** Absent for a public key. */
  #private: PrivateOperation | undefined;

  constructor({ keyType, key }: RsaSession) {
    this.isPrivate = keyType === "private";
    if (this.isPrivate) {
      const numbers = parseRsaPrivateKey(key);
      this.#publicKey = numbers;
      this.#private = new PrivateOperation(numbers);
    } else {
      this.#publicKey = parseRsaPublicKey(key);
    }
    this.modulusBytes = this.#publicKey.modulusBytes;
  }

  publicOperation(input: Uint8Array, output: Uint8Array): boolean {
    const compute = (value: bigint) => publicOperation(this.#publicKey, value);
    return this.#compute(input, output, compute);
  }

  privateOperation(input: Uint8Array, output: Uint8Array): boolean {
    return this.#compute(input, output, (value) => this.#private?.run(value));
  }

  #compute(
    input: Uint8Array,
    output: Uint8Array,
    compute: (value: bigint) => bigint | undefined,
  ): boolean {
    const value = bytesToNumber(input);
    if (value >= this.#publicKey.modulus) return false;
    const result = compute(value);
    if (result === undefined) return false;
    const bytes = numberToBytes(result, this.modulusBytes);
    output.set(bytes);
    bytes.fill(0);
    return true;
  }

  close(): void {
    this.#private = undefined;
  }
}
