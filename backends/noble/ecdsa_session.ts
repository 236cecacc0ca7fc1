/**
 * ECDSA sessions (FIPS 186-5 §6.4): signatures over a digest, in DER. Nonces are
 * deterministic (RFC 6979).
 *
 * @module
 */

import type { ECDSA } from "npm:@noble/curves@2.4.0/abstract/weierstrass.js";
import { bytesToNumber, numberToBytes } from "../../algorithms/der.ts";
import {
  decodeEcdsaSignature,
  type EcdsaSignature,
  encodeEcdsaSignature,
  parseEcPoint,
  parseEcPrivateKey,
} from "../../algorithms/ec_key.ts";
import { type Curve, CURVES } from "../../algorithms/public_key.ts";
import type { EcdsaSession } from "../../algorithms/session_description.ts";
import type { Segments } from "../../memory/segments.ts";
import { type Operation, OperationKind, OperationStatus } from "../backend.ts";
import { deliver } from "../deliver.ts";
import { longestSignatureBytes, readDigest } from "../ecdsa.ts";
import type { PrimitiveSession } from "../primitives/primitives.ts";
import { ecdsaOver } from "./curves.ts";

const COMPACT = { prehash: false, lowS: false, format: "compact" } as const;

interface KeyPair {
  readonly publicKey: Uint8Array;
  readonly scalar?: Uint8Array;
}

/** Throws for a scalar out of range or a point that does not belong to it. */
function readPrivateKey(der: Uint8Array, curve: Curve, ecdsa: ECDSA): KeyPair {
  const { scalar, point } = parseEcPrivateKey(der, curve);
  const publicKey = ecdsa.getPublicKey(scalar, false);
  if (point) {
    const own = ecdsa.Point.fromBytes(publicKey);
    if (!ecdsa.Point.fromBytes(point).equals(own)) {
      throw new Error("EC private key with a public key that is not its own");
    }
  }
  return { publicKey, scalar };
}

/** Throws for a point that is not on the curve. */
function readPublicKey(key: Uint8Array, curve: Curve, ecdsa: ECDSA): KeyPair {
  const point = ecdsa.Point.fromBytes(parseEcPoint(key, curve));
  point.assertValidity();
  return { publicKey: point.toBytes(false) };
}

export class NobleEcdsaSession implements PrimitiveSession {
  readonly #ecdsa: ECDSA;
  readonly #orderBytes: number;
  readonly #publicKey: Uint8Array;
  readonly #scalar: Uint8Array | undefined;

  constructor(description: EcdsaSession) {
    const { keyType, key } = description;
    const curve = CURVES.find(({ name }) => name === description.curve)!;
    const ecdsa = ecdsaOver(curve.name);
    const pair = keyType === "private"
      ? readPrivateKey(key, curve, ecdsa)
      : readPublicKey(key, curve, ecdsa);
    this.#ecdsa = ecdsa;
    this.#orderBytes = ecdsa.Point.Fn.BYTES;
    this.#publicKey = pair.publicKey;
    this.#scalar = pair.scalar;
  }

  perform(operation: Operation): void {
    operation.status = this.#run(operation);
  }

  #run(operation: Operation): OperationStatus {
    if (operation.kind === OperationKind.Sign) return this.#sign(operation);
    if (operation.kind === OperationKind.Verify) return this.#verify(operation);
    return OperationStatus.Unsupported;
  }

  close(): void {
    this.#scalar?.fill(0);
  }

  #sign(operation: Operation): OperationStatus {
    if (!this.#scalar) return OperationStatus.Unsupported;
    const digest = readDigest(operation.source, this.#orderBytes);
    const compact = this.#ecdsa.sign(digest, this.#scalar, COMPACT);
    const signature = encodeEcdsaSignature({
      r: bytesToNumber(compact.subarray(0, this.#orderBytes)),
      s: bytesToNumber(compact.subarray(this.#orderBytes)),
    });
    return deliver(signature, operation);
  }

  #verify(operation: Operation): OperationStatus {
    const compact = this.#readSignature(operation.source);
    if (!compact) return OperationStatus.KeyRejected;
    const digest = readDigest(operation.additionalData, this.#orderBytes);
    return this.#ecdsa.verify(compact, digest, this.#publicKey, COMPACT)
      ? OperationStatus.Ok
      : OperationStatus.KeyRejected;
  }

  /** A signature in the library's form, if it is one. */
  #readSignature(source: Segments): Uint8Array | undefined {
    const longestBytes = longestSignatureBytes(this.#orderBytes);
    if (source.totalBytes > longestBytes) return undefined;
    const signature = decodeOrUndefined(source.copy());
    const order = this.#ecdsa.Point.Fn.ORDER;
    if (!signature || signature.r >= order || signature.s >= order) {
      return undefined;
    }
    const compact = new Uint8Array(2 * this.#orderBytes);
    compact.set(numberToBytes(signature.r, this.#orderBytes));
    compact.set(numberToBytes(signature.s, this.#orderBytes), this.#orderBytes);
    return compact;
  }
}

function decodeOrUndefined(der: Uint8Array): EcdsaSignature | undefined {
  try {
    return decodeEcdsaSignature(der);
  } catch {
    return undefined;
  }
}
