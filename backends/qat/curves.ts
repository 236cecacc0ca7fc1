/**
 * The NIST curves as the library takes them with each request: big-endian
 * numbers, all as long as a field element.
 *
 * @module
 */

import {
  weierstrass,
  type WeierstrassOpts,
  type WeierstrassPointCons,
} from "@noble/curves/abstract/weierstrass.js";
import { p256, p384, p521 } from "@noble/curves/nist.js";
import { numberToBytes } from "../../algorithms/der.ts";
import { type Curve, CURVES } from "../../algorithms/public_key.ts";

/** secp192r1 (SEC 2 version 1.0 §2.5.2). */
const P192: WeierstrassOpts<bigint> = {
  p: 0xfffffffffffffffffffffffffffffffeffffffffffffffffn,
  n: 0xffffffffffffffffffffffff99def836146bc9b1b4d22831n,
  h: 1n,
  a: 0xfffffffffffffffffffffffffffffffefffffffffffffffcn,
  b: 0x64210519e59c80e70fa7e9ab72243049feb8deecc146b9b1n,
  Gx: 0x188da80eb03090f67cbf20eb43a18800f4ff0afd82ff1012n,
  Gy: 0x07192b95ffc8da78631011ed6b24cdd573f977a11e794811n,
};

/** secp224r1 (SEC 2 version 2.0 §2.3.2). */
const P224: WeierstrassOpts<bigint> = {
  p: 0xffffffffffffffffffffffffffffffff000000000000000000000001n,
  n: 0xffffffffffffffffffffffffffff16a2e0b8f03e13dd29455c5c2a3dn,
  h: 1n,
  a: 0xfffffffffffffffffffffffffffffffefffffffffffffffffffffffen,
  b: 0xb4050a850c04b3abf54132565044b0b7d7bfd8ba270b39432355ffb4n,
  Gx: 0xb70e0cbd6bb4bf7f321390b94a03c1d356c21122343280d6115c1d21n,
  Gy: 0xbd376388b5f723fb4c22dfe6cd4375a05a07476444d5819985007e34n,
};

/** A curve with its numbers. */
export interface CurveNumbers {
  readonly curve: Curve;
  readonly points: WeierstrassPointCons<bigint>;
  readonly order: bigint;
  /** Length of the order in bits. */
  readonly orderBits: number;
  readonly orderBytes: Uint8Array;
  /** xg, yg, n, q, a, b: the order in which the operation data name them. */
  readonly parameters: readonly Uint8Array[];
}

const made = new Map<string, CurveNumbers>();

function pointsOf(name: Curve["name"]): WeierstrassPointCons<bigint> {
  switch (name) {
    case "p192":
      return weierstrass(P192);
    case "p224":
      return weierstrass(P224);
    case "p256":
      return p256.Point;
    case "p384":
      return p384.Point;
    case "p521":
      return p521.Point;
  }
}

/** The numbers of the curve with the catalogue's name. */
export function curveNumbers(name: Curve["name"]): CurveNumbers {
  const known = made.get(name);
  if (known) return known;
  const curve = CURVES.find((entry) => entry.name === name)!;
  const points = pointsOf(name);
  const { Gx, Gy, n, p, a, b } = points.CURVE();
  const order = n;
  const parameters = [Gx, Gy, n, p, a, b].map((value) =>
    numberToBytes(value, curve.fieldBytes)
  );
  const numbers = {
    curve,
    points,
    order,
    orderBits: order.toString(2).length,
    orderBytes: parameters[2]!,
    parameters,
  };
  made.set(name, numbers);
  return numbers;
}
