/**
 * The tokens of a module, and which of them is meant.
 *
 * @module
 */

import { paddedText, type Pkcs11Module } from "../../ffi/pkcs11.ts";
import { TokenInfo } from "../../ffi/pkcs11_layout.ts";
import { CKR_BUFFER_TOO_SMALL, CKR_OK, CodeError } from "./codes.ts";
import { MissingError } from "./options.ts";
import type { Pkcs11Uri } from "./uri.ts";

// CKF_* of CK_TOKEN_INFO
export const CKF_LOGIN_REQUIRED = 0x4;
export const CKF_PROTECTED_AUTHENTICATION_PATH = 0x100;
const CKF_TOKEN_INITIALIZED = 0x400;
export const CKF_USER_PIN_FINAL_TRY = 0x20000;
export const CKF_USER_PIN_LOCKED = 0x40000;

/** A token in its slot. */
export interface FoundToken {
  readonly slot: bigint;
  readonly label: string;
  readonly manufacturer: string;
  readonly model: string;
  readonly serial: string;
  readonly flags: number;
}

/** More than any machine has. */
const MOST_SLOTS = 1024;

/** A list whose length a module tells: of slots, or of mechanisms. */
function readList(
  call: (list: BigUint64Array | null, count: BigUint64Array) => number,
  name: "C_GetSlotList" | "C_GetMechanismList",
): bigint[] {
  const count = new BigUint64Array(new ArrayBuffer(8));
  for (;;) {
    const asked = call(null, count);
    if (asked !== CKR_OK) throw new CodeError(name, asked);
    const room = Math.min(Number(count[0]), MOST_SLOTS);
    if (room === 0) return [];
    const list = new BigUint64Array(new ArrayBuffer(8 * room));
    count[0] = BigInt(room);
    const result = call(list, count);
    if (result === CKR_OK) return [...list.subarray(0, Number(count[0]))];
    // One more came meanwhile.
    if (result !== CKR_BUFFER_TOO_SMALL || room === MOST_SLOTS) {
      throw new CodeError(name, result);
    }
  }
}

/** All tokens that are initialised. */
function listTokens(module: Pkcs11Module): FoundToken[] {
  const slots = readList(
    (list, count) =>
      module.call(
        "C_GetSlotList",
        1,
        list as BufferSource | null,
        count as BufferSource,
      ),
    "C_GetSlotList",
  );
  return slots.flatMap((slot) => {
    const info = new TokenInfo();
    // A token may have gone since.
    if (module.call("C_GetTokenInfo", slot, info.bytes) !== CKR_OK) return [];
    if ((info.flags & CKF_TOKEN_INITIALIZED) === 0) return [];
    return [{
      slot,
      label: paddedText(info.label),
      manufacturer: paddedText(info.manufacturer),
      model: paddedText(info.model),
      serial: paddedText(info.serial),
      flags: info.flags,
    }];
  });
}

function matches(token: FoundToken, uri: Pkcs11Uri): boolean {
  return (uri.token ?? token.label) === token.label &&
    (uri.manufacturer ?? token.manufacturer) === token.manufacturer &&
    (uri.model ?? token.model) === token.model &&
    (uri.serial ?? token.serial) === token.serial;
}

/** The one token that `uri` means. Throws {@linkcode MissingError} otherwise. */
export function findToken(module: Pkcs11Module, uri: Pkcs11Uri): FoundToken {
  const all = listTokens(module);
  const found = all.filter((token) => matches(token, uri));
  if (found.length === 1) return found[0]!;
  const names = all.map(({ label, serial }) => `"${label}" (serial ${serial})`);
  throw new MissingError(
    found.length === 0
      ? "the token that is asked for"
      : `one token: ${found.length} are meant`,
    names.length === 0
      ? "the module has no token"
      : `the module has ${names.join(", ")}`,
    "token",
  );
}

/** The types of the mechanisms that a token has. */
export function listMechanisms(
  module: Pkcs11Module,
  { slot }: FoundToken,
): Set<number> {
  const types = readList(
    (list, count) =>
      module.call(
        "C_GetMechanismList",
        slot,
        list as BufferSource | null,
        count as BufferSource,
      ),
    "C_GetMechanismList",
  );
  return new Set(types.map(Number));
}
