/**
 * A symmetric session of the library: its set-up, its context in pinned memory
 * and the end of both.
 *
 * @module
 */

import { type Libqat, writeAddress } from "../../ffi/qat.ts";
import {
  CPA,
  CpaCySymSessionSetupData as SETUP,
} from "../../ffi/qat_layout.ts";
import type { PinnedBlock, Usdm } from "../../ffi/usdm.ts";
import type { RetiredSession } from "./retired_sessions.ts";
import type { SessionContext } from "./session.ts";

/** A cipher in the library's numbers. */
export interface CipherSetup {
  readonly algorithm: number;
  readonly encrypts: boolean;
  readonly key: Uint8Array;
}

/** A hash or a code in the library's numbers. */
export interface HashSetup {
  readonly algorithm: number;
  readonly resultBytes: number;
  /** Absent for a plain hash. */
  readonly key?: Uint8Array;
  readonly additionalDataBytes?: number;
}

/** What a session does. */
export interface SymmetricSetup {
  readonly cipher?: CipherSetup;
  readonly hash?: HashSetup;
  readonly hashesFirst?: boolean;
  readonly digestIsAppended?: boolean;
  readonly verifies?: boolean;
}

/** The library refused a session. */
export class RefusedSession extends Error {
  override readonly name = "RefusedSession";
  readonly cpaStatus: number;

  constructor(call: string, cpaStatus: number) {
    super(`libqat: ${call} returned ${cpaStatus}`);
    this.cpaStatus = cpaStatus;
  }

  /** It does not have such sessions, whatever its state. */
  get isForGood(): boolean {
    return isRefusedStatus(this.cpaStatus);
  }
}

/** What is asked for is refused, though the library works. */
export function isRefusedStatus(cpaStatus: number): boolean {
  return cpaStatus === CPA.CPA_STATUS_INVALID_PARAM ||
    cpaStatus === CPA.CPA_STATUS_UNSUPPORTED;
}

/** A copy with an address that does not move. */
function addressOf(key: Uint8Array): number {
  return Number(
    Deno.UnsafePointer.value(Deno.UnsafePointer.of(key as BufferSource)),
  );
}

function writeCipher(view: DataView, cipher: CipherSetup): void {
  const { encrypts, key } = cipher;
  const set = (at: number, value: number) => view.setUint32(at, value, true);
  set(SETUP["cipherSetupData.cipherAlgorithm"], cipher.algorithm);
  set(SETUP["cipherSetupData.cipherKeyLenInBytes"], key.length);
  writeAddress(view, SETUP["cipherSetupData.pCipherKey"], addressOf(key));
  set(
    SETUP["cipherSetupData.cipherDirection"],
    encrypts
      ? CPA.CPA_CY_SYM_CIPHER_DIRECTION_ENCRYPT
      : CPA.CPA_CY_SYM_CIPHER_DIRECTION_DECRYPT,
  );
}

function writeHash(view: DataView, hash: HashSetup): void {
  const set = (at: number, value: number) => view.setUint32(at, value, true);
  set(SETUP["hashSetupData.hashAlgorithm"], hash.algorithm);
  set(SETUP["hashSetupData.digestResultLenInBytes"], hash.resultBytes);
  if (!hash.key) {
    return set(
      SETUP["hashSetupData.hashMode"],
      CPA.CPA_CY_SYM_HASH_MODE_PLAIN,
    );
  }
  set(SETUP["hashSetupData.hashMode"], CPA.CPA_CY_SYM_HASH_MODE_AUTH);
  const { key, additionalDataBytes = 0 } = hash;
  if (key.length > 0) {
    const at = SETUP["hashSetupData.authModeSetupData.authKey"];
    writeAddress(view, at, addressOf(key));
  }
  set(
    SETUP["hashSetupData.authModeSetupData.authKeyLenInBytes"],
    key.length,
  );
  set(
    SETUP["hashSetupData.authModeSetupData.aadLenInBytes"],
    additionalDataBytes,
  );
}

function writeSetup(setup: SymmetricSetup): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(SETUP.sizeof);
  const view = new DataView(bytes.buffer);
  const set = (at: number, value: number) => view.setUint32(at, value, true);
  const { cipher, hash } = setup;
  set(SETUP.sessionPriority, CPA.CPA_CY_PRIORITY_NORMAL);
  set(
    SETUP.symOperation,
    cipher && hash
      ? CPA.CPA_CY_SYM_OP_ALGORITHM_CHAINING
      : cipher
      ? CPA.CPA_CY_SYM_OP_CIPHER
      : CPA.CPA_CY_SYM_OP_HASH,
  );
  if (cipher) writeCipher(view, cipher);
  if (hash) writeHash(view, hash);
  set(
    SETUP.algChainOrder,
    setup.hashesFirst
      ? CPA.CPA_CY_SYM_ALG_CHAIN_ORDER_HASH_THEN_CIPHER
      : CPA.CPA_CY_SYM_ALG_CHAIN_ORDER_CIPHER_THEN_HASH,
  );
  set(SETUP.digestIsAppended, setup.digestIsAppended ? 1 : 0);
  set(SETUP.verifyDigest, setup.verifies ? 1 : 0);
  set(SETUP.partialsNotRequired, 1);
  return bytes;
}

/** A session as the library knows it. */
export class CpaSession implements RetiredSession {
  readonly #symbols: Libqat;
  readonly #usdm: Usdm;
  readonly #instance: Deno.PointerObject;
  readonly #retired: SessionContext["retired"];
  readonly #context: PinnedBlock;

  /** Throws {@linkcode RefusedSession} where the library does not have it. */
  constructor(thread: SessionContext, setup: SymmetricSetup) {
    const { symbols, usdm, symmetric, callback, retired } = thread;
    if (!symmetric) throw new Error("libqat: no symmetric instance");
    this.#symbols = symbols;
    this.#usdm = usdm;
    this.#instance = symmetric;
    this.#retired = retired;
    const bytes = writeSetup(setup);
    const size = new Uint32Array(1);
    const sized = symbols.cpaCySymSessionCtxGetSize(symmetric, bytes, size);
    if (sized !== CPA.CPA_STATUS_SUCCESS) {
      throw new RefusedSession("cpaCySymSessionCtxGetSize()", sized);
    }
    this.#context = usdm.allocate(size[0]!);
    const status = symbols.cpaCySymInitSession(
      symmetric,
      callback,
      bytes,
      this.#context.pointer,
    );
    if (status === CPA.CPA_STATUS_SUCCESS) return;
    usdm.free(this.#context);
    throw new RefusedSession("cpaCySymInitSession()", status);
  }

  get contextAddress(): number {
    return this.#context.address;
  }

  /** Ends the session, now or when the library lets go of it. */
  close(): void {
    if (!this.tryToRemove()) this.#retired.add(this);
  }

  tryToRemove(): boolean {
    const status = this.#symbols.cpaCySymRemoveSession(
      this.#instance,
      this.#context.pointer,
    );
    if (status !== CPA.CPA_STATUS_SUCCESS) return false;
    this.#usdm.free(this.#context);
    return true;
  }

  abandon(): void {
    this.#context.bytes.fill(0);
  }
}
