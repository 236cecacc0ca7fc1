/**
 * EVP_PKEY objects out of keys that `algorithms/` has parsed and checked.
 *
 * @module
 */

import { parseEcPoint, parseEcPrivateKey } from "../../algorithms/ec_key.ts";
import { type Curve, CURVES } from "../../algorithms/public_key.ts";
import {
  parseRsaPrivateKey,
  parseRsaPublicKey,
} from "../../algorithms/rsa_key.ts";
import {
  parseMultiPrimePublicHalf,
  RSA_USUAL_PRIMES,
  rsaPrimeCount,
} from "../../algorithms/rsa_primes.ts";
import type {
  EcdsaSession,
  RsaSession,
} from "../../algorithms/session_description.ts";
import { cString, fixedBytes, type Handle } from "../../ffi/libcrypto.ts";
import { sizeArgument } from "../native/size_argument.ts";
import { type CryptoLibrary, present, succeed } from "./library.ts";

// EVP_PKEY_KEYPAIR and EVP_PKEY_PUBLIC_KEY
const KEY_PAIR = 0x87;
const PUBLIC_KEY = 0x86;
const POINT_CONVERSION_UNCOMPRESSED = 4;

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
  const { modulusBytes } = keyType === "public"
    ? parseRsaPublicKey(key)
    : isProven
    ? parseRsaPrivateKey(key)
    : parseMultiPrimePublicHalf(key);
  const der = fixedBytes(key);
  try {
    const selection = keyType === "private" ? KEY_PAIR : PUBLIC_KEY;
    return {
      key: decodeRsa(library, der, selection),
      modulusBytes,
      isProven,
    };
  } finally {
    der.fill(0);
    library.clearErrors();
  }
}

function decodeRsa(
  library: CryptoLibrary,
  der: Uint8Array<ArrayBuffer>,
  selection: number,
): Handle {
  const { symbols } = library;
  const decoded = pointerRoom();
  const format = cString("DER");
  const structure = cString("type-specific");
  const keyType = cString("RSA");
  const decoder = present(
    symbols.OSSL_DECODER_CTX_new_for_pkey(
      decoded,
      format,
      structure,
      keyType,
      selection,
      library.context,
      null,
    ),
    "OSSL_DECODER_CTX_new_for_pkey()",
  );
  const at = pointerRoom();
  at[0] = Deno.UnsafePointer.value(Deno.UnsafePointer.of(der));
  const left = new BigUint64Array([sizeArgument(der.length)]);
  const result = symbols.OSSL_DECODER_from_data(decoder, at, left);
  symbols.OSSL_DECODER_CTX_free(decoder);
  succeed(result, "decoding an RSA key");
  return readPointer(decoded, "decoding an RSA key");
}

/** Names and object numbers (obj_mac.h) of the curves. */
const NATIVE_CURVES: Readonly<
  Record<Curve["name"], { readonly name: string; readonly nid: number }>
> = {
  p192: { name: "prime192v1", nid: 409 },
  p224: { name: "secp224r1", nid: 713 },
  p256: { name: "prime256v1", nid: 415 },
  p384: { name: "secp384r1", nid: 715 },
  p521: { name: "secp521r1", nid: 716 },
};

/** Whether this libcrypto has every curve of the catalogue. */
export function hasEveryCurve(library: CryptoLibrary): boolean {
  const { symbols } = library;
  return Object.values(NATIVE_CURVES).every(({ nid }) => {
    const group = symbols.EC_GROUP_new_by_curve_name_ex(
      library.context,
      null,
      nid,
    );
    if (group === null) library.clearErrors();
    else symbols.EC_GROUP_free(group);
    return group !== null;
  });
}

/** Throws for a key that is broken; the caller frees the result. */
export function loadEcKey(
  library: CryptoLibrary,
  description: EcdsaSession,
): Handle {
  const { symbols } = library;
  const curve = CURVES.find(({ name }) => name === description.curve)!;
  const group = present(
    symbols.EC_GROUP_new_by_curve_name_ex(
      library.context,
      null,
      NATIVE_CURVES[curve.name].nid,
    ),
    `curve ${curve.name}`,
  );
  const arithmetic = new CurveArithmetic(library, group, curve);
  try {
    if (description.keyType === "public") {
      const point = parseEcPoint(description.key, curve);
      return buildEcKey(library, curve, arithmetic.uncompress(point), null);
    }
    return loadEcPrivateKey(library, description.key, arithmetic);
  } finally {
    symbols.EC_GROUP_free(group);
    library.clearErrors();
  }
}

