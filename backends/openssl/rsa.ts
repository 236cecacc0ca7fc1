/**
 * The bare RSA operations of libcrypto.
 *
 * @module
 */

import type { RsaSession } from "../../algorithms/session_description.ts";
import type { Handle } from "../../ffi/libcrypto.ts";
import type { Bytes } from "../primitives/primitives.ts";
import type { BareRsa } from "../padded_rsa.ts";
import { sizeArgument } from "../primitives/size_argument.ts";
import { type CryptoLibrary, present, succeed } from "./library.ts";
import { loadRsaKey } from "./native_keys.ts";

const RSA_NO_PADDING = 3;

/** The bare RSA operations of one key. */
export class OpensslRsa implements BareRsa {
  readonly modulusBytes: number;
  readonly #library: CryptoLibrary;
  readonly #public: Handle;
  /** Absent for a public key. */
  readonly #private: Handle | undefined;
  readonly #written = new BigUint64Array(new ArrayBuffer(8));

  constructor(
    library: CryptoLibrary,
    description: Pick<RsaSession, "key" | "keyType">,
  ) {
    const { symbols } = library;
    const { key, modulusBytes, isProven } = loadRsaKey(library, description);
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
    if (!isProven && !this.#isPair()) {
      this.close();
      library.clearErrors();
      throw new Error("RSA private key that does not undo its public key");
    }
  }

  /** Whether a number survives both operations, as RFC 8017 §3.2 has it. */
  #isPair(): boolean {
    const [number, hidden, shown] = Array.from(
      { length: 3 },
      () => new Uint8Array(new ArrayBuffer(this.modulusBytes)),
    ) as [Bytes, Bytes, Bytes];
    crypto.getRandomValues(number.subarray(1));
    return this.publicOperation(number, hidden) &&
      this.privateOperation(hidden, shown) &&
      shown.every((byte, i) => byte === number[i]);
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
