/**
 * A session with a token, which one thread has: logging in, objects, and single
 * calls over memory of the backend's own. It is opened anew after a failure;
 * objects from before are gone with it.
 *
 * @module
 */

import { initialize, type Pkcs11Module } from "../../ffi/pkcs11.ts";
import {
  type AttributeValue,
  type Mechanism,
  Question,
  SessionInfo,
  Template,
} from "../../ffi/pkcs11_layout.ts";
import {
  CKR_CRYPTOKI_NOT_INITIALIZED,
  CKR_OK,
  CKR_USER_ALREADY_LOGGED_IN,
  CodeError,
} from "./codes.ts";
import type { Pkcs11Options } from "./options.ts";
import { readPin } from "./pin.ts";
import {
  CKF_LOGIN_REQUIRED,
  CKF_PROTECTED_AUTHENTICATION_PATH,
  CKF_USER_PIN_FINAL_TRY,
  CKF_USER_PIN_LOCKED,
  findToken,
  type FoundToken,
} from "./slots.ts";

export type Bytes = Uint8Array<ArrayBuffer>;

const CKF_SERIAL_SESSION = 4n;
const CKU_USER = 1n;
/** CKS_RO_USER_FUNCTIONS and CKS_RW_USER_FUNCTIONS. */
const USER_STATES = [1, 3];

const NO_PIN_IS_TRIED_TWICE = 0xa0;

/** An object of a token session; it names nothing once that is another one. */
export interface TokenObject {
  readonly handle: bigint;
  readonly generation: number;
}

/** What computes with a key: one call that begins, one that ends it. */
type KeyedOperation = "Encrypt" | "Decrypt" | "Sign";

export class TokenSession {
  readonly #module: Pkcs11Module;
  readonly #options: Pkcs11Options;
  #token: FoundToken;
  #handle = 0n;
  #generation = 0;
  #isOpen = false;
  /** A wrong PIN is not tried again: a token locks after a few. */
  #pinIsWrong = false;
  readonly #written = new BigUint64Array(new ArrayBuffer(8));
  readonly #info = new SessionInfo();

  /** Throws where the token is not there or does not let the user in. */
  constructor(module: Pkcs11Module, options: Pkcs11Options) {
    this.#module = module;
    this.#options = options;
    this.#token = findToken(module, options.token);
    this.#open();
  }

  get token(): FoundToken {
    return this.#token;
  }

  /** Whether keys can be had: somebody is logged in, or nobody needs to be. */
  get hasKeys(): boolean {
    return (this.#token.flags & CKF_LOGIN_REQUIRED) === 0 || this.#isLoggedIn();
  }

  #call(...args: Parameters<Pkcs11Module["call"]>): void {
    const result = this.#module.call(...args);
    if (result !== CKR_OK) throw new CodeError(args[0], result);
  }

