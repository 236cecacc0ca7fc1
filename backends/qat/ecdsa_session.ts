/**
 * ECDSA sessions (FIPS 186-5 §6.4): signatures over a digest, in DER. The
 * hardware takes the secret number k from us: each try gets a fresh one.
 *
 * @module
 */

import { bytesToNumber, numberToBytes } from "../../algorithms/der.ts";
import {
  decodeEcdsaSignature,
  type EcdsaSignature,
  encodeEcdsaSignature,
  parseEcPoint,
  parseEcPrivateKey,
} from "../../algorithms/ec_key.ts";
import type { Curve } from "../../algorithms/public_key.ts";
import type { EcdsaSession } from "../../algorithms/session_description.ts";
import { LIBCRYPTO_SONAME, openLibcrypto } from "../../ffi/libcrypto.ts";
import { writeFlatBuffer } from "../../ffi/qat.ts";
import {
  CPA,
  CpaCyEcdsaSignRSOpData as SIGN,
  CpaCyEcdsaVerifyOpData as VERIFY,
} from "../../ffi/qat_layout.ts";
import type { Segments } from "../../memory/segments.ts";
import { type Operation, OperationKind, OperationStatus } from "../backend.ts";
import { deliver } from "../deliver.ts";
import { longestSignatureBytes, readDigest } from "../ecdsa.ts";
import { CurveArithmetic } from "../openssl/curve_arithmetic.ts";
import { dataOf } from "./cipher_session.ts";
import { type CurveNumbers, curveNumbers } from "./curves.ts";
import { KeyBlock } from "./key_block.ts";
import { isBelow } from "./rsa_session.ts";
import { type QatSession, type SessionContext, SETTLED } from "./session.ts";
import { endWithout, type Slot } from "./slots.ts";

/** Numbers in a slot's data; each has room for the longest field element. */
const NUMBER_ROOM_BYTES = 128;
const enum Place {
  Digest = 0,
  R = 1,
  S = 2,
  K = 3,
}
const DATA_BYTES = 4 * NUMBER_ROOM_BYTES;

/** Numbers of the session in its block: the curve's, then the key's. */
const CURVE_NUMBERS = 6;
const PRIVATE_NUMBER = 6;
const PUBLIC_X = 7;
const PUBLIC_Y = 8;
const NUMBERS = 9;

interface EcKey {
  /** Absent for a public key; a copy to be wiped. */
  readonly scalar?: Uint8Array;
  readonly x: Uint8Array;
  readonly y: Uint8Array;
}

class QatEcdsaSession implements QatSession {
  readonly ring = "public-key";
  readonly #thread: SessionContext;
  readonly #numbers: CurveNumbers;
  readonly #fieldBytes: number;
  readonly #block: KeyBlock;
  readonly #isPrivate: boolean;

