/**
 * AES in the token, over contiguous memory of the thread's own.
 *
 * @module
 */

import { CounterParameter, Mechanism } from "../../ffi/pkcs11_layout.ts";
import { createAesKey } from "./keys.ts";
import { CIPHER_MECHANISMS, CKM_AES_CTR } from "./mechanisms.ts";
import type { Bytes, TokenObject, TokenSession } from "./token_session.ts";

const BLOCK_BYTES = 16;
const COUNTER_BITS = 128;

/** A key of a cipher. */
export class TokenCipher {
  readonly #token: TokenSession;
  readonly #key: TokenObject;
  readonly #what: "Encrypt" | "Decrypt";
  readonly #mechanism: Mechanism;
  /** Where the mechanism has its IV or counter; empty for ECB. */
  readonly #iv: Bytes;
  readonly #counts: boolean;

  constructor(
    token: TokenSession,
    algorithm: string,
    key: Uint8Array,
    encrypts: boolean,
  ) {
    const type = CIPHER_MECHANISMS[algorithm];
    if (type === undefined) throw new Error(`no cipher "${algorithm}"`);
    this.#token = token;
    this.#what = encrypts ? "Encrypt" : "Decrypt";
    this.#counts = type === CKM_AES_CTR;
    if (this.#counts) {
      const parameter = new CounterParameter(COUNTER_BITS);
      this.#iv = parameter.block;
      this.#mechanism = new Mechanism(type, parameter.bytes);
    } else {
      const ivBytes = algorithm === "aes-ecb" ? 0 : BLOCK_BYTES;
      this.#iv = new Uint8Array(new ArrayBuffer(ivBytes));
      this.#mechanism = new Mechanism(type, ivBytes > 0 ? this.#iv : undefined);
    }
    this.#key = createAesKey(token, key, "cipher");
  }

  /** Enciphers the first `lengthBytes` of `input`; `output` is as long. */
  run(iv: Bytes, input: Bytes, lengthBytes: number, output: Bytes): void {
    this.#iv.set(iv.subarray(0, this.#iv.length));
    const first = this.#counts
      ? Math.min(lengthBytes, this.#bytesBeforeWrap())
      : lengthBytes;
    this.#piece(input, first, output);
    if (first === lengthBytes) return;
    this.#iv.fill(0);
    this.#piece(
      input.subarray(first),
      lengthBytes - first,
      output.subarray(first),
    );
  }

  /** A token may refuse to count beyond the counter's end. */
  #bytesBeforeWrap(): number {
    const view = new DataView(this.#iv.buffer, this.#iv.byteOffset);
    for (let at = 0; at < 12; at += 4) {
      if (view.getUint32(at) !== 0xffffffff) return Infinity;
    }
    return (2 ** 32 - view.getUint32(12)) * BLOCK_BYTES;
  }

  #piece(input: Bytes, lengthBytes: number, output: Bytes): void {
    if (lengthBytes === 0) return;
    const written = this.#token.compute(
      this.#what,
      this.#mechanism,
      this.#key,
      input,
      lengthBytes,
      output,
    );
    if (written !== lengthBytes) {
      throw new Error(`the token gave ${written} of ${lengthBytes} bytes`);
    }
  }

  close(): void {
    this.#iv.fill(0);
    this.#token.destroyObject(this.#key);
  }
}
