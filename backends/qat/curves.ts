/**
 * The NIST curves as the library takes them with each request: big-endian
 * numbers, all as long as a field element.
 *
 * @module
 */

import type { WeierstrassPointCons } from "npm:@noble/curves@2.4.0/abstract/weierstrass.js";
import { numberToBytes } from "../../algorithms/der.ts";
import { type Curve, CURVES } from "../../algorithms/public_key.ts";
import { ecdsaOver } from "../noble/curves.ts";

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

/** The numbers of the curve with the catalogue's name. */
export function curveNumbers(name: Curve["name"]): CurveNumbers {
  const known = made.get(name);
  if (known) return known;
  const curve = CURVES.find((entry) => entry.name === name)!;
  const points = ecdsaOver(name).Point;
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
