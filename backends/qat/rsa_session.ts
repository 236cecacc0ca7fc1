/**
 * RSA sessions. The hardware does the bare operations (RFC 8017 §5.1); paddings
 * are those of `algorithms/rsa_padding.ts`.
 *
 * @module
 */

import { numberToBytes } from "../../algorithms/der.ts";
import type { RsaHash } from "../../algorithms/public_key.ts";
import {
  parseRsaPrivateKey,
  parseRsaPublicKey,
  type RsaPrivateKey,
  type RsaPublicKey,
} from "../../algorithms/rsa_key.ts";
import {
  padForEncryption,
  padForSignature,
  rsaHashByName,
  signatureMatches,
  unpadEncryption,
} from "../../algorithms/rsa_padding.ts";
import type { RsaSession } from "../../algorithms/session_description.ts";
import { writeAddress, writeFlatBuffer } from "../../ffi/qat.ts";
import {
  CPA,
  CpaCyRsaDecryptOpData,
  CpaCyRsaEncryptOpData,
  CpaCyRsaPrivateKey as PRIVATE,
  CpaCyRsaPublicKey as PUBLIC,
} from "../../ffi/qat_layout.ts";
import type { Segments } from "../../memory/segments.ts";
import { type Operation, OperationKind, OperationStatus } from "../backend.ts";
import { deliver } from "../deliver.ts";
import { dataOf } from "./cipher_session.ts";
import { ElsewhereSession } from "./elsewhere_session.ts";
import { KeyBlock } from "./key_block.ts";
import { type QatSession, type SessionContext, SETTLED } from "./session.ts";
import { endWithout, type Slot } from "./slots.ts";

/** The operand and the result in a slot's data. */
const INPUT = 0;
const OUTPUT = 1024;
const DATA_BYTES = 2048;

/** Moduli that the hardware takes; the short ones only in some builds. */
const MODULUS_BYTES = [64, 128, 192, 256, 384, 512, 1024];

/** Where the parts of a key lie in a session's block. */
const PUBLIC_KEY = 0;
const PRIVATE_KEY = 64;
const NUMBERS = 256;

class QatRsaSession implements QatSession {
  readonly ring = "public-key";
  readonly #thread: SessionContext;
  readonly #key: KeyBlock;
  readonly #modulus: Uint8Array;
  readonly #modulusBytes: number;
  readonly #isPrivate: boolean;
  /** Absent for RAW. */
  readonly #hash: RsaHash | undefined;

