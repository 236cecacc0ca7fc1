/**
 * Stubs: private keys that have their public part alone. All secret numbers of an
 * RSAPrivateKey are 0, or the scalar of an ECPrivateKey is, beside its point.
 * Whoever has the key finds it by the public part; to all others a stub is a
 * broken key.
 *
 * @module
 */

import { toHex } from "./hex.ts";
import {
  DerError,
  DerReader,
  DerTag,
  encodeElement,
  encodeSequence,
} from "./der.ts";
import { curveIdentifier } from "./ec_key.ts";
import { type Curve, CURVES } from "./public_key.ts";
import type { SessionDescription } from "./session_description.ts";

/** A public key; numbers are big-endian and no longer than they must be. */
export type PublicPart =
  | {
    readonly algorithm: "rsa";
    readonly modulus: Uint8Array;
    readonly publicExponent: Uint8Array;
  }
  | {
    readonly algorithm: "ecdsa";
    readonly curve: Curve["name"];
    /** Uncompressed (SEC 1 §2.3.3). */
    readonly point: Uint8Array;
  };

/** A text that public keys have in common only if they are the same. */
export function publicPartName(part: PublicPart): string {
  return part.algorithm === "rsa"
    ? `rsa ${toHex(part.modulus)} ${toHex(part.publicExponent)}`
    : `${part.curve} ${toHex(part.point)}`;
}

/** Numbers of an RSAPrivateKey behind the public ones. */
const SECRET_NUMBERS = 6;

/** The public part of `session`'s key if that is a stub. */
export function stubPart(session: SessionDescription): PublicPart | undefined {
  if (session.service !== "akcipher" || session.keyType !== "private") {
    return undefined;
  }
  try {
    return session.algorithm === "rsa"
      ? rsaStubPart(session.key)
      : ecStubPart(session.key, session.curve);
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}

function rsaStubPart(der: Uint8Array): PublicPart | undefined {
  const outer = new DerReader(der);
  const fields = outer.enter(DerTag.Sequence);
  outer.expectEnd();
  if (fields.magnitudeBytes().length > 0) return undefined;
  const modulus = fields.magnitudeBytes().slice();
  const publicExponent = fields.magnitudeBytes().slice();
  for (let i = 0; i < SECRET_NUMBERS; i++) {
    if (fields.magnitudeBytes().length > 0) return undefined;
  }
  fields.expectEnd();
  return { algorithm: "rsa", modulus, publicExponent };
}

function ecStubPart(
  der: Uint8Array,
  name: Curve["name"],
): PublicPart | undefined {
  const curve = CURVES.find((entry) => entry.name === name)!;
  const outer = new DerReader(der);
  const fields = outer.enter(DerTag.Sequence);
  outer.expectEnd();
  if (fields.unsigned() !== 1n) return undefined;
  const scalar = fields.contents(DerTag.OctetString);
  if (
    scalar.length !== curve.fieldBytes || scalar.some((byte) => byte !== 0)
  ) return undefined;
  if (fields.isNext(DerTag.Context0)) {
    const parameters = fields.enter(DerTag.Context0);
    const identifier = parameters.contents(DerTag.ObjectIdentifier);
    parameters.expectEnd();
    if (toHex(identifier) !== toHex(curveIdentifier(curve))) return undefined;
  }
  const field = fields.enter(DerTag.Context1);
  fields.expectEnd();
  const point = field.wholeBitString().slice();
  field.expectEnd();
  return isUncompressed(point, curve)
    ? { algorithm: "ecdsa", curve: name, point }
    : undefined;
}

/** Whether `point` has the one form that a public part is found by. */
export function isUncompressed(
  point: Uint8Array,
  { fieldBytes }: Curve,
): boolean {
  return point[0] === 4 && point.length === 1 + 2 * fieldBytes;
}

const integer = (magnitude: Uint8Array): Uint8Array =>
  encodeElement(
    DerTag.Integer,
    magnitude.length > 0 && magnitude[0]! < 0x80
      ? magnitude
      : Uint8Array.of(0, ...magnitude),
  );

const bitString = (bytes: Uint8Array): Uint8Array =>
  encodeElement(DerTag.BitString, Uint8Array.of(0, ...bytes));

/** The DER of the stub of a public key: RSAPrivateKey or ECPrivateKey. */
export function encodeStub(part: PublicPart): Uint8Array {
  if (part.algorithm === "rsa") {
    const zero = integer(new Uint8Array(0));
    return encodeSequence(
      zero,
      integer(part.modulus),
      integer(part.publicExponent),
      ...Array.from({ length: SECRET_NUMBERS }, () => zero),
    );
  }
  const curve = CURVES.find(({ name }) => name === part.curve)!;
  return encodeSequence(
    integer(Uint8Array.of(1)),
    encodeElement(DerTag.OctetString, new Uint8Array(curve.fieldBytes)),
    encodeElement(
      DerTag.Context0,
      encodeElement(DerTag.ObjectIdentifier, curveIdentifier(curve)),
    ),
    encodeElement(DerTag.Context1, bitString(part.point)),
  );
}
