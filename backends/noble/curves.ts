/**
 * The NIST curves of the catalogue (FIPS 186-5, SP 800-186 §3.2.1).
 *
 * @module
 */

import {
  type ECDSA,
  ecdsa,
  weierstrass,
  type WeierstrassOpts,
} from "npm:@noble/curves@2.4.0/abstract/weierstrass.js";
import { p256, p384, p521 } from "npm:@noble/curves@2.4.0/nist.js";
import { sha256 } from "npm:@noble/hashes@2.4.0/sha2.js";
import type { Curve } from "../../algorithms/public_key.ts";

/** secp192r1 (SEC 2 version 1.0 §2.5.2), which the library leaves out. */
const P192: WeierstrassOpts<bigint> = {
  p: 0xfffffffffffffffffffffffffffffffeffffffffffffffffn,
  n: 0xffffffffffffffffffffffff99def836146bc9b1b4d22831n,
  h: 1n,
  a: 0xfffffffffffffffffffffffffffffffefffffffffffffffcn,
  b: 0x64210519e59c80e70fa7e9ab72243049feb8deecc146b9b1n,
  Gx: 0x188da80eb03090f67cbf20eb43a18800f4ff0afd82ff1012n,
  Gy: 0x07192b95ffc8da78631011ed6b24cdd573f977a11e794811n,
};

/** secp224r1 (SEC 2 version 2.0 §2.3.2), which the library leaves out. */
const P224: WeierstrassOpts<bigint> = {
  p: 0xffffffffffffffffffffffffffffffff000000000000000000000001n,
  n: 0xffffffffffffffffffffffffffff16a2e0b8f03e13dd29455c5c2a3dn,
  h: 1n,
  a: 0xfffffffffffffffffffffffffffffffefffffffffffffffffffffffen,
  b: 0xb4050a850c04b3abf54132565044b0b7d7bfd8ba270b39432355ffb4n,
  Gx: 0xb70e0cbd6bb4bf7f321390b94a03c1d356c21122343280d6115c1d21n,
  Gy: 0xbd376388b5f723fb4c22dfe6cd4375a05a07476444d5819985007e34n,
};

let p192: ECDSA | undefined;
let p224: ECDSA | undefined;

/** ECDSA over the curve with the catalogue's name. */
export function ecdsaOver(curve: Curve["name"]): ECDSA {
  switch (curve) {
    case "p192":
      return p192 ??= ecdsa(weierstrass(P192), sha256);
    case "p224":
      return p224 ??= ecdsa(weierstrass(P224), sha256);
    case "p256":
      return p256;
    case "p384":
      return p384;
    case "p521":
      return p521;
  }
}