  constructor(
    thread: SessionContext,
    description: RsaSession,
    key: RsaPublicKey | RsaPrivateKey,
  ) {
    this.#thread = thread;
    this.#modulusBytes = key.modulusBytes;
    this.#modulus = numberToBytes(key.modulus, key.modulusBytes);
    this.#isPrivate = "prime1" in key;
    if (description.padding === "pkcs1") {
      this.#hash = rsaHashByName(description.hash);
    }
    this.#key = new KeyBlock(thread.usdm, NUMBERS + 5 * key.modulusBytes);
    writePublicKey(this.#key, key);
    if ("prime1" in key) writePrivateKey(this.#key, key);
  }

  admit(operation: Operation): number {
    const status = this.#refusal(operation);
    if (status === undefined) return DATA_BYTES;
    endWithout(operation, status);
    return SETTLED;
  }

  /** What can be said without the numbers themselves. */
  #refusal(operation: Operation): OperationStatus | undefined {
    const { kind, source, additionalData, destination } = operation;
    const isLong = source.totalBytes > this.#modulusBytes;
    const hasRoom = destination.totalBytes >= this.#modulusBytes;
    switch (kind) {
      case OperationKind.Encrypt:
        return isLong || !hasRoom ? OperationStatus.Failed : undefined;
      case OperationKind.Decrypt:
        if (!this.#isPrivate) return OperationStatus.Unsupported;
        // RFC 8017 §7.2.2 step 1: a padded ciphertext is that long.
        if (this.#hash && source.totalBytes !== this.#modulusBytes) {
          return OperationStatus.Failed;
        }
        return isLong || (!this.#hash && !hasRoom)
          ? OperationStatus.Failed
          : undefined;
      case OperationKind.Sign:
        if (!this.#isPrivate || !this.#hash) return OperationStatus.Unsupported;
        return isLong || !hasRoom ? OperationStatus.Failed : undefined;
      case OperationKind.Verify:
        if (!this.#hash) return OperationStatus.Unsupported;
        return source.totalBytes !== this.#modulusBytes ||
            additionalData.totalBytes > this.#modulusBytes
          ? OperationStatus.KeyRejected
          : undefined;
      default:
        return OperationStatus.Unsupported;
    }
  }

  fill(operation: Operation, slot: Slot): OperationStatus {
    const { kind } = operation;
    const input = dataOf(slot, INPUT, this.#modulusBytes);
    if (!this.#fillInput(operation, input)) {
      input.fill(0);
      return kind === OperationKind.Verify
        ? OperationStatus.KeyRejected
        : OperationStatus.Failed;
    }
    this.#fillSlot(
      slot,
      kind === OperationKind.Decrypt || kind === OperationKind.Sign,
    );
    return OperationStatus.Pending;
  }

  /** Whether there is a number below the modulus to work on. */
  #fillInput({ kind, source }: Operation, input: Uint8Array): boolean {
    if (this.#hash && kind === OperationKind.Encrypt) {
      return padForEncryption(source.copy(), input);
    }
    if (this.#hash && kind === OperationKind.Sign) {
      return padForSignature(this.#hash, source.copy(), input);
    }
    readNumber(source, input);
    return isBelow(input, this.#modulus);
  }

  #fillSlot(slot: Slot, isPrivate: boolean): void {
    const { view, address, opDataAt, dataAt } = slot;
    writeAddress(
      view,
      opDataAt + CpaCyRsaEncryptOpData.pPublicKey,
      this.#key.address + (isPrivate ? PRIVATE_KEY : PUBLIC_KEY),
    );
    writeFlatBuffer(
      view,
      opDataAt + CpaCyRsaDecryptOpData.inputData,
      address + dataAt + INPUT,
      this.#modulusBytes,
    );
    writeFlatBuffer(
      view,
      slot.firstResultAt,
      address + dataAt + OUTPUT,
      this.#modulusBytes,
    );
  }

  submit(slot: Slot): number {
    const { symbols, publicKey, callback } = this.#thread;
    const { tag, opData, firstResult } = slot;
    const { kind } = slot.operation!;
    const isPrivate = kind === OperationKind.Decrypt ||
      kind === OperationKind.Sign;
    const perform = isPrivate
      ? symbols.cpaCyRsaDecrypt
      : symbols.cpaCyRsaEncrypt;
    const status = perform(publicKey, callback, tag, opData, firstResult);
    this.#key.submitted(status);
    return status;
  }

  finish(operation: Operation, slot: Slot): OperationStatus {
    this.#key.over();
    const output = dataOf(slot, OUTPUT, this.#modulusBytes);
    const status = this.#deliver(operation, output);
    output.fill(0);
    dataOf(slot, INPUT, this.#modulusBytes).fill(0);
    return status;
  }

  #deliver(operation: Operation, output: Uint8Array): OperationStatus {
    operation.writtenBytes = 0;
    const { kind, additionalData } = operation;
    if (kind === OperationKind.Verify) {
      return signatureMatches(this.#hash!, additionalData.copy(), output)
        ? OperationStatus.Ok
        : OperationStatus.KeyRejected;
    }
    if (kind !== OperationKind.Decrypt || !this.#hash) {
      return deliver(output, operation);
    }
    // The same work whatever is wrong; nothing branches on it before the end.
    const { ok, start } = unpadEncryption(output);
    const status = deliver(output.subarray(start), operation);
    if (ok) return status;
    operation.writtenBytes = 0;
    return OperationStatus.Failed;
  }

  dropped(): void {
    this.#key.over();
  }

  close(): void {
    this.#key.close();
  }
}

function writePublicKey(block: KeyBlock, key: RsaPublicKey): void {
  const { view, bytes, address } = block;
  const { modulusBytes } = key;
  const write = (field: number, at: number, value: bigint) => {
    bytes.set(numberToBytes(value, modulusBytes), at);
    writeFlatBuffer(view, PUBLIC_KEY + field, address + at, modulusBytes);
  };
  write(PUBLIC.modulusN, NUMBERS, key.modulus);
  write(PUBLIC.publicExponentE, NUMBERS + modulusBytes, key.publicExponent);
}

function writePrivateKey(block: KeyBlock, key: RsaPrivateKey): void {
  const { view, bytes, address } = block;
  const half = key.modulusBytes / 2;
  let at = NUMBERS + 2 * key.modulusBytes;
  const set = (field: number, value: number) =>
    view.setUint32(PRIVATE_KEY + field, value, true);
  const write = (field: number, value: Uint8Array) => {
    bytes.set(value, at + half - value.length);
    writeFlatBuffer(view, PRIVATE_KEY + field, address + at, half);
    at += half;
  };
  set(PRIVATE.version, CPA.CPA_CY_RSA_VERSION_TWO_PRIME);
  set(PRIVATE.privateKeyRepType, CPA.CPA_CY_RSA_PRIVATE_KEY_REP_TYPE_2);
  write(PRIVATE["privateKeyRep2.prime1P"], key.prime1);
  write(PRIVATE["privateKeyRep2.prime2Q"], key.prime2);
  write(PRIVATE["privateKeyRep2.exponent1Dp"], key.exponent1);
  write(PRIVATE["privateKeyRep2.exponent2Dq"], key.exponent2);
  write(PRIVATE["privateKeyRep2.coefficientQInv"], key.coefficient);
}

/** Fills all of `into` with a big-endian number that may be shorter. */
function readNumber(from: Segments, into: Uint8Array): void {
  const start = into.length - from.totalBytes;
  into.fill(0, 0, start);
  from.read(0, into.subarray(start));
}

/** Whether the big-endian `number` is less than `limit`, of the same length. */
export function isBelow(number: Uint8Array, limit: Uint8Array): boolean {
  let borrow = 0;
  for (let i = number.length - 1; i >= 0; i--) {
    borrow = (number[i]! - limit[i]! - borrow) >> 31 & 1;
  }
  return borrow === 1;
}

/** Whether the hardware takes a key of this form. */
function isTaken(key: RsaPublicKey | RsaPrivateKey): boolean {
  const { modulusBytes } = key;
  const fits = (value: Uint8Array) => 2 * value.length <= modulusBytes;
  return MODULUS_BYTES.includes(modulusBytes) &&
    key.modulus >> BigInt(8 * modulusBytes - 1) === 1n &&
    (!("prime1" in key) || (fits(key.prime1) && fits(key.prime2)));
}

export function openRsaSession(
  thread: SessionContext,
  description: RsaSession,
): QatSession {
  const key = description.keyType === "private"
    ? parseRsaPrivateKey(description.key)
    : parseRsaPublicKey(description.key);
  return isTaken(key)
    ? new QatRsaSession(thread, description, key)
    : new ElsewhereSession();
}
