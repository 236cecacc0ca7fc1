/**
 * The RSA primitives (RFC 8017 §5) on the language's integers.
 *
 * These integers are not constant-time: how long a multiplication takes depends
 * on its operands. The private operation is therefore blinded, which hides the
 * base but not the exponent's length, and its result is checked, so that a fault
 * in one half of the CRT does not give a factor away. Where an attacker can
 * measure this process closely, use a native backend. Nor can these integers be
 * wiped; a closed session drops its references and leaves them to the collector.
 *
 * @module
 */

import { bytesToNumber } from "../../algorithms/der.ts";
import type { RsaPrivateKey, RsaPublicKey } from "../../algorithms/rsa_key.ts";
import {
  modularInverse,
  modularPower,
  modularPowerOfPublic,
} from "./modular.ts";

/** RSAEP and RSAVP1; `value` is below the modulus. */
export function publicOperation(key: RsaPublicKey, value: bigint): bigint {
  return modularPowerOfPublic(value, key.publicExponent, key.modulus);
}

/** A pair that is multiplied in before the private operation and out after. */
interface Blinding {
  readonly factor: bigint;
  readonly inverse: bigint;
}

/** Operations for which one random number serves, squared in between. */
const BLINDING_USES = 32;

/** More random bits than the modulus has, so that its residues are even. */
const SURPLUS_RANDOM_BYTES = 16;

/** Coprime random numbers are the rule; a valid key needs no second try. */
const BLINDING_ATTEMPTS = 8;

/** What of a private key the Chinese remainder theorem needs. */
interface PrivateNumbers extends RsaPublicKey {
  readonly prime1: bigint;
  readonly prime2: bigint;
  readonly exponent1: bigint;
  readonly exponent2: bigint;
  readonly coefficient: bigint;
}

/** RSADP and RSASP1 with the Chinese remainder theorem and base blinding. */
export class PrivateOperation {
  readonly #key: PrivateNumbers;
  #blinding: Blinding | undefined;
  #usesLeft = 0;

  constructor(key: RsaPrivateKey) {
    const { modulus, publicExponent, modulusBytes } = key;
    this.#key = {
      modulus,
      publicExponent,
      modulusBytes,
      prime1: bytesToNumber(key.prime1),
      prime2: bytesToNumber(key.prime2),
      exponent1: bytesToNumber(key.exponent1),
      exponent2: bytesToNumber(key.exponent2),
      coefficient: bytesToNumber(key.coefficient),
    };
  }

  /**
   * `value`, which is below the modulus, to the private exponent; `undefined`
   * when the result is wrong, as it is when the key's factors are not prime.
   */
  run(value: bigint): bigint | undefined {
    const { modulus } = this.#key;
    const blinding = this.#nextBlinding();
    if (!blinding) return undefined;
    const blinded = value * blinding.factor % modulus;
    const result = this.#power(blinded) * blinding.inverse % modulus;
    return publicOperation(this.#key, result) === value ? result : undefined;
  }

  /** RFC 8017 §5.1.2 step 2b. */
  #power(value: bigint): bigint {
    const { prime1: p, prime2: q, coefficient } = this.#key;
    const m1 = modularPower(value, this.#key.exponent1, p);
    const m2 = modularPower(value, this.#key.exponent2, q);
    const h = ((m1 - m2 % p + p) * coefficient) % p;
    return m2 + q * h;
  }

  #nextBlinding(): Blinding | undefined {
    const { modulus } = this.#key;
    const last = this.#blinding;
    if (last && this.#usesLeft-- > 0) {
      this.#blinding = {
        factor: last.factor * last.factor % modulus,
        inverse: last.inverse * last.inverse % modulus,
      };
    } else {
      this.#blinding = this.#freshBlinding();
      this.#usesLeft = BLINDING_USES - 1;
    }
    return this.#blinding;
  }

  #freshBlinding(): Blinding | undefined {
    const { modulus, modulusBytes } = this.#key;
    const random = new Uint8Array(modulusBytes + SURPLUS_RANDOM_BYTES);
    for (let i = 0; i < BLINDING_ATTEMPTS; i++) {
      crypto.getRandomValues(random);
      const number = bytesToNumber(random) % modulus;
      const inverse = modularInverse(number, modulus);
      if (inverse !== undefined) {
        random.fill(0);
        return { factor: publicOperation(this.#key, number), inverse };
      }
    }
    return undefined;
  }
}
