/**
 * RSA sessions, bare and with the paddings of PKCS#1 v1.5.
 *
 * @module
 */

import { bytesToNumber, numberToBytes } from "../../algorithms/der.ts";
import type { RsaHash } from "../../algorithms/public_key.ts";
import {
  parseRsaPrivateKey,
  parseRsaPublicKey,
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
import type { Segments } from "../../memory/segments.ts";
import { type Operation, OperationKind, OperationStatus } from "../backend.ts";
import { PrivateOperation, publicOperation } from "./rsa.ts";
import type { NobleSession } from "./session.ts";

export class NobleRsaSession implements NobleSession {
  readonly #publicKey: RsaPublicKey;
  /** Absent for a public key. */
  #private: PrivateOperation | undefined;
  /** Absent for RAW. */
  readonly #hash: RsaHash | undefined;

  constructor(description: RsaSession) {
    if (description.keyType === "private") {
      const key = parseRsaPrivateKey(description.key);
      this.#publicKey = key;
      this.#private = new PrivateOperation(key);
    } else {
      this.#publicKey = parseRsaPublicKey(description.key);
    }
    if (description.padding === "pkcs1") {
      this.#hash = rsaHashByName(description.hash);
    }
  }

  run(operation: Operation): OperationStatus {
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

  wipe(): void {
    this.#private = undefined;
  }

  #encrypt(operation: Operation): OperationStatus {
    const data = this.#read(operation.source);
    if (!data) return OperationStatus.Failed;
    let encoded = data;
    if (this.#hash) {
      encoded = new Uint8Array(this.#publicKey.modulusBytes);
      if (!padForEncryption(data, encoded)) return OperationStatus.Failed;
    }
    const value = bytesToNumber(encoded);
    encoded.fill(0);
    if (value >= this.#publicKey.modulus) return OperationStatus.Failed;
    return this.#deliver(publicOperation(this.#publicKey, value), operation);
  }

  /**
   * Every way in which a ciphertext can be wrong ends in the same status, and
   * what follows the private operation does not branch on its padding before.
   */
  #decrypt(operation: Operation): OperationStatus {
    if (!this.#private) return OperationStatus.Unsupported;
    const result = this.#recover(operation.source);
    if (!result) return OperationStatus.Failed;
    const { ok, start } = this.#hash
      ? unpadEncryption(result)
      : { ok: true, start: 0 };
    const message = result.subarray(start);
    const fits = message.length <= operation.destination.totalBytes;
    if (ok && fits) {
      operation.destination.write(0, message);
      operation.writtenBytes = message.length;
    }
    result.fill(0);
    return ok && fits ? OperationStatus.Ok : OperationStatus.Failed;
  }

  /** The private operation on a ciphertext, as long as the modulus. */
  #recover(source: Segments): Uint8Array | undefined {
    const { modulus, modulusBytes } = this.#publicKey;
    const data = this.#read(source);
    // RFC 8017 §7.2.2 step 1: a padded ciphertext has exactly k bytes.
    if (!data || (this.#hash && data.length !== modulusBytes)) return undefined;
    const value = bytesToNumber(data);
    if (value >= modulus) return undefined;
    const result = this.#private?.run(value);
    return result === undefined
      ? undefined
      : numberToBytes(result, modulusBytes);
  }

  #sign(operation: Operation): OperationStatus {
    if (!this.#private || !this.#hash) return OperationStatus.Unsupported;
    const digest = this.#read(operation.source);
    const encoded = new Uint8Array(this.#publicKey.modulusBytes);
    if (!digest || !padForSignature(this.#hash, digest, encoded)) {
      return OperationStatus.Failed;
    }
    const signature = this.#private.run(bytesToNumber(encoded));
    return signature === undefined
      ? OperationStatus.Failed
      : this.#deliver(signature, operation);
  }

  /** RFC 8017 §8.2.2. */
  #verify(operation: Operation): OperationStatus {
    if (!this.#hash) return OperationStatus.Unsupported;
    const { modulus, modulusBytes } = this.#publicKey;
    const signature = this.#read(operation.source);
    const digest = this.#read(operation.additionalData);
    if (!digest || signature?.length !== modulusBytes) {
      return OperationStatus.KeyRejected;
    }
    const value = bytesToNumber(signature);
    if (value >= modulus) return OperationStatus.KeyRejected;
    const recovered = numberToBytes(
      publicOperation(this.#publicKey, value),
      modulusBytes,
    );
    return signatureMatches(this.#hash, digest, recovered)
      ? OperationStatus.Ok
      : OperationStatus.KeyRejected;
  }

  /** A private copy of data that is not longer than the modulus. */
  #read(segments: Segments): Uint8Array<ArrayBuffer> | undefined {
    return segments.totalBytes > this.#publicKey.modulusBytes
      ? undefined
      : segments.copy();
  }

  /** Writes a result, as long as the modulus. */
  #deliver(result: bigint, operation: Operation): OperationStatus {
    const { modulusBytes } = this.#publicKey;
    if (operation.destination.totalBytes < modulusBytes) {
      return OperationStatus.Failed;
    }
    operation.destination.write(0, numberToBytes(result, modulusBytes));
    operation.writtenBytes = modulusBytes;
    return OperationStatus.Ok;
  }
}
