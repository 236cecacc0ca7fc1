/**
 * What a PKCS#11 function returns (CK_RV): its name, and what it says of the
 * token.
 *
 * @module
 */

import type { Pkcs11Name } from "../../ffi/pkcs11.ts";

export const CKR_OK = 0;
export const CKR_BUFFER_TOO_SMALL = 0x150;
export const CKR_USER_ALREADY_LOGGED_IN = 0x100;
export const CKR_CRYPTOKI_NOT_INITIALIZED = 0x190;

/** CKR_* by number (PKCS#11 2.40 base §11.1), those that a person may meet. */
const NAMES: Readonly<Record<number, string>> = {
  0x02: "HOST_MEMORY",
  0x03: "SLOT_ID_INVALID",
  0x05: "GENERAL_ERROR",
  0x06: "FUNCTION_FAILED",
  0x07: "ARGUMENTS_BAD",
  0x12: "ATTRIBUTE_TYPE_INVALID",
  0x13: "ATTRIBUTE_VALUE_INVALID",
  0x20: "DATA_INVALID",
  0x21: "DATA_LEN_RANGE",
  0x30: "DEVICE_ERROR",
  0x31: "DEVICE_MEMORY",
  0x32: "DEVICE_REMOVED",
  0x40: "ENCRYPTED_DATA_INVALID",
  0x41: "ENCRYPTED_DATA_LEN_RANGE",
  0x54: "FUNCTION_NOT_SUPPORTED",
  0x60: "KEY_HANDLE_INVALID",
  0x62: "KEY_SIZE_RANGE",
  0x63: "KEY_TYPE_INCONSISTENT",
  0x68: "KEY_FUNCTION_NOT_PERMITTED",
  0x70: "MECHANISM_INVALID",
  0x71: "MECHANISM_PARAM_INVALID",
  0x82: "OBJECT_HANDLE_INVALID",
  0x90: "OPERATION_ACTIVE",
  0x91: "OPERATION_NOT_INITIALIZED",
  0xa0: "PIN_INCORRECT",
  0xa1: "PIN_INVALID",
  0xa2: "PIN_LEN_RANGE",
  0xa3: "PIN_EXPIRED",
  0xa4: "PIN_LOCKED",
  0xb0: "SESSION_CLOSED",
  0xb1: "SESSION_COUNT",
  0xb3: "SESSION_HANDLE_INVALID",
  0xb5: "SESSION_READ_ONLY",
  0xb8: "SESSION_READ_WRITE_SO_EXISTS",
  0xc0: "SIGNATURE_INVALID",
  0xc1: "SIGNATURE_LEN_RANGE",
  0xd0: "TEMPLATE_INCOMPLETE",
  0xd1: "TEMPLATE_INCONSISTENT",
  0xe0: "TOKEN_NOT_PRESENT",
  0xe1: "TOKEN_NOT_RECOGNIZED",
  0x101: "USER_NOT_LOGGED_IN",
  0x102: "USER_PIN_NOT_INITIALIZED",
  0x104: "USER_ANOTHER_ALREADY_LOGGED_IN",
  0x130: "DOMAIN_PARAMS_INVALID",
  0x140: "CURVE_NOT_SUPPORTED",
  0x150: "BUFFER_TOO_SMALL",
  0x190: "CRYPTOKI_NOT_INITIALIZED",
};

/** The token refuses this one piece of data, whatever its own state. */
const OF_THE_DATA: ReadonlySet<number> = new Set([
  0x20,
  0x21,
  0x40,
  0x41,
  0xc0,
  0xc1,
]);

/** Nothing more can be done in the session that the code came from. */
const OF_THE_TOKEN: ReadonlySet<number> = new Set([
  0x02,
  0x30,
  0x31,
  0x32,
  0x60,
  0x82,
  0x90,
  0x91,
  0xb0,
  0xb1,
  0xb3,
  0xe0,
  0xe1,
  0x101,
  0x190,
]);

/** `CKR_DEVICE_REMOVED`, or the number where it has no name here. */
function codeName(code: number): string {
  const name = NAMES[code];
  return name ? `CKR_${name}` : `0x${code.toString(16)}`;
}

/** A function returned something else than CKR_OK. */
export class CodeError extends Error {
  override readonly name = "CodeError";
  readonly code: number;

  constructor(name: Pkcs11Name, code: number) {
    super(`${name}() returned ${codeName(code)}`);
    this.code = code;
  }

  /** Whether the fault is surely that of the data. */
  get isOfTheData(): boolean {
    return OF_THE_DATA.has(this.code);
  }

  /** Whether the fault is surely that of the token or of its session. */
  get isOfTheToken(): boolean {
    return OF_THE_TOKEN.has(this.code);
  }
}