  constructor(thread: SessionContext, description: EcdsaSession) {
    this.#thread = thread;
    this.#numbers = curveNumbers(description.curve);
    const { curve, parameters } = this.#numbers;
    this.#fieldBytes = curve.fieldBytes;
    const key = readKey(description, this.#numbers);
    this.#isPrivate = key.scalar !== undefined;
    try {
      this.#block = new KeyBlock(thread.usdm, NUMBERS * NUMBER_ROOM_BYTES);
      parameters.forEach((number, i) => this.#write(i, number));
      if (key.scalar) this.#write(PRIVATE_NUMBER, key.scalar);
    } finally {
      key.scalar?.fill(0);
    }
    this.#write(PUBLIC_X, key.x);
    this.#write(PUBLIC_Y, key.y);
  }

  #write(index: number, number: Uint8Array): void {
    this.#block.bytes.set(number, index * NUMBER_ROOM_BYTES);
  }

  admit(operation: Operation): number {
    const status = this.#refusal(operation);
    if (status === undefined) return DATA_BYTES;
    endWithout(operation, status);
    return SETTLED;
  }

  #refusal({ kind, source }: Operation): OperationStatus | undefined {
    if (kind === OperationKind.Sign) {
      return this.#isPrivate ? undefined : OperationStatus.Unsupported;
    }
    if (kind !== OperationKind.Verify) return OperationStatus.Unsupported;
    return source.totalBytes > longestSignatureBytes(this.#fieldBytes)
      ? OperationStatus.KeyRejected
      : undefined;
  }

  fill(operation: Operation, slot: Slot): OperationStatus {
    const isSigning = operation.kind === OperationKind.Sign;
    const { source, additionalData } = operation;
    const digest = digestNumber(
      isSigning ? source : additionalData,
      this.#numbers,
    );
    const status = isSigning
      ? this.#fillSigning(slot)
      : this.#fillVerification(operation, slot);
    if (status !== OperationStatus.Pending) return status;
    // A digest of zero is not for the hardware to refuse.
    if (digest === 0n) return OperationStatus.Elsewhere;
    this.#place(slot, Place.Digest).set(
      numberToBytes(digest, this.#fieldBytes),
    );
    return OperationStatus.Pending;
  }

  #place(slot: Slot, place: Place): Uint8Array {
    return dataOf(slot, place * NUMBER_ROOM_BYTES, this.#fieldBytes);
  }

  #fillSigning(slot: Slot): OperationStatus {
    this.#fillCurve(slot);
    this.#pointTo(slot, SIGN.k, Place.K);
    this.#pointTo(slot, SIGN.m, Place.Digest);
    this.#pointToKey(slot, SIGN.d, PRIVATE_NUMBER);
    this.#setFieldType(slot, SIGN.fieldType);
    const { view, address, dataAt } = slot;
    const data = address + dataAt;
    writeFlatBuffer(
      view,
      slot.firstResultAt,
      data + Place.R * NUMBER_ROOM_BYTES,
      this.#fieldBytes,
    );
    writeFlatBuffer(
      view,
      slot.secondResultAt,
      data + Place.S * NUMBER_ROOM_BYTES,
      this.#fieldBytes,
    );
    this.#choose(this.#place(slot, Place.K));
    return OperationStatus.Pending;
  }

