/**
 * EVP_PKEY objects out of keys that `algorithms/` has parsed and checked.
 *
 * @module
 */

import { numberToBytes } from "../../algorithms/der.ts";
import { parseEcPoint, parseEcPrivateKey } from "../../algorithms/ec_key.ts";
import { type Curve, CURVES } from "../../algorithms/public_key.ts";
import {
  parseRsaPrivateKey,
  parseRsaPublicKey,
  type RsaPrivateKey,
  type RsaPublicKey,
} from "../../algorithms/rsa_key.ts";
import {
  parseMultiPrimeKey,
  RSA_USUAL_PRIMES,
  type RsaMultiPrimeKey,
  rsaPrimeCount,
} from "../../algorithms/rsa_primes.ts";
import type {
  EcdsaSession,
  RsaSession,
} from "../../algorithms/session_description.ts";
import { cString } from "../../ffi/libc.ts";
import type { Handle } from "../../ffi/libcrypto.ts";
import { CurveArithmetic, NATIVE_CURVES } from "./curve_arithmetic.ts";
import { type CryptoLibrary, present, succeed } from "./library.ts";
import {
  octetString,
  type Parameter,
  ParameterList,
  unsignedInteger,
  utf8String,
} from "./parameter_list.ts";

// EVP_PKEY_KEYPAIR and EVP_PKEY_PUBLIC_KEY
const KEY_PAIR = 0x87;
const PUBLIC_KEY = 0x86;

/** Room for the pointer that a function gives back through an argument. */
const pointerRoom = () => new BigUint64Array(new ArrayBuffer(8));

function readPointer(room: BigUint64Array, what: string): Handle {
  return present(Deno.UnsafePointer.create(room[0]!), what);
}

/** An RSA key and the length of its modulus. */
export interface NativeRsaKey {
  readonly key: Handle;
  readonly modulusBytes: number;
  /** Whether it is known that the private half belongs to the public one. */
  readonly isProven: boolean;
}

/** Throws for a key that is broken; the caller frees the result. */
export function loadRsaKey(
  library: CryptoLibrary,
  { key, keyType }: Pick<RsaSession, "key" | "keyType">,
): NativeRsaKey {
  const isProven = keyType === "public" ||
    rsaPrimeCount(key) === RSA_USUAL_PRIMES;
  const parsed = keyType === "public"
    ? parseRsaPublicKey(key)
    : isProven
    ? parseRsaPrivateKey(key)
    : parseMultiPrimeKey(key);
  const { modulusBytes } = parsed;
  return { key: buildRsaKey(library, parsed), modulusBytes, isProven };
}

function buildRsaKey(
  library: CryptoLibrary,
  key: RsaPublicKey | RsaPrivateKey | RsaMultiPrimeKey,
): Handle {
  const isPrivate = "prime1" in key;
  using list = new ParameterList(
    ...publicParameters(key),
    ...(isPrivate ? privateParameters(key) : []),
    ...("otherPrimes" in key ? otherPrimeParameters(key) : []),
  );
  return makeKey(library, "RSA", list, isPrivate ? KEY_PAIR : PUBLIC_KEY);
}

function publicParameters(key: RsaPublicKey): Parameter[] {
  const number = (name: string, value: bigint) =>
    unsignedInteger(name, numberToBytes(value, key.modulusBytes));
  return [number("n", key.modulus), number("e", key.publicExponent)];
}

/** EVP_PKEY-RSA(7) */
function privateParameters(key: RsaPrivateKey): Parameter[] {
  return [
    unsignedInteger("d", key.privateExponent),
    unsignedInteger("rsa-factor1", key.prime1),
    unsignedInteger("rsa-factor2", key.prime2),
    unsignedInteger("rsa-exponent1", key.exponent1),
    unsignedInteger("rsa-exponent2", key.exponent2),
    unsignedInteger("rsa-coefficient1", key.coefficient),
  ];
}

/** Throws for a key that is broken; the caller frees the result. */
export function loadEcKey(
  library: CryptoLibrary,
  { curve: name, key, keyType }: EcdsaSession,
): Handle {
  const curve = CURVES.find((entry) => entry.name === name)!;
  try {
    using arithmetic = new CurveArithmetic(library, curve);
    if (keyType === "public") {
      const point = parseEcPoint(key, curve);
      return buildEcKey(library, curve, arithmetic.uncompress(point));
    }
    const { scalar, point } = parseEcPrivateKey(key, curve);
    try {
      const own = arithmetic.publicPoint(scalar, point);
      return buildEcKey(library, curve, own, scalar);
    } finally {
      scalar.fill(0);
    }
  } finally {
    library.clearErrors();
  }
}

/** The coefficients begin with that of the first two primes. */
function otherPrimeParameters({ otherPrimes }: RsaMultiPrimeKey): Parameter[] {
  return otherPrimes.flatMap(({ prime, exponent, coefficient }, i) => [
    unsignedInteger(`rsa-factor${i + 3}`, prime),
    unsignedInteger(`rsa-exponent${i + 3}`, exponent),
    unsignedInteger(`rsa-coefficient${i + 2}`, coefficient),
  ]);
}

/** `scalar` is as long as a field element; undefined for a public key. */
function buildEcKey(
  library: CryptoLibrary,
  curve: Curve,
  point: Uint8Array,
  scalar?: Uint8Array,
): Handle {
  using list = new ParameterList(
    utf8String("group", NATIVE_CURVES[curve.name].name),
    octetString("pub", point),
    ...(scalar ? [unsignedInteger("priv", scalar)] : []),
  );
  return makeKey(library, "EC", list, scalar ? KEY_PAIR : PUBLIC_KEY);
}

function makeKey(
  library: CryptoLibrary,
  keyType: "RSA" | "EC",
  { pointer }: ParameterList,
  selection: number,
): Handle {
  const { symbols } = library;
  const made = pointerRoom();
  const context = present(
    symbols.EVP_PKEY_CTX_new_from_name(library.context, cString(keyType), null),
    "EVP_PKEY_CTX_new_from_name()",
  );
  try {
    succeed(
      symbols.EVP_PKEY_fromdata_init(context),
      "EVP_PKEY_fromdata_init()",
    );
    succeed(
      symbols.EVP_PKEY_fromdata(context, made, selection, pointer),
      `reading an ${keyType} key`,
    );
  } finally {
    symbols.EVP_PKEY_CTX_free(context);
    library.clearErrors();
  }
  return readPointer(made, "EVP_PKEY_fromdata()");
}
