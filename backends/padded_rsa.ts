/**
 * RSA sessions over the bare operations of some library. Paddings are those of
 * `algorithms/rsa_padding.ts`, because libraries tell a wrong padding apart.
 *
 * @module
 */

import type { RsaHash } from "../algorithms/public_key.ts";
import {
  padForEncryption,
  padForSignature,
  rsaHashByName,
  signatureMatches,
  unpadEncryption,
} from "../algorithms/rsa_padding.ts";
import type { RsaSession } from "../algorithms/session_description.ts";
import type { Segments } from "../memory/segments.ts";
import { type Operation, OperationKind, OperationStatus } from "./backend.ts";
import { deliver } from "./deliver.ts";

/**
 * The bare RSA operations of one key. Input and output are as long as the
 * modulus; false for a number that is not below it.
 */
export interface BareRsa {
  readonly modulusBytes: number;
  readonly isPrivate: boolean;
  publicOperation(
    input: Uint8Array<ArrayBuffer>,
    output: Uint8Array<ArrayBuffer>,
  ): boolean;
  /** Only where `isPrivate`. */
  privateOperation(
    input: Uint8Array<ArrayBuffer>,
    output: Uint8Array<ArrayBuffer>,
  ): boolean;
  close(): void;
}

/** What an RSA session does with each operation, whoever computes. */
export class PaddedRsa {
  readonly #rsa: BareRsa;
  /** Absent for RAW. */
  readonly #hash: RsaHash | undefined;
  readonly #input: Uint8Array<ArrayBuffer>;
  readonly #output: Uint8Array<ArrayBuffer>;

  constructor(rsa: BareRsa, description: RsaSession) {
    if (description.padding === "pkcs1") {
      this.#hash = rsaHashByName(description.hash);
    }
    this.#rsa = rsa;
    this.#input = new Uint8Array(new ArrayBuffer(rsa.modulusBytes));
    this.#output = new Uint8Array(new ArrayBuffer(rsa.modulusBytes));
  }

  /** Runs `operation`; sets its `writtenBytes`, 0 unless it returns Ok. */
  run(operation: Operation): OperationStatus {
    operation.writtenBytes = 0;
    const status = this.#dispatch(operation);
    this.#input.fill(0);
    this.#output.fill(0);
    if (status !== OperationStatus.Ok) operation.writtenBytes = 0;
    return status;
  }

  #dispatch(operation: Operation): OperationStatus {
    switch (operation.kind) {
      case OperationKind.Encrypt:
        return this.#encrypt(operation);
      case OperationKind.Decrypt:
        return this.#decrypt(operation);
      case OperationKind.Sign:
        return this.#sign(operation);
      case OperationKind.Verify:
        return this.#verify(operation);
      default:
        return OperationStatus.Unsupported;
    }
  }

  #encrypt(operation: Operation): OperationStatus {
    const { source } = operation;
    const prepared = this.#hash
      ? this.#fits(source) && this.#pad(source)
      : this.#readNumber(source);
    if (!prepared || !this.#rsa.publicOperation(this.#input, this.#output)) {
      return OperationStatus.Failed;
    }
    return deliver(this.#output, operation);
  }

  /**
   * Whatever is wrong with a padding, the same work is done and the same status
   * given; nothing branches on it before the end.
   */
  #decrypt(operation: Operation): OperationStatus {
    const { source } = operation;
    if (!this.#rsa.isPrivate) return OperationStatus.Unsupported;
    // RFC 8017 §7.2.2 step 1: a padded ciphertext is as long as the modulus.
    if (this.#hash && source.totalBytes !== this.#input.length) {
      return OperationStatus.Failed;
    }
    if (
      !this.#readNumber(source) ||
      !this.#rsa.privateOperation(this.#input, this.#output)
    ) return OperationStatus.Failed;
    if (!this.#hash) return deliver(this.#output, operation);
    const { ok, start } = unpadEncryption(this.#output);
    const status = deliver(this.#output.subarray(start), operation);
    return ok ? status : OperationStatus.Failed;
  }

  #sign(operation: Operation): OperationStatus {
    if (!this.#rsa.isPrivate || !this.#hash) return OperationStatus.Unsupported;
    const { source } = operation;
    return this.#fits(source) &&
        padForSignature(this.#hash, source.copy(), this.#input) &&
        this.#rsa.privateOperation(this.#input, this.#output)
      ? deliver(this.#output, operation)
      : OperationStatus.Failed;
  }

  /** RFC 8017 §8.2.2. */
  #verify(operation: Operation): OperationStatus {
    if (!this.#hash) return OperationStatus.Unsupported;
    const { source, additionalData } = operation;
    return source.totalBytes === this.#input.length &&
        this.#fits(additionalData) && this.#readNumber(source) &&
        this.#rsa.publicOperation(this.#input, this.#output) &&
        signatureMatches(this.#hash, additionalData.copy(), this.#output)
      ? OperationStatus.Ok
      : OperationStatus.KeyRejected;
  }

  #fits(segments: Segments): boolean {
    return segments.totalBytes <= this.#input.length;
  }

  /** Fills the input with a padded message, of which no other copy stays. */
  #pad(source: Segments): boolean {
    const message = source.copy();
    const fits = padForEncryption(message, this.#input);
    message.fill(0);
    return fits;
  }

  /** Fills the input with a number that may be shorter than the modulus. */
  #readNumber(segments: Segments): boolean {
    if (!this.#fits(segments)) return false;
    const start = this.#input.length - segments.totalBytes;
    this.#input.fill(0, 0, start);
    segments.read(0, this.#input.subarray(start));
    return true;
  }

  close(): void {
    this.#rsa.close();
  }
}
