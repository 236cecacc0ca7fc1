/**
 * Where a GCM context of libcrypto's default provider keeps IV and tag: a message
 * begins and ends there without `EVP_CipherInit_ex2` and `EVP_CIPHER_CTX_ctrl`,
 * which cost twice what GCM over 64 bytes does.
 *
 * libcrypto hands out the address of the IV (`EVP_CIPHER_CTX_iv_noconst`). The
 * provider's context has around it, in every 3.x:
 *
 *     unsigned int iv_state;     set, taken over or used up
 *     unsigned int …:1           one byte of flags
 *     unsigned char iv[128];
 *     unsigned char buf[16];     the tag: computed, or to be compared
 *
 * The first context of a kind is watched through a message, and then tried out; in
 * the others only state and IV are looked at.
 *
 * @module
 */

import {
  fixedBytes,
  type Handle,
  type Libcrypto,
} from "../../ffi/libcrypto.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** The IV that can be written; longer and shorter ones are hashed. */
export const GCM_IV_BYTES = 12;

/** From `iv_state` on. */
const IV_AT = 5;
const TAG_AT = IV_AT + 128;
const MEMORY_BYTES = TAG_AT + 16;
const STATE_BYTES = 4n;
/** Of the message that a context is tried out with. */
const DATA_BYTES = 40;

/** Values of `iv_state`. */
const BUFFERED = 1;
const COPIED = 2;
const FINISHED = 3;

// EVP_CTRL_AEAD_*
const GET_TAG = 0x10;
const SET_TAG = 0x11;

/** IV and tag of one context; lasts as long as the context. */
export class GcmMemory {
  readonly #memory: DataView;
  /** The tag that was copied last, and a view of it. */
  #tag: Bytes | undefined;
  #tagView = new DataView(new ArrayBuffer(0));

  constructor(memory: Bytes) {
    this.#memory = new DataView(memory.buffer, memory.byteOffset);
  }

  /** Begins a message; `words` are the same as `iv`, if they are given. */
  begin(iv: Bytes, words?: Uint32Array): void {
    if (words !== undefined) return this.beginFrom(words, 0);
    const memory = this.#memory;
    for (let i = 0; i < GCM_IV_BYTES; i++) memory.setUint8(IV_AT + i, iv[i]!);
    memory.setUint32(0, BUFFERED, true);
  }

  /** The same with the IV from word `at` of `ivs` on. */
  beginFrom(ivs: Uint32Array, at: number): void {
    const memory = this.#memory;
    memory.setUint32(IV_AT, ivs[at]!, true);
    memory.setUint32(IV_AT + 4, ivs[at + 1]!, true);
    memory.setUint32(IV_AT + 8, ivs[at + 2]!, true);
    memory.setUint32(0, BUFFERED, true);
  }

  /** Says which tag to expect. */
  setTag(tag: Bytes): void {
    copyTag(this.#viewOf(tag), 0, this.#memory, TAG_AT, tag.length);
  }

  /** Takes the tag that was computed. */
  getTag(tag: Bytes): void {
    copyTag(this.#memory, TAG_AT, this.#viewOf(tag), 0, tag.length);
  }

  #viewOf(tag: Bytes): DataView {
    if (tag !== this.#tag) {
      this.#tag = tag;
      this.#tagView = new DataView(tag.buffer, tag.byteOffset, tag.length);
    }
    return this.#tagView;
  }
}

function copyTag(
  from: DataView,
  fromAt: number,
  to: DataView,
  toAt: number,
  lengthBytes: number,
): void {
  let i = 0;
  for (; i + 4 <= lengthBytes; i += 4) {
    to.setUint32(toAt + i, from.getUint32(fromAt + i, true), true);
  }
  for (; i < lengthBytes; i++) {
    to.setUint8(toAt + i, from.getUint8(fromAt + i));
  }
}

/**
 * Where `context`, a GCM of the default provider that has its key, keeps IV and
 * tag; undefined where writing there does not do what it should.
 */
export function findGcmMemory(
  symbols: Libcrypto,
  context: Handle,
  encrypts: boolean,
  tagBytes: number,
): GcmMemory | undefined {
  const trial = new Trial(symbols, context, tagBytes);
  const found = trial.find(encrypts);
  // The direction stays when a message begins in the ordinary way.
  return trial.begin(bytesOf(GCM_IV_BYTES, 1), encrypts) ? found : undefined;
}

/**
 * The same of another context of a kind of which one has been tried out; undefined
 * where it does not look like that one.
 */
function findGcmMemoryAgain(
  symbols: Libcrypto,
  context: Handle,
  encrypts: boolean,
  tagBytes: number,
): GcmMemory | undefined {
  return new Trial(symbols, context, tagBytes).findAgain(encrypts);
}

/** What came of trying contexts out, by cipher, direction and length of the tag. */
export class GcmTrials {
  readonly #succeeded = new Map<string, boolean>();

