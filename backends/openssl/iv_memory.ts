/**
 * Where a cipher context keeps its running IV: writing there begins a message
 * without a call of `EVP_CipherInit_ex2`, which costs more than the encryption of
 * 64 bytes.
 *
 * libcrypto hands out the address (`EVP_CIPHER_CTX_iv_noconst`, deprecated and
 * still there in 3.x); what writing to it does depends on the implementation of
 * the cipher, so that each context is tried first.
 *
 * @module
 */

import type { Handle, Libcrypto } from "../../ffi/libcrypto.ts";

const IV_BYTES = 16;

type Bytes = Uint8Array<ArrayBuffer>;

/** Begins a message in the ordinary way. */
type Begin = (iv: Bytes) => boolean;

/**
 * The memory of the IV of a context whose blocks and IV are of 16 bytes;
 * undefined where writing to it does not begin a message. It lasts as long as the
 * context.
 */
export function findIvMemory(
  symbols: Libcrypto,
  context: Handle,
  begin: Begin,
): Uint32Array<ArrayBuffer> | undefined {
  if (symbols.EVP_CIPHER_CTX_iv_noconst === null) return undefined;
  const iv = Uint8Array.from({ length: IV_BYTES }, (_, i) => 7 * i + 1);
  const expected = encryptOnce(symbols, context, () => begin(iv));
  const pointer = symbols.EVP_CIPHER_CTX_iv_noconst(context);
  if (expected === undefined || pointer === null) return undefined;
  if (Deno.UnsafePointer.value(pointer) % 4n !== 0n) return undefined;
  const memory = new Uint32Array(
    Deno.UnsafePointerView.getArrayBuffer(pointer, IV_BYTES),
  );
  const result = encryptOnce(symbols, context, () => {
    memory.set(new Uint32Array(iv.buffer));
    return true;
  });
  return result?.every((byte, i) => byte === expected[i]) ? memory : undefined;
}

/** One block after `begin`, or undefined where the cipher fails. */
function encryptOnce(
  symbols: Libcrypto,
  context: Handle,
  begin: () => boolean,
): Bytes | undefined {
  const block = new Uint8Array(new ArrayBuffer(IV_BYTES));
  const done = begin() &&
    symbols.EVP_Cipher(context, block, block, IV_BYTES) > 0;
  return done ? block : undefined;
}
