/**
 * A PKCS#11 2.40 module: the functions that the project calls, found through
 * C_GetFunctionList. Each parameter carries its C name; CK_ULONG is the
 * platform's `unsigned long`, which has 64 bits wherever this project runs.
 *
 * A module is a library for a whole process: it is initialised once, whichever
 * thread is first, told that threads share it, and never unloaded nor finalised,
 * since that would end it for the other threads, too.
 *
 * @module
 */

import { functionAddress } from "./native_call.ts";

const B = "buffer";
const P = "pointer";
const U = "u64";

/** By name: the place in CK_FUNCTION_LIST, and what it takes. */
const FUNCTIONS = {
  C_Initialize: [0, [B /* pInitArgs */]],
  C_GetInfo: [2, [B /* pInfo */]],
  C_GetSlotList: [
    4,
    ["u8", /* tokenPresent */ B, /* pSlotList */ B /* pulCount */],
  ],
  C_GetTokenInfo: [6, [U, /* slotID */ B /* pInfo */]],
  C_GetMechanismList: [
    7,
    [U, /* slotID */ B, /* pMechanismList */ B /* pulCount */],
  ],
  C_OpenSession: [12, [
    U, /* slotID */
    U, /* flags */
    P, /* pApplication */
    P, /* Notify */
    B, /* phSession */
  ]],
  C_CloseSession: [13, [U /* hSession */]],
  C_GetSessionInfo: [15, [U, /* hSession */ B /* pInfo */]],
  C_Login: [18, [U, /* hSession */ U, /* userType */ B, /* pPin */ U]],
  C_CreateObject: [20, [
    U, /* hSession */
    B, /* pTemplate */
    U, /* ulCount */
    B, /* phObject */
  ]],
  C_DestroyObject: [22, [U, /* hSession */ U /* hObject */]],
  C_GetAttributeValue: [24, [
    U, /* hSession */
    U, /* hObject */
    B, /* pTemplate */
    U, /* ulCount */
  ]],
  C_FindObjectsInit: [26, [U, /* hSession */ B, /* pTemplate */ U]],
  C_FindObjects: [27, [
    U, /* hSession */
    B, /* phObject */
    U, /* ulMaxObjectCount */
    B, /* pulObjectCount */
  ]],
  C_FindObjectsFinal: [28, [U /* hSession */]],
  C_EncryptInit: [29, [U, /* hSession */ B, /* pMechanism */ U /* hKey */]],
  C_Encrypt: [30, [U, /* hSession */ B, /* pData */ U, B, /* out */ B]],
  C_DecryptInit: [33, [U, /* hSession */ B, /* pMechanism */ U /* hKey */]],
  C_Decrypt: [34, [U, /* hSession */ B, /* pData */ U, B, /* out */ B]],
  C_DigestInit: [37, [U, /* hSession */ B /* pMechanism */]],
  C_Digest: [38, [U, /* hSession */ B, /* pData */ U, B, /* out */ B]],
  C_SignInit: [42, [U, /* hSession */ B, /* pMechanism */ U /* hKey */]],
  C_Sign: [43, [U, /* hSession */ B, /* pData */ U, B, /* out */ B]],
  C_VerifyInit: [48, [U, /* hSession */ B, /* pMechanism */ U /* hKey */]],
  C_Verify: [49, [U, /* hSession */ B, /* pData */ U, B, /* sign */ U]],
} as const satisfies Record<
  string,
  readonly [number, readonly Deno.NativeType[]]
>;

/** The name of a function that the project calls. */
export type Pkcs11Name = keyof typeof FUNCTIONS;

/** What a function is called with: lengths and handles are bigints. */
export type Pkcs11Argument = BufferSource | bigint | number | null;

/** An opened and initialised module. */
export interface Pkcs11Module {
  /** The manufacturer's name and version of the library. */
  readonly version: string;
  /** Calls a function; the CK_RV that it returns. */
  call(name: Pkcs11Name, ...values: Pkcs11Argument[]): number;
}

/** Why a module could not be opened. */
export class Pkcs11OpenError extends Error {
  override readonly name = "Pkcs11OpenError";
  readonly reason: "absent" | "forbidden" | "broken";

  constructor(reason: Pkcs11OpenError["reason"], message: string) {
    super(message);
    this.reason = reason;
  }
}

