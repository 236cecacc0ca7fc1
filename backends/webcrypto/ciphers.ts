/**
 * AES-CBC and AES-CTR through Web Crypto.
 *
 * @module
 */

import { copyKey } from "../../algorithms/key_bytes.ts";
import type { CipherSession } from "../../algorithms/session_description.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const BLOCK_BYTES = 16;
/** How much of the counter block counts: all of it. */
const COUNTER_BITS = 128;

/** A cipher with its key. */
export interface WebCipher {
  readonly blockBytes: number;
  /** The result, as long as `data`, in memory of its own. */
  apply(data: Bytes, iv: Bytes): Promise<Bytes>;
}

/** Web Crypto's own form of a key; it makes copies that nobody can wipe. */
export async function importAesKey(
  key: Uint8Array,
  name: string,
): Promise<CryptoKey> {
  const own = copyKey(key);
  try {
    const uses: KeyUsage[] = ["encrypt", "decrypt"];
    return await crypto.subtle.importKey("raw", own, name, false, uses);
  } finally {
    own.fill(0);
  }
}

/** Makes the cipher of a session. */
export async function makeCipher(
  { algorithm, direction, key }: Omit<CipherSession, "service">,
): Promise<WebCipher> {
  if (algorithm === "aes-ctr") {
    const own = await importAesKey(key, "AES-CTR");
    return {
      blockBytes: 1,
      apply: (data, iv) => applyCounter(own, data, iv, COUNTER_BITS),
    };
  }
  const own = await importAesKey(key, "AES-CBC");
  const apply = direction === "encrypt" ? encryptBlocks : decryptBlocks;
  return {
    blockBytes: BLOCK_BYTES,
    apply: (data, iv) => apply(own, data, iv),
  };
}

/** Counter mode; encryption and decryption are the same. */
export async function applyCounter(
  key: CryptoKey,
  data: Bytes,
  counter: Bytes,
  counterBits: number,
): Promise<Bytes> {
  const parameters = { name: "AES-CTR", counter, length: counterBits };
  return new Uint8Array(await crypto.subtle.encrypt(parameters, key, data));
}

/** Web Crypto pads always: the last block of its result is the padding. */
async function encryptBlocks(
  key: CryptoKey,
  data: Bytes,
  iv: Bytes,
): Promise<Bytes> {
  if (data.length === 0) return new Uint8Array(0);
  const parameters = { name: "AES-CBC", iv };
  const padded = await crypto.subtle.encrypt(parameters, key, data);
  return new Uint8Array(padded, 0, data.length);
}

/**
 * Web Crypto wants padding to take away: a block of it is enciphered behind the
 * data, which is what encrypting nothing gives with the last block as the IV.
 */
async function decryptBlocks(
  key: CryptoKey,
  data: Bytes,
  iv: Bytes,
): Promise<Bytes> {
  if (data.length === 0) return new Uint8Array(0);
  const padding = await crypto.subtle.encrypt(
    { name: "AES-CBC", iv: data.slice(-BLOCK_BYTES) },
    key,
    new Uint8Array(0),
  );
  const padded = new Uint8Array(data.length + BLOCK_BYTES);
  padded.set(data);
  padded.set(new Uint8Array(padding), data.length);
  const parameters = { name: "AES-CBC", iv };
  return new Uint8Array(await crypto.subtle.decrypt(parameters, key, padded));
}
