/**
 * The modes behind the catalogue's CIPHER names.
 *
 * @module
 */

import { AesBlockCipher, type BlockCipher } from "./block_cipher.ts";
import {
  CbcDecryption,
  CbcEncryption,
  CounterMode,
  EcbDecryption,
  EcbEncryption,
  type Mode,
} from "./block_modes.ts";
import { DesBlockCipher } from "./des.ts";
import { F8Mode } from "./f8.ts";
import { XtsMode } from "./xts.ts";

type MakeMode = (key: Uint8Array, decrypts: boolean) => Mode;
type MakeBlockCipher = (key: Uint8Array) => BlockCipher;

const ecb = (make: MakeBlockCipher): MakeMode => (key, decrypts) =>
  decrypts ? new EcbDecryption(make(key)) : new EcbEncryption(make(key));
const cbc = (make: MakeBlockCipher): MakeMode => (key, decrypts) =>
  decrypts ? new CbcDecryption(make(key)) : new CbcEncryption(make(key));
const ctr = (make: MakeBlockCipher): MakeMode => (key) =>
  new CounterMode(make(key));

const aes: MakeBlockCipher = (key) => new AesBlockCipher(key);
const des: MakeBlockCipher = (key) => new DesBlockCipher(key);

const MODES: Readonly<Record<string, MakeMode>> = {
  "aes-ecb": ecb(aes),
  "aes-cbc": cbc(aes),
  "aes-ctr": ctr(aes),
  "des-ecb": ecb(des),
  "des-cbc": cbc(des),
  "3des-ecb": ecb(des),
  "3des-cbc": cbc(des),
  "3des-ctr": ctr(des),
  "aes-f8": (key) => new F8Mode(key),
  "aes-xts": (key, decrypts) => new XtsMode(key, decrypts),
};

/** The cipher with its key expanded; throws for one that is not offered. */
export function makeMode(
  algorithm: string,
  key: Uint8Array,
  encrypts: boolean,
): Mode {
  const make = MODES[algorithm];
  if (!make) throw new Error(`Cannot make cipher "${algorithm}"`);
  return make(key, !encrypts);
}