function loadEcPrivateKey(
  library: CryptoLibrary,
  der: Uint8Array,
  arithmetic: CurveArithmetic,
): Handle {
  const { symbols } = library;
  const { scalar, point } = parseEcPrivateKey(der, arithmetic.curve);
  const number = symbols.BN_bin2bn(
    scalar as Uint8Array<ArrayBuffer>,
    scalar.length,
    null,
  );
  scalar.fill(0);
  try {
    const own = arithmetic.publicPoint(present(number, "BN_bin2bn()"));
    if (point && !equal(arithmetic.uncompress(point), own)) {
      throw new Error("EC private key with a public key that is not its own");
    }
    return buildEcKey(library, arithmetic.curve, own, number);
  } finally {
    symbols.BN_clear_free(number);
  }
}

const equal = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);

/** Points of one curve as bytes. */
class CurveArithmetic {
  readonly curve: Curve;
  readonly #library: CryptoLibrary;
  readonly #group: Handle;

  constructor(library: CryptoLibrary, group: Handle, curve: Curve) {
    this.#library = library;
    this.#group = group;
    this.curve = curve;
  }

  /** The uncompressed form; throws for bytes that are no point of the curve. */
  uncompress(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    const { symbols } = this.#library;
    return this.#withPoint((point) =>
      symbols.EC_POINT_oct2point(
        this.#group,
        point,
        bytes as Uint8Array<ArrayBuffer>,
        sizeArgument(bytes.length),
        null,
      ), `a point of ${this.curve.name}`);
  }

  /** The point of a private key; throws for a number outside 1 … n - 1. */
  publicPoint(scalar: Handle): Uint8Array<ArrayBuffer> {
    const { symbols } = this.#library;
    const order = symbols.EC_GROUP_get0_order(this.#group);
    if (
      symbols.BN_num_bits(scalar) === 0 || symbols.BN_cmp(scalar, order) >= 0
    ) {
      throw new Error(`${this.curve.name} private key out of range`);
    }
    return this.#withPoint(
      (point) =>
        symbols.EC_POINT_mul(this.#group, point, scalar, null, null, null),
      "EC_POINT_mul()",
    );
  }

  #withPoint(
    set: (point: Handle) => number,
    what: string,
  ): Uint8Array<ArrayBuffer> {
    const { symbols } = this.#library;
    const point = present(symbols.EC_POINT_new(this.#group), "EC_POINT_new()");
    try {
      succeed(set(point), what);
      const bytes = new Uint8Array(
        new ArrayBuffer(1 + 2 * this.curve.fieldBytes),
      );
      const written = symbols.EC_POINT_point2oct(
        this.#group,
        point,
        POINT_CONVERSION_UNCOMPRESSED,
        bytes,
        sizeArgument(bytes.length),
        null,
      );
      succeed(Number(written) === bytes.length ? 1 : 0, what);
      return bytes;
    } finally {
      symbols.EC_POINT_free(point);
    }
  }
}

const EC_PARAMETER_NAMES = ["group", "pub", "priv"].map(cString);

/** `scalar` is a BIGNUM, or null for a public key. */
function buildEcKey(
  library: CryptoLibrary,
  curve: Curve,
  point: Uint8Array<ArrayBuffer>,
  scalar: Deno.PointerValue,
): Handle {
  const { symbols } = library;
  // The array keeps pointers to its names, the builder to its values.
  const [groupName, publicName, privateName] = EC_PARAMETER_NAMES;
  const group = cString(NATIVE_CURVES[curve.name].name);
  const size = sizeArgument(point.length);
  const builder = present(symbols.OSSL_PARAM_BLD_new(), "OSSL_PARAM_BLD_new()");
  let params: Deno.PointerValue = null;
  try {
    symbols.OSSL_PARAM_BLD_push_utf8_string(builder, groupName!, group, 0n);
    symbols.OSSL_PARAM_BLD_push_octet_string(builder, publicName!, point, size);
    if (scalar !== null) {
      symbols.OSSL_PARAM_BLD_push_BN(builder, privateName!, scalar);
    }
    params = symbols.OSSL_PARAM_BLD_to_param(builder);
    const selection = scalar === null ? PUBLIC_KEY : KEY_PAIR;
    const built = present(params, "OSSL_PARAM_BLD_to_param()");
    return keyFromParams(library, built, selection);
  } finally {
    symbols.OSSL_PARAM_free(params);
    symbols.OSSL_PARAM_BLD_free(builder);
  }
}

function keyFromParams(
  library: CryptoLibrary,
  params: Handle,
  selection: number,
): Handle {
  const { symbols } = library;
  const made = pointerRoom();
  const context = present(
    symbols.EVP_PKEY_CTX_new_from_name(library.context, cString("EC"), null),
    "EVP_PKEY_CTX_new_from_name()",
  );
  try {
    succeed(
      symbols.EVP_PKEY_fromdata_init(context),
      "EVP_PKEY_fromdata_init()",
    );
    succeed(
      symbols.EVP_PKEY_fromdata(context, made, selection, params),
      "EVP_PKEY_fromdata()",
    );
  } finally {
    symbols.EVP_PKEY_CTX_free(context);
  }
  return readPointer(made, "EVP_PKEY_fromdata()");
}
