/**
 * ECDSA sessions (FIPS 186-5 §6.4) on a token, which takes digests and gives r
 * and s side by side.
 *
 * @module
 */

import {
  curveIdentifier,
  decodeEcdsaSignature,
  encodeEcdsaSignature,
  parseEcPoint,
  parseEcPrivateKey,
} from "../../algorithms/ec_key.ts";
import {
  bytesToNumber,
  DerError,
  DerTag,
  encodeElement,
  numberToBytes,
} from "../../algorithms/der.ts";
import { stubPart } from "../../algorithms/key_stub.ts";
import { type Curve, CURVES } from "../../algorithms/public_key.ts";
import type { EcdsaSession } from "../../algorithms/session_description.ts";
import { Mechanism } from "../../ffi/pkcs11_layout.ts";
import type { Segments } from "../../memory/segments.ts";
import { type Operation, OperationKind, OperationStatus } from "../backend.ts";
import { deliver } from "../deliver.ts";
import { longestSignatureBytes, readDigest } from "../ecdsa.ts";
import { ecdsaOver } from "../noble/curves.ts";
import {
  CKA_CLASS,
  CKA_EC_PARAMS,
  CKA_EC_POINT,
  CKA_KEY_TYPE,
  CKA_PRIVATE,
  CKA_SIGN,
  CKA_TOKEN,
  CKA_VALUE,
  CKA_VERIFY,
  CKK_EC,
  CKO_PRIVATE_KEY,
  CKO_PUBLIC_KEY,
  SECRET,
} from "./keys.ts";
import { CKM_ECDSA } from "./mechanisms.ts";
import {
  type Pkcs11Session,
  type TokenThread,
  unlessRefused,
} from "./session.ts";
import { findTokenKey } from "./token_keys.ts";
import type { Bytes, TokenObject, TokenSession } from "./token_session.ts";

/** Public points are no secret, so that noble may compute with them. */
function uncompressed(point: Uint8Array, curve: Curve): Uint8Array {
  const { Point } = ecdsaOver(curve.name);
  const read = Point.fromBytes(point);
  read.assertValidity();
  return read.toBytes(false);
}

/** FIPS 186-5 §6.2.1: 0 < d < n. */
function requireInRange(scalar: Uint8Array, curve: Curve): void {
  const { ORDER } = ecdsaOver(curve.name).Point.Fn;
  const order = numberToBytes(ORDER, scalar.length);
  let below = 0;
  let bits = 0;
  for (let i = scalar.length - 1; i >= 0; i--) {
    const difference = scalar[i]! - order[i]!;
    below = difference === 0 ? below : difference >> 31;
    bits |= scalar[i]!;
  }
  if (below === 0 || bits === 0) {
    throw new DerError(`${curve.name} private key that is out of range`);
  }
}

const parametersOf = (curve: Curve) =>
  encodeElement(DerTag.ObjectIdentifier, curveIdentifier(curve));

class TokenEcKey {
  readonly #token: TokenSession;
  readonly #curve: Curve;
  readonly #mechanism = new Mechanism(CKM_ECDSA);
  readonly #public: TokenObject;
  readonly #private: TokenObject | undefined;
  /** Whether the private key was the token's before, and stays. */
  readonly #isKept: boolean;

  constructor(token: TokenSession, session: EcdsaSession) {
    const { key, keyType, tokenKey } = session;
    const curve = CURVES.find(({ name }) => name === session.curve)!;
    this.#token = token;
    this.#curve = curve;
    this.#isKept = tokenKey !== undefined;
    if (keyType === "public") {
      const point = uncompressed(parseEcPoint(key, curve), curve);
      this.#public = this.#createPublic(point);
      return;
    }
    if (tokenKey !== undefined) {
      const part = stubPart(session);
      if (part?.algorithm !== "ecdsa") throw new Error("no stub of a key");
      this.#private = findTokenKey(token, tokenKey);
      this.#public = this.#createPublic(uncompressed(part.point, curve));
      return;
    }
    const { scalar, point } = parseEcPrivateKey(key, curve);
    try {
      requireInRange(scalar, curve);
      this.#private = this.#createPrivate(scalar);
    } finally {
      scalar.fill(0);
    }
    try {
      const own = this.#ownPoint();
      if (point && !isSame(uncompressed(point, curve), own)) {
        throw new DerError("EC private key of another point than its own");
      }
      this.#public = this.#createPublic(own);
    } catch (error) {
      token.destroyObject(this.#private);
      throw error;
    }
  }

  get isPrivate(): boolean {
    return this.#private !== undefined;
  }

  #createPublic(point: Uint8Array): TokenObject {
    return this.#token.createObject([
      [CKA_CLASS, CKO_PUBLIC_KEY],
      [CKA_KEY_TYPE, CKK_EC],
      [CKA_TOKEN, false],
      [CKA_PRIVATE, false],
      [CKA_VERIFY, true],
      [CKA_EC_PARAMS, parametersOf(this.#curve)],
      [CKA_EC_POINT, encodeElement(DerTag.OctetString, point)],
    ]);
  }

