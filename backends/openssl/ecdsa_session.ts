/**
 * ECDSA sessions (FIPS 186-5 §6.4): signatures over a digest, in DER.
 *
 * @module
 */

import { CURVES } from "../../algorithms/public_key.ts";
import type { EcdsaSession } from "../../algorithms/session_description.ts";
import type { Handle } from "../../ffi/libcrypto.ts";
import { type Operation, OperationKind, OperationStatus } from "../backend.ts";
import { deliver } from "../deliver.ts";
import { longestSignatureBytes, readDigest } from "../ecdsa.ts";
import type { PrimitiveSession } from "../primitives/primitives.ts";
import { complete, fail } from "../primitives/session.ts";
import { sizeArgument } from "../primitives/size_argument.ts";
import { type CryptoLibrary, present, succeed } from "./library.ts";
import { loadEcKey } from "./native_keys.ts";

export class OpensslEcdsaSession implements PrimitiveSession {
  readonly #library: CryptoLibrary;
  readonly #verifier: Handle;
  /** Absent for a public key. */
  readonly #signer: Handle | undefined;
  readonly #fieldBytes: number;
  readonly #longestBytes: number;
  readonly #written = new BigUint64Array(new ArrayBuffer(8));

  constructor(library: CryptoLibrary, description: EcdsaSession) {
    const { symbols } = library;
    const curve = CURVES.find(({ name }) => name === description.curve)!;
    this.#library = library;
    this.#fieldBytes = curve.fieldBytes;
    this.#longestBytes = longestSignatureBytes(curve.fieldBytes);
    const key = loadEcKey(library, description);
    try {
      this.#verifier = this.#context(key, symbols.EVP_PKEY_verify_init);
      if (description.keyType === "private") {
        this.#signer = this.#context(key, symbols.EVP_PKEY_sign_init);
      }
    } finally {
      // Each context holds a reference of its own.
      symbols.EVP_PKEY_free(key);
    }
  }

  #context(key: Handle, init: (context: Handle) => number): Handle {
    const context = present(
      this.#library.symbols.EVP_PKEY_CTX_new_from_pkey(
        this.#library.context,
        key,
        null,
      ),
      "EVP_PKEY_CTX_new_from_pkey()",
    );
    succeed(init(context), "starting an EC key");
    return context;
  }

  perform(operation: Operation): void {
    operation.writtenBytes = 0;
    const status = operation.kind === OperationKind.Sign
      ? this.#sign(operation)
      : operation.kind === OperationKind.Verify
      ? this.#verify(operation)
      : OperationStatus.Unsupported;
    if (status === OperationStatus.Ok) {
      complete(operation, operation.writtenBytes);
    } else {
      fail(operation, this.#library, status);
    }
  }

  #sign(operation: Operation): OperationStatus {
    if (!this.#signer) return OperationStatus.Unsupported;
    const digest = readDigest(operation.source, this.#fieldBytes);
    const signature = new Uint8Array(new ArrayBuffer(this.#longestBytes));
    this.#written[0] = sizeArgument(signature.length);
    const signed = this.#library.symbols.EVP_PKEY_sign(
      this.#signer,
      signature,
      this.#written,
      digest,
      sizeArgument(digest.length),
    );
    return signed === 1
      ? deliver(signature.subarray(0, Number(this.#written[0])), operation)
      : OperationStatus.Failed;
  }

  #verify(operation: Operation): OperationStatus {
    const { source } = operation;
    if (source.totalBytes === 0 || source.totalBytes > this.#longestBytes) {
      return OperationStatus.KeyRejected;
    }
    const signature = source.copy();
    const digest = readDigest(operation.additionalData, this.#fieldBytes);
    return this.#library.symbols.EVP_PKEY_verify(
        this.#verifier,
        signature,
        sizeArgument(signature.length),
        digest,
        sizeArgument(digest.length),
      ) === 1
      ? OperationStatus.Ok
      : OperationStatus.KeyRejected;
  }

  close(): void {
    this.#library.symbols.EVP_PKEY_CTX_free(this.#verifier);
    if (this.#signer) this.#library.symbols.EVP_PKEY_CTX_free(this.#signer);
  }
}
