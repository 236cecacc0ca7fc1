/**
 * Points and private numbers of the NIST curves, by libcrypto, which wipes what
 * it calculates with.
 *
 * @module
 */

import { type Curve, CURVES } from "../../algorithms/public_key.ts";
import type { Handle, Libcrypto } from "../../ffi/libcrypto.ts";
import type { Bytes } from "../primitives/primitives.ts";
import { sizeArgument } from "../primitives/size_argument.ts";
import { present, succeed } from "./library.ts";

const POINT_CONVERSION_UNCOMPRESSED = 4;

/** Names and object numbers (obj_mac.h) of the curves. */
export const NATIVE_CURVES: Readonly<
  Record<Curve["name"], { readonly name: string; readonly nid: number }>
> = {
  p192: { name: "prime192v1", nid: 409 },
  p224: { name: "secp224r1", nid: 713 },
  p256: { name: "prime256v1", nid: 415 },
  p384: { name: "secp384r1", nid: 715 },
  p521: { name: "secp521r1", nid: 716 },
};

/** A libcrypto; without a context of its own it works in the default one. */
export interface CurveLibrary {
  readonly symbols: Libcrypto;
  readonly context: Deno.PointerValue;
}

function findGroup(
  { symbols, context }: CurveLibrary,
  { name }: Pick<Curve, "name">,
): Deno.PointerValue {
  const { nid } = NATIVE_CURVES[name];
  return symbols.EC_GROUP_new_by_curve_name_ex(context, null, nid);
}

/** Whether this libcrypto has every curve of the catalogue. */
export function hasEveryCurve(library: CurveLibrary): boolean {
  const { symbols } = library;
  return CURVES.every((curve) => {
    const group = findGroup(library, curve);
    if (group === null) symbols.ERR_clear_error();
    else symbols.EC_GROUP_free(group);
    return group !== null;
  });
}

/** Points of one curve as bytes. */
export class CurveArithmetic implements Disposable {
  readonly #curve: Curve;
  readonly #symbols: Libcrypto;
  readonly #group: Handle;

  constructor(library: CurveLibrary, curve: Curve) {
    this.#group = present(findGroup(library, curve), `curve ${curve.name}`);
    this.#symbols = library.symbols;
    this.#curve = curve;
  }

  /** The uncompressed form; throws for bytes that are no point of the curve. */
  uncompress(bytes: Uint8Array): Bytes {
    return this.#withPoint((point) =>
      this.#symbols.EC_POINT_oct2point(
        this.#group,
        point,
        bytes as Bytes,
        sizeArgument(bytes.length),
        null,
      ), `a point of ${this.#curve.name}`);
  }

  /**
   * The point of a private key, uncompressed. Throws for a number outside
   * 1 … n - 1, and where the key brings along another point than its own.
   */
  publicPoint(scalar: Bytes, given: Uint8Array | undefined): Bytes {
    const symbols = this.#symbols;
    const number = symbols.BN_bin2bn(scalar, scalar.length, null);
    try {
      const own = this.#multiple(present(number, "BN_bin2bn()"));
      if (given && !equal(this.uncompress(given), own)) {
        throw new Error("EC private key with a public key that is not its own");
      }
      return own;
    } finally {
      symbols.BN_clear_free(number);
    }
  }

  #multiple(scalar: Handle): Bytes {
    const symbols = this.#symbols;
    const order = symbols.EC_GROUP_get0_order(this.#group);
    if (
      symbols.BN_num_bits(scalar) === 0 || symbols.BN_cmp(scalar, order) >= 0
    ) {
      throw new Error(`${this.#curve.name} private key out of range`);
    }
    return this.#withPoint(
      (point) =>
        symbols.EC_POINT_mul(this.#group, point, scalar, null, null, null),
      "EC_POINT_mul()",
    );
  }

  #withPoint(set: (point: Handle) => number, what: string): Bytes {
    const symbols = this.#symbols;
    const point = present(symbols.EC_POINT_new(this.#group), "EC_POINT_new()");
    try {
      succeed(set(point), what);
      const bytes = new Uint8Array(
        new ArrayBuffer(1 + 2 * this.#curve.fieldBytes),
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

  [Symbol.dispose](): void {
    this.#symbols.EC_GROUP_free(this.#group);
  }
}

const equal = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);