  #createPrivate(scalar: Uint8Array): TokenObject {
    return this.#token.createObject([
      [CKA_CLASS, CKO_PRIVATE_KEY],
      [CKA_KEY_TYPE, CKK_EC],
      ...SECRET,
      [CKA_SIGN, true],
      [CKA_EC_PARAMS, parametersOf(this.#curve)],
      [CKA_VALUE, scalar],
    ]);
  }

  /**
   * The point of a private key, which no token tells: a signature leaves a few
   * to choose from (SEC 1 §4.1.6), and a second one decides.
   */
  #ownPoint(): Uint8Array {
    const { name } = this.#curve;
    const { Signature } = ecdsaOver(name);
    const [digest, other] = [1, 2].map((byte) =>
      new Uint8Array(new ArrayBuffer(this.#curve.fieldBytes)).fill(byte)
    ) as [Bytes, Bytes];
    const signature = Signature.fromBytes(this.sign(digest));
    const second = this.sign(other);
    for (const recovery of [0, 1, 2, 3]) {
      let point: Uint8Array;
      try {
        point = signature.addRecoveryBit(recovery).recoverPublicKey(digest)
          .toBytes(false);
      } catch {
        // Not every bit stands for a point.
        continue;
      }
      const options = { prehash: false, lowS: false };
      if (ecdsaOver(name).verify(second, other, point, options)) return point;
    }
    throw new Error("the token's signatures have no point in common");
  }

  sign(digest: Bytes): Bytes {
    const { fieldBytes } = this.#curve;
    const room = new Uint8Array(new ArrayBuffer(2 * fieldBytes));
    const written = this.#token.compute(
      "Sign",
      this.#mechanism,
      this.#private!,
      digest,
      digest.length,
      room,
    );
    if (written === room.length) return room;
    throw new Error(`the token gave a signature of ${written} bytes`);
  }

  verify(digest: Bytes, signature: Bytes): void {
    this.#token.verify(this.#mechanism, this.#public, digest, signature);
  }

  close(): void {
    this.#token.destroyObject(this.#public);
    if (this.#private && !this.#isKept) {
      this.#token.destroyObject(this.#private);
    }
  }
}

const isSame = (a: Uint8Array, b: Uint8Array) =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);

export class Pkcs11EcdsaSession implements Pkcs11Session {
  readonly #token: TokenSession;
  readonly #key: TokenEcKey;
  readonly #fieldBytes: number;

  constructor({ token }: TokenThread, description: EcdsaSession) {
    const curve = CURVES.find(({ name }) => name === description.curve)!;
    this.#token = token;
    this.#fieldBytes = curve.fieldBytes;
    this.#key = new TokenEcKey(token, description);
  }

  run(operation: Operation): OperationStatus {
    operation.writtenBytes = 0;
    switch (operation.kind) {
      case OperationKind.Sign:
        return this.#sign(operation);
      case OperationKind.Verify:
        return this.#verify(operation);
      default:
        return OperationStatus.Unsupported;
    }
  }

  #sign(operation: Operation): OperationStatus {
    if (!this.#key.isPrivate) return OperationStatus.Unsupported;
    const digest = readDigest(operation.source, this.#fieldBytes);
    const pair = unlessRefused(this.#token, () => this.#key.sign(digest));
    if (!pair) return OperationStatus.Failed;
    const r = bytesToNumber(pair.subarray(0, this.#fieldBytes));
    const s = bytesToNumber(pair.subarray(this.#fieldBytes));
    return deliver(encodeEcdsaSignature({ r, s }), operation);
  }

  #verify({ source, additionalData }: Operation): OperationStatus {
    const signature = this.#readSignature(source);
    if (!signature) return OperationStatus.KeyRejected;
    const digest = readDigest(additionalData, this.#fieldBytes);
    const verified = unlessRefused(this.#token, () => {
      this.#key.verify(digest, signature);
      return true;
    });
    return verified ? OperationStatus.Ok : OperationStatus.KeyRejected;
  }

  /** r and s side by side, or undefined for what cannot be a signature. */
  #readSignature(source: Segments): Bytes | undefined {
    const fieldBytes = this.#fieldBytes;
    if (source.totalBytes > longestSignatureBytes(fieldBytes)) return undefined;
    try {
      const { r, s } = decodeEcdsaSignature(source.copy());
      if (r >> BigInt(8 * fieldBytes) || s >> BigInt(8 * fieldBytes)) {
        return undefined;
      }
      const pair = new Uint8Array(new ArrayBuffer(2 * fieldBytes));
      pair.set(numberToBytes(r, fieldBytes));
      pair.set(numberToBytes(s, fieldBytes), fieldBytes);
      return pair;
    } catch (error) {
      if (error instanceof DerError) return undefined;
      throw error;
    }
  }

  close(): void {
    this.#key.close();
  }
}
