/**
 * RSA sessions. libcrypto does the bare operations; paddings are those of
 * `algorithms/rsa_padding.ts`, because EVP of 3.0 tells a wrong padding apart.
 *
 * @module
 */

import type { RsaHash } from "../../algorithms/public_key.ts";
import {
  padForEncryption,
  padForSignature,
  rsaHashByName,
  signatureMatches,
  unpadEncryption,
} from "../../algorithms/rsa_padding.ts";
import type { RsaSession } from "../../algorithms/session_description.ts";
import type { Handle } from "../../ffi/libcrypto.ts";
import type { Segments } from "../../memory/segments.ts";
import { type Operation, OperationKind, OperationStatus } from "../backend.ts";
import {
  type CryptoLibrary,
  present,
  sizeArgument,
  succeed,
} from "./library.ts";
import { loadRsaKey } from "./native_keys.ts";
import {
  complete,
  fail,
  type OpensslSession,
  type ThreadContext,
} from "./session.ts";

const RSA_NO_PADDING = 3;

type Bytes = Uint8Array<ArrayBuffer>;

/** The bare RSA operations of one key. */
class RawRsa {
  readonly modulusBytes: number;
  readonly #library: CryptoLibrary;
  readonly #public: Handle;
  /** Absent for a public key. */
  readonly #private: Handle | undefined;
  readonly #written = new BigUint64Array(new ArrayBuffer(8));

  constructor(library: CryptoLibrary, description: RsaSession) {
    const { symbols } = library;
    const { key, modulusBytes } = loadRsaKey(library, description);
    this.#library = library;
    this.modulusBytes = modulusBytes;
    try {
      this.#public = this.#context(key, symbols.EVP_PKEY_encrypt_init);
      if (description.keyType === "private") {
        this.#private = this.#context(key, symbols.EVP_PKEY_decrypt_init);
      }
    } finally {
      // Each context holds a reference of its own.
      symbols.EVP_PKEY_free(key);
    }
  }

  #context(key: Handle, init: (context: Handle) => number): Handle {
    const { symbols } = this.#library;
    const context = present(
      symbols.EVP_PKEY_CTX_new_from_pkey(this.#library.context, key, null),
      "EVP_PKEY_CTX_new_from_pkey()",
    );
    succeed(init(context), "starting an RSA key");
    succeed(
      symbols.EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING),
      "EVP_PKEY_CTX_set_rsa_padding()",
    );
    return context;
  }

  get isPrivate(): boolean {
    return this.#private !== undefined;
  }

  /** Both are as long as the modulus; false for a number that is not below it. */
  publicOperation(input: Bytes, output: Bytes): boolean {
    this.#written[0] = sizeArgument(output.length);
    return this.#library.symbols.EVP_PKEY_encrypt(
      this.#public,
      output,
      this.#written,
      input,
      sizeArgument(input.length),
    ) === 1;
  }

  /** As `publicOperation`; blinded by libcrypto. */
  privateOperation(input: Bytes, output: Bytes): boolean {
    this.#written[0] = sizeArgument(output.length);
    return this.#library.symbols.EVP_PKEY_decrypt(
      this.#private!,
      output,
      this.#written,
      input,
      sizeArgument(input.length),
    ) === 1;
  }

  close(): void {
    const { symbols } = this.#library;
    symbols.EVP_PKEY_CTX_free(this.#public);
    if (this.#private) symbols.EVP_PKEY_CTX_free(this.#private);
  }
}

class OpensslRsaSession implements OpensslSession {
  readonly #library: CryptoLibrary;
  readonly #rsa: RawRsa;
  /** Absent for RAW. */
  readonly #hash: RsaHash | undefined;
  readonly #input: Bytes;
  readonly #output: Bytes;

  constructor({ library }: ThreadContext, description: RsaSession) {
    this.#library = library;
    if (description.padding === "pkcs1") {
      this.#hash = rsaHashByName(description.hash);
    }
    this.#rsa = new RawRsa(library, description);
    const { modulusBytes } = this.#rsa;
    this.#input = new Uint8Array(new ArrayBuffer(modulusBytes));
    this.#output = new Uint8Array(new ArrayBuffer(modulusBytes));
  }

  perform(operation: Operation): void {
    operation.writtenBytes = 0;
    const status = this.#run(operation);
    this.#input.fill(0);
    this.#output.fill(0);
    if (status === OperationStatus.Ok) {
      complete(operation, operation.writtenBytes);
    } else {
      fail(operation, this.#library, status);
    }
  }

  #run(operation: Operation): OperationStatus {
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
      ? this.#fits(source) && padForEncryption(source.copy(), this.#input)
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

/** Writes a result that fits into its destination. */
export function deliver(
  result: Uint8Array,
  operation: Operation,
): OperationStatus {
  if (operation.destination.totalBytes < result.length) {
    return OperationStatus.Failed;
  }
  operation.destination.write(0, result);
  operation.writtenBytes = result.length;
  return OperationStatus.Ok;
}

export function openRsaSession(
  thread: ThreadContext,
  description: RsaSession,
): OpensslSession {
  return new OpensslRsaSession(thread, description);
}
