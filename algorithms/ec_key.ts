/**
 * Elliptic-curve keys and signatures as sessions and requests carry them:
 * ECPrivateKey (RFC 5915), points (SEC 1 §2.3.3) and ECDSA-Sig-Value (RFC 3279
 * §2.2.3). That a point lies on its curve is the backend's to check.
 *
 * @module
 */

import {
  DerError,
  DerReader,
  DerTag,
  encodeSequence,
  encodeUnsigned,
} from "./der.ts";
import { fromHex, toHex } from "./hex.ts";
import { copyKey } from "./key_bytes.ts";
import type { Curve } from "./public_key.ts";

/** Contents of the OBJECT IDENTIFIER of each curve (RFC 5480 §2.1.1.1). */
const CURVE_IDENTIFIERS: Readonly<Record<Curve["name"], string>> = {
  p192: "2a8648ce3d030101",
  p224: "2b81040021",
  p256: "2a8648ce3d030107",
  p384: "2b81040022",
  p521: "2b81040023",
};

/** The contents of the OBJECT IDENTIFIER of a curve. */
export function curveIdentifier({ name }: Curve): Uint8Array {
  return fromHex(CURVE_IDENTIFIERS[name]);
}

export interface EcPrivateKey {
  /** The scalar, as long as a field element; a copy for the caller to wipe. */
  readonly scalar: Uint8Array<ArrayBuffer>;
  /** The point that the key brings along; a copy. */
  readonly point?: Uint8Array;
}

/** The DER of ECPrivateKey for `curve`. Throws {@linkcode DerError}. */
export function parseEcPrivateKey(der: Uint8Array, curve: Curve): EcPrivateKey {
  const outer = new DerReader(der);
  const fields = outer.enter(DerTag.Sequence);
  outer.expectEnd();
  if (fields.unsigned() !== 1n) {
    throw new DerError("EC private key that is not of version 1");
  }
  const scalar = fields.contents(DerTag.OctetString);
  // RFC 5915 §3; for these curves the order is as long as a field element.
  if (scalar.length !== curve.fieldBytes) {
    throw new DerError(
      `${curve.name} private key of ${scalar.length} bytes, expected ${curve.fieldBytes}`,
    );
  }
  readParameters(fields, curve);
  const point = readPublicKey(fields, curve);
  fields.expectEnd();
  return { scalar: copyKey(scalar), ...(point && { point }) };
}

function readParameters(fields: DerReader, curve: Curve): void {
  if (!fields.isNext(DerTag.Context0)) return;
  const parameters = fields.enter(DerTag.Context0);
  const identifier = toHex(parameters.contents(DerTag.ObjectIdentifier));
  parameters.expectEnd();
  if (identifier !== CURVE_IDENTIFIERS[curve.name]) {
    throw new DerError(`EC private key of another curve than ${curve.name}`);
  }
}

function readPublicKey(
  fields: DerReader,
  curve: Curve,
): Uint8Array | undefined {
  if (!fields.isNext(DerTag.Context1)) return undefined;
  const publicKey = fields.enter(DerTag.Context1);
  const point = parseEcPoint(publicKey.wholeBitString(), curve);
  publicKey.expectEnd();
  return point;
}

/**
 * A point of `curve`, compressed or not, as a copy; neither the point at
 * infinity nor the hybrid form. Throws {@linkcode DerError}.
 */
export function parseEcPoint(bytes: Uint8Array, curve: Curve): Uint8Array {
  const form = bytes[0];
  const coordinates = form === 4 ? 2 : form === 2 || form === 3 ? 1 : 0;
  if (
    coordinates === 0 || bytes.length !== 1 + coordinates * curve.fieldBytes
  ) {
    throw new DerError(
      `${curve.name} point of ${bytes.length} bytes in form ${form ?? "none"}`,
    );
  }
  return bytes.slice();
}

export interface EcdsaSignature {
  readonly r: bigint;
  readonly s: bigint;
}

/** The DER of ECDSA-Sig-Value. Throws {@linkcode DerError}. */
export function decodeEcdsaSignature(der: Uint8Array): EcdsaSignature {
  const outer = new DerReader(der);
  const fields = outer.enter(DerTag.Sequence);
  outer.expectEnd();
  const signature = { r: fields.unsigned(), s: fields.unsigned() };
  fields.expectEnd();
  return signature;
}

export function encodeEcdsaSignature(signature: EcdsaSignature): Uint8Array {
  return encodeSequence(
    encodeUnsigned(signature.r),
    encodeUnsigned(signature.s),
  );
}