const CKF_OS_LOCKING_OK = 2n;
/** CK_C_INITIALIZE_ARGS: four functions, flags, a pointer. */
const INITIALIZE_WORDS = 6;
const INITIALIZE_FLAGS = 4;

const CKR_ALREADY_INITIALIZED = 0x191;

/** CK_INFO, and where its members lie. */
const INFO_BYTES = 88;
const MANUFACTURER_AT = 2;
const MANUFACTURER_BYTES = 32;
const LIBRARY_VERSION_AT = 80;

/** What a CK_FUNCTION_LIST begins with: the version, and room to align. */
const FUNCTIONS_AT = 8;
const POINTER_BYTES = 8;

type Call = (...values: Pkcs11Argument[]) => bigint;

/** A function that returns a CK_RV. */
function functionAt(
  address: Deno.PointerObject,
  parameters: readonly Deno.NativeType[],
): Call {
  const target = new Deno.UnsafeFnPointer(
    // deno-lint-ignore no-explicit-any
    address as any,
    { parameters: [...parameters], result: U },
  );
  // deno-lint-ignore no-explicit-any
  return (...values) => (target.call as any)(...values) as bigint;
}

function listFunctions(path: string): Deno.PointerObject {
  let address: Deno.PointerObject;
  try {
    address = functionAddress(path, "C_GetFunctionList");
  } catch (error) {
    const forbidden = error instanceof Deno.errors.NotCapable;
    throw new Pkcs11OpenError(
      forbidden ? "forbidden" : "absent",
      forbidden
        ? `Cannot open "${path}": ${error.message}`
        : `Cannot open "${path}" as a PKCS#11 module`,
    );
  }
  const getList = functionAt(address, [B]);
  const room = new BigUint64Array(new ArrayBuffer(8));
  const result = getList(room);
  const list = Deno.UnsafePointer.create(room[0]!);
  if (result === 0n && list) return list;
  throw new Pkcs11OpenError(
    "broken",
    `Cannot use "${path}": C_GetFunctionList() returned ${result}`,
  );
}

/** The functions of a list by name. */
function readFunctions(list: Deno.PointerObject): Map<Pkcs11Name, Call> {
  const view = new Deno.UnsafePointerView(list);
  const found = new Map<Pkcs11Name, Call>();
  for (const [name, [index, parameters]] of Object.entries(FUNCTIONS)) {
    const pointer = view.getPointer(FUNCTIONS_AT + POINTER_BYTES * index);
    if (!pointer) continue;
    found.set(name as Pkcs11Name, functionAt(pointer, parameters));
  }
  return found;
}

function describe(module: Pick<Pkcs11Module, "call">): string {
  const info = new Uint8Array(new ArrayBuffer(INFO_BYTES));
  if (module.call("C_GetInfo", info) !== 0) return "PKCS#11 module";
  const end = MANUFACTURER_AT + MANUFACTURER_BYTES;
  const maker = paddedText(info.subarray(MANUFACTURER_AT, end));
  const [major, minor] = info.subarray(LIBRARY_VERSION_AT);
  return `${maker || "PKCS#11 module"} ${major}.${minor}`;
}

/** A text that blanks fill up; what is no sign of a text becomes a blank. */
export function paddedText(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes);
  return text.replaceAll(/\p{Cc}/gu, " ").trimEnd();
}

/** Initialises the module, unless another thread of the process has. */
export function initialize(module: Pick<Pkcs11Module, "call">): number {
  const args = new BigUint64Array(new ArrayBuffer(8 * INITIALIZE_WORDS));
  args[INITIALIZE_FLAGS] = CKF_OS_LOCKING_OK;
  const result = module.call("C_Initialize", args);
  return result === CKR_ALREADY_INITIALIZED ? 0 : result;
}

/**
 * Opens the module at `path`.
 *
 * @throws {Pkcs11OpenError} where there is none or it cannot be initialised
 */
export function openPkcs11(path: string): Pkcs11Module {
  const functions = readFunctions(listFunctions(path));
  const call = (name: Pkcs11Name, ...values: Pkcs11Argument[]): number => {
    const target = functions.get(name);
    if (!target) throw new Error(`The PKCS#11 module has no ${name}()`);
    return Number(target(...values));
  };
  const result = initialize({ call });
  if (result !== 0) {
    throw new Pkcs11OpenError(
      "broken",
      `Cannot use "${path}": C_Initialize() returned 0x${result.toString(16)}`,
    );
  }
  return { version: describe({ call }), call };
}