  /** The memory of a context of the cipher `name`; see `findGcmMemory`. */
  find(
    symbols: Libcrypto,
    context: Handle,
    name: string,
    encrypts: boolean,
    tagBytes: number,
  ): GcmMemory | undefined {
    const kind = `${name} ${encrypts} ${tagBytes}`;
    const succeeded = this.#succeeded.get(kind);
    if (succeeded === false) return undefined;
    const find = succeeded ? findGcmMemoryAgain : findGcmMemory;
    const memory = find(symbols, context, encrypts, tagBytes);
    if (!succeeded) this.#succeeded.set(kind, memory !== undefined);
    return memory;
  }
}

const bytesOf = (lengthBytes: number, step: number): Bytes =>
  fixedBytes(Uint8Array.from({ length: lengthBytes }, (_, i) => step * i + 1));

const isSame = (a: Bytes, b: Bytes): boolean =>
  a.every((byte, i) => byte === b[i]);

const isIn = (memory: Bytes, state: number): boolean =>
  isSame(Uint8Array.of(state, 0, 0, 0), memory);

/** A message as it came out. */
interface Sealed {
  readonly data: Bytes;
  readonly tag: Bytes;
}

/** One context while it is tried out; any step may fail. */
class Trial {
  readonly #symbols: Libcrypto;
  readonly #context: Handle;
  readonly #tagBytes: number;
  readonly #iv = bytesOf(GCM_IV_BYTES, 7);

  constructor(symbols: Libcrypto, context: Handle, tagBytes: number) {
    this.#symbols = symbols;
    this.#context = context;
    this.#tagBytes = tagBytes;
  }

  find(encrypts: boolean): GcmMemory | undefined {
    const bytes = this.#memory(true);
    const sealed = bytes && this.#watch(bytes);
    if (sealed === undefined) return undefined;
    const memory = new GcmMemory(bytes!);
    return this.#seals(memory, sealed) &&
        (encrypts || this.#opens(memory, sealed))
      ? memory
      : undefined;
  }

  findAgain(encrypts: boolean): GcmMemory | undefined {
    const bytes = this.#memory(encrypts);
    const isGood = bytes !== undefined && isIn(bytes, BUFFERED) &&
      isSame(this.#iv, bytes.subarray(IV_AT)) &&
      (encrypts || this.#control(SET_TAG, this.#anyTag()));
    return isGood ? new GcmMemory(bytes) : undefined;
  }

  #anyTag(): Bytes {
    return new Uint8Array(new ArrayBuffer(this.#tagBytes));
  }

  begin(iv: Bytes, encrypts: boolean): boolean {
    return this.#symbols.EVP_CipherInit_ex2(
      this.#context,
      null,
      null,
      iv,
      encrypts ? 1 : 0,
      null,
    ) === 1;
  }

  #update(data: Bytes): boolean {
    const { length } = data;
    return this.#symbols.EVP_Cipher(this.#context, data, data, length) > 0;
  }

  #finish(): boolean {
    return this.#symbols.EVP_Cipher(this.#context, null, null, 0) >= 0;
  }

  #control(command: number, tag: Bytes): boolean {
    return this.#symbols.EVP_CIPHER_CTX_ctrl(
      this.#context,
      command,
      tag.length,
      tag,
    ) === 1;
  }

  /** What should be the memory from `iv_state` to the tag. */
  #memory(encrypts: boolean): Bytes | undefined {
    const find = this.#symbols.EVP_CIPHER_CTX_iv_noconst;
    const pointer = this.begin(this.#iv, encrypts) && find !== null
      ? find(this.#context)
      : null;
    if (pointer === null) return undefined;
    const address = Deno.UnsafePointer.value(pointer) - BigInt(IV_AT);
    const start = Deno.UnsafePointer.create(address);
    if (start === null || address % STATE_BYTES !== 0n) return undefined;
    return new Uint8Array(
      Deno.UnsafePointerView.getArrayBuffer(start, MEMORY_BYTES),
    );
  }

  /** Goes through a message in the ordinary way; undefined for a surprise. */
  #watch(memory: Bytes): Sealed | undefined {
    const data = bytesOf(DATA_BYTES, 3);
    const tag = this.#anyTag();
    const isGood = this.begin(this.#iv, true) && isIn(memory, BUFFERED) &&
      isSame(this.#iv, memory.subarray(IV_AT)) &&
      this.#update(data) && isIn(memory, COPIED) &&
      this.#finish() && isIn(memory, FINISHED) &&
      this.#control(GET_TAG, tag) && isSame(tag, memory.subarray(TAG_AT));
    return isGood ? { data, tag } : undefined;
  }

  /** Whether the same message comes out once more, after another. */
  #seals(memory: GcmMemory, sealed: Sealed): boolean {
    const data = bytesOf(DATA_BYTES, 3);
    const tag = this.#anyTag();
    if (!this.begin(bytesOf(GCM_IV_BYTES, 5), true) || !this.#finish()) {
      return false;
    }
    memory.begin(this.#iv);
    if (!this.#update(data) || !this.#finish()) return false;
    memory.getTag(tag);
    return isSame(sealed.data, data) && isSame(sealed.tag, tag);
  }

  /** Whether its tag is right and, after it, another is wrong. */
  #opens(memory: GcmMemory, { data, tag }: Sealed): boolean {
    const wrong = tag.map((byte, i) => i === tag.length - 1 ? byte ^ 1 : byte);
    const isTaken = (expected: Bytes) => {
      memory.begin(this.#iv);
      memory.setTag(expected);
      return this.#update(data.slice()) && this.#finish();
    };
    // How long a tag is, libcrypto is told once.
    return this.begin(bytesOf(GCM_IV_BYTES, 5), false) &&
      this.#control(SET_TAG, wrong) &&
      isTaken(tag) && !isTaken(wrong) && isTaken(tag);
  }
}