  #open(): void {
    const room = new BigUint64Array(new ArrayBuffer(8));
    this.#call(
      "C_OpenSession",
      this.#token.slot,
      CKF_SERIAL_SESSION,
      null,
      null,
      room,
    );
    this.#handle = room[0]!;
    this.#isOpen = true;
    this.#generation++;
    try {
      this.#logIn();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #readInfo(): number {
    return this.#module.call(
      "C_GetSessionInfo",
      this.#handle,
      this.#info.words,
    );
  }

  /** A login is the process's: another thread may have done it. */
  #isLoggedIn(): boolean {
    return this.#readInfo() === CKR_OK &&
      USER_STATES.includes(this.#info.state);
  }

  #logIn(): void {
    const { flags } = this.#token;
    if (this.#isLoggedIn()) return;
    const { pin } = this.#options;
    const hasKeypad = (flags & CKF_PROTECTED_AUTHENTICATION_PATH) !== 0;
    if (!pin && !hasKeypad) return;
    if (this.#pinIsWrong) throw new Error("the token has refused the PIN");
    if ((flags & (CKF_USER_PIN_LOCKED | CKF_USER_PIN_FINAL_TRY)) !== 0) {
      throw new Error("the token's PIN is locked, or has one try left");
    }
    const bytes = pin ? readPin(pin) : undefined;
    if (typeof bytes === "string") throw new Error(bytes);
    const result = this.#module.call(
      "C_Login",
      this.#handle,
      CKU_USER,
      bytes ?? null,
      BigInt(bytes?.length ?? 0),
    );
    bytes?.fill(0);
    if (result === CKR_OK || result === CKR_USER_ALREADY_LOGGED_IN) return;
    this.#pinIsWrong = result === NO_PIN_IS_TRIED_TWICE;
    throw new CodeError("C_Login", result);
  }

  /** Why nothing can be done in this session any more; undefined where it can. */
  fault(): string | undefined {
    const result = this.#readInfo();
    if (result !== CKR_OK) {
      return new CodeError("C_GetSessionInfo", result).message;
    }
    const isLost = this.#options.pin !== undefined &&
      !USER_STATES.includes(this.#info.state);
    return isLost ? "the user is no longer logged in" : undefined;
  }

  /** Opens the session anew where it must be; throws where that fails. */
  recover(): void {
    if (this.#isOpen) {
      // Its objects may have gone while it looks well: a login that was lost.
      this.#module.call("C_CloseSession", this.#handle);
      this.#isOpen = false;
    }
    try {
      this.#token = findToken(this.#module, this.#options.token);
    } catch (error) {
      const isGone = error instanceof CodeError &&
        error.code === CKR_CRYPTOKI_NOT_INITIALIZED;
      if (!isGone || initialize(this.#module) !== CKR_OK) throw error;
      this.#token = findToken(this.#module, this.#options.token);
    }
    this.#open();
  }

  createObject(
    attributes: readonly (readonly [number, AttributeValue])[],
  ): TokenObject {
    using template = new Template(attributes);
    const room = new BigUint64Array(new ArrayBuffer(8));
    this.#call(
      "C_CreateObject",
      this.#handle,
      template.words,
      template.count,
      room,
    );
    return { handle: room[0]!, generation: this.#generation };
  }

  /** Destroys an object; one from before a failure is gone already. */
  destroyObject({ handle, generation }: TokenObject): void {
    if (!this.#isOpen || generation !== this.#generation) return;
    const result = this.#module.call("C_DestroyObject", this.#handle, handle);
    if (result === CKR_OK) return;
    const error = new CodeError("C_DestroyObject", result);
    if (!error.isOfTheToken) throw error;
  }

  /** The objects that have all of `attributes`. */
  findObjects(
    attributes: readonly (readonly [number, AttributeValue])[],
  ): TokenObject[] {
    using template = new Template(attributes);
    const { words, count } = template;
    this.#call("C_FindObjectsInit", this.#handle, words, count);
    const found: TokenObject[] = [];
    const room = new BigUint64Array(new ArrayBuffer(8 * 64));
    try {
      for (;;) {
        this.#call("C_FindObjects", this.#handle, room, 64n, this.#written);
        const got = Number(this.#written[0]);
        for (const handle of room.subarray(0, got)) {
          found.push({ handle, generation: this.#generation });
        }
        if (got === 0) return found;
      }
    } finally {
      this.#module.call("C_FindObjectsFinal", this.#handle);
    }
  }

  /** The value of an attribute; undefined where the object shows none. */
  attribute({ handle }: TokenObject, type: number): Bytes | undefined {
    const asked = new Question(type);
    const ask = ({ words }: Question) =>
      this.#module.call("C_GetAttributeValue", this.#handle, handle, words, 1n);
    if (ask(asked) !== CKR_OK || asked.lengthBytes < 0) return undefined;
    const room = new Uint8Array(new ArrayBuffer(asked.lengthBytes));
    if (room.length === 0) return room;
    const answered = new Question(type, room);
    if (ask(answered) !== CKR_OK) return undefined;
    return room.subarray(0, answered.lengthBytes);
  }

  /** Computes with a key; the length of what is in `output` then. */
  compute(
    what: KeyedOperation,
    mechanism: Mechanism,
    { handle, generation }: TokenObject,
    input: Bytes,
    inputBytes: number,
    output: Bytes,
  ): number {
    this.#requireCurrent(generation);
    this.#call(`C_${what}Init`, this.#handle, mechanism.words, handle);
    return this.#finish(`C_${what}`, input, inputBytes, output);
  }

  /** Computes a digest; the length of what is in `output` then. */
  digest(
    mechanism: Mechanism,
    input: Bytes,
    inputBytes: number,
    output: Bytes,
  ): number {
    this.#call("C_DigestInit", this.#handle, mechanism.words);
    return this.#finish("C_Digest", input, inputBytes, output);
  }

  #finish(
    name: "C_Encrypt" | "C_Decrypt" | "C_Sign" | "C_Digest",
    input: Bytes,
    inputBytes: number,
    output: Bytes,
  ): number {
    this.#written[0] = BigInt(output.length);
    this.#call(
      name,
      this.#handle,
      input,
      BigInt(inputBytes),
      output,
      this.#written,
    );
    return Number(this.#written[0]);
  }

  /** Throws where the signature is not one of the data. */
  verify(
    mechanism: Mechanism,
    { handle, generation }: TokenObject,
    data: Bytes,
    signature: Bytes,
  ): void {
    this.#requireCurrent(generation);
    this.#call("C_VerifyInit", this.#handle, mechanism.words, handle);
    this.#call(
      "C_Verify",
      this.#handle,
      data,
      BigInt(data.length),
      signature,
      BigInt(signature.length),
    );
  }

  /** A handle from before may be another object's now. */
  #requireCurrent(generation: number): void {
    if (this.#isOpen && generation === this.#generation) return;
    throw new Error("the token's session is another one now");
  }

  /** Closes the session, and with it all of its objects. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#module.call("C_CloseSession", this.#handle);
  }
}