  /** FIPS 186-5 §A.3.2: a random number from 1 to n - 1, by rejection. */
  #choose(k: Uint8Array): void {
    const { orderBytes, orderBits } = this.#numbers;
    const random = new Uint8Array(k.length);
    do {
      crypto.getRandomValues(random);
      random[0]! &= 0xff >> (8 * k.length - orderBits);
    } while (
      !isBelow(random, orderBytes) || random.every((byte) => byte === 0)
    );
    k.set(random);
    random.fill(0);
  }

  #fillVerification(operation: Operation, slot: Slot): OperationStatus {
    const signature = this.#readSignature(operation.source);
    if (!signature) return OperationStatus.KeyRejected;
    this.#fillCurve(slot);
    this.#pointTo(slot, VERIFY.m, Place.Digest);
    this.#pointTo(slot, VERIFY.r, Place.R);
    this.#pointTo(slot, VERIFY.s, Place.S);
    this.#pointToKey(slot, VERIFY.xp, PUBLIC_X);
    this.#pointToKey(slot, VERIFY.yp, PUBLIC_Y);
    this.#setFieldType(slot, VERIFY.fieldType);
    const { r, s } = signature;
    this.#place(slot, Place.R).set(numberToBytes(r, this.#fieldBytes));
    this.#place(slot, Place.S).set(numberToBytes(s, this.#fieldBytes));
    return OperationStatus.Pending;
  }

  /** FIPS 186-5 §6.4.2 step 1: both numbers lie between 0 and n. */
  #readSignature(source: Segments): EcdsaSignature | undefined {
    const { order } = this.#numbers;
    try {
      const { r, s } = decodeEcdsaSignature(source.copy());
      return r > 0n && r < order && s > 0n && s < order ? { r, s } : undefined;
    } catch {
      return undefined;
    }
  }

  /** The curve's numbers come first in both kinds of operation data. */
  #fillCurve(slot: Slot): void {
    for (let i = 0; i < CURVE_NUMBERS; i++) this.#pointToKey(slot, i * 16, i);
  }

  #pointToKey(slot: Slot, field: number, index: number): void {
    writeFlatBuffer(
      slot.view,
      slot.opDataAt + field,
      this.#block.address + index * NUMBER_ROOM_BYTES,
      this.#fieldBytes,
    );
  }

  #pointTo(slot: Slot, field: number, place: Place): void {
    writeFlatBuffer(
      slot.view,
      slot.opDataAt + field,
      slot.address + slot.dataAt + place * NUMBER_ROOM_BYTES,
      this.#fieldBytes,
    );
  }

  #setFieldType({ view, opDataAt }: Slot, field: number): void {
    view.setUint32(opDataAt + field, CPA.CPA_CY_EC_FIELD_TYPE_PRIME, true);
  }

  submit(slot: Slot): number {
    const { symbols, publicKey, callback } = this.#thread;
    const { tag, opData, pkeStatus, firstResult, secondResult } = slot;
    const status = slot.operation!.kind === OperationKind.Sign
      ? symbols.cpaCyEcdsaSignRS(
        publicKey,
        callback,
        tag,
        opData,
        pkeStatus,
        firstResult,
        secondResult,
      )
      : symbols.cpaCyEcdsaVerify(publicKey, callback, tag, opData, pkeStatus);
    this.#block.submitted(status);
    return status;
  }

  finish(operation: Operation, slot: Slot): OperationStatus {
    this.#block.over();
    operation.writtenBytes = 0;
    if (operation.kind === OperationKind.Verify) {
      return slot.isPkeResult
        ? OperationStatus.Ok
        : OperationStatus.KeyRejected;
    }
    this.#place(slot, Place.K).fill(0);
    // FIPS 186-5 §6.4.1 steps 9 and 10: r or s was 0, so another k.
    if (!slot.isPkeResult) return OperationStatus.Pending;
    const signature = encodeEcdsaSignature({
      r: bytesToNumber(this.#place(slot, Place.R)),
      s: bytesToNumber(this.#place(slot, Place.S)),
    });
    return deliver(signature, operation);
  }

  dropped(): void {
    this.#block.over();
  }

  close(): void {
    this.#block.close();
  }
}

/** A key whose point lies on the curve; throws for any other. */
function readKey(
  { keyType, key }: EcdsaSession,
  { curve, points }: CurveNumbers,
): EcKey {
  if (keyType === "public") {
    const point = points.fromBytes(parseEcPoint(key, curve));
    return coordinates(point.toBytes(false));
  }
  const { scalar, point } = parseEcPrivateKey(key, curve);
  try {
    return { scalar, ...coordinates(publicPoint(scalar, point, curve)) };
  } catch (error) {
    scalar.fill(0);
    throw error;
  }
}

/** libqat needs libcrypto itself, so that it is there. */
function publicPoint(
  scalar: Uint8Array<ArrayBuffer>,
  given: Uint8Array | undefined,
  curve: Curve,
): Uint8Array {
  const { symbols, close } = openLibcrypto(LIBCRYPTO_SONAME);
  try {
    using arithmetic = new CurveArithmetic({ symbols, context: null }, curve);
    return arithmetic.publicPoint(scalar, given);
  } finally {
    symbols.ERR_clear_error();
    close();
  }
}

/** The halves of an uncompressed point behind its first byte. */
function coordinates(point: Uint8Array): { x: Uint8Array; y: Uint8Array } {
  const middle = (point.length + 1) / 2;
  return { x: point.subarray(1, middle), y: point.subarray(middle) };
}

/** FIPS 186-5 §6.4.1 step 2: as many leftmost bits as the order has. */
function digestNumber(
  segments: Segments,
  { curve, orderBits, order }: CurveNumbers,
): bigint {
  const bytes = readDigest(segments, curve.fieldBytes);
  const excess = Math.max(0, 8 * bytes.length - orderBits);
  return (bytesToNumber(bytes) >> BigInt(excess)) % order;
}

export function openEcdsaSession(
  thread: SessionContext,
  description: EcdsaSession,
): QatSession {
  return new QatEcdsaSession(thread, description);
}
