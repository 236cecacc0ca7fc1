/**
 * The structures of PKCS#11 2.40 that a module reads through pointers:
 * mechanisms and templates. What they point to is kept with them.
 *
 * @module
 */

type Bytes = Uint8Array<ArrayBuffer>;

function addressOf(bytes: Bytes): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
}

const WORD_BYTES = 8;

/** CK_MECHANISM: a type, and the parameter if it has one. */
export class Mechanism {
  readonly words = new BigUint64Array(new ArrayBuffer(3 * WORD_BYTES));
  /** What a module reads at each use; its bytes may change between them. */
  readonly parameter: Bytes | undefined;

  constructor(type: number, parameter?: Bytes) {
    this.words[0] = BigInt(type);
    this.parameter = parameter;
    if (!parameter) return;
    this.words[1] = addressOf(parameter);
    this.words[2] = BigInt(parameter.length);
  }
}

/** CK_AES_CTR_PARAMS: how many bits count, and the counter block. */
export class CounterParameter {
  readonly bytes = new Uint8Array(new ArrayBuffer(3 * WORD_BYTES));
  readonly block = this.bytes.subarray(WORD_BYTES);

  constructor(counterBits: number) {
    new DataView(this.bytes.buffer).setUint32(0, counterBits, true);
  }
}

/** CK_GCM_PARAMS of 2.40: pIv, ulIvLen, ulIvBits, pAAD, ulAADLen, ulTagBits. */
export class GcmParameter {
  readonly #words = new BigUint64Array(new ArrayBuffer(6 * WORD_BYTES));
  readonly bytes = new Uint8Array(this.#words.buffer);
  /** What the structure points to. */
  readonly #iv: Bytes;
  #additionalData: Bytes | undefined;

  constructor(ivRoom: Bytes, tagBytes: number) {
    this.#iv = ivRoom;
    this.#words[0] = addressOf(ivRoom);
    this.#words[5] = BigInt(8 * tagBytes);
  }

  /** Sets the IV, and the first bytes of `room` as the associated data. */
  set(iv: Uint8Array, room: Bytes, additionalBytes: number): void {
    this.#iv.set(iv);
    this.#words[1] = BigInt(iv.length);
    this.#words[2] = BigInt(8 * iv.length);
    if (room !== this.#additionalData) {
      this.#additionalData = room;
      this.#words[3] = addressOf(room);
    }
    this.#words[4] = BigInt(additionalBytes);
  }
}

/** A value of an attribute: CK_BBOOL, CK_ULONG or bytes. */
export type AttributeValue = boolean | number | Uint8Array;

function valueBytes(value: AttributeValue): Bytes {
  if (typeof value === "boolean") {
    return new Uint8Array(new ArrayBuffer(1)).fill(value ? 1 : 0);
  }
  if (typeof value === "number") {
    const words = new BigUint64Array(new ArrayBuffer(WORD_BYTES));
    words[0] = BigInt(value);
    return new Uint8Array(words.buffer);
  }
  // An ArrayBuffer of its own does not move, and can be wiped.
  const bytes = new Uint8Array(new ArrayBuffer(Math.max(value.length, 1)));
  bytes.set(value);
  return bytes.subarray(0, value.length);
}

/** CK_ATTRIBUTE[]: types and values, in copies that are wiped at the end. */
export class Template implements Disposable {
  readonly words: BigUint64Array<ArrayBuffer>;
  readonly count: bigint;
  readonly #values: Bytes[];

  constructor(attributes: readonly (readonly [number, AttributeValue])[]) {
    this.count = BigInt(attributes.length);
    this.words = new BigUint64Array(
      new ArrayBuffer(3 * WORD_BYTES * attributes.length),
    );
    this.#values = attributes.map(([, value]) => valueBytes(value));
    attributes.forEach(([type], i) => {
      const value = this.#values[i]!;
      this.words[3 * i] = BigInt(type);
      this.words[3 * i + 1] = addressOf(value);
      this.words[3 * i + 2] = BigInt(value.length);
    });
  }

  [Symbol.dispose](): void {
    for (const value of this.#values) value.fill(0);
  }
}

/** CK_ATTRIBUTE of one value that is asked for; `room` absent: its length. */
export class Question {
  readonly words = new BigUint64Array(new ArrayBuffer(3 * WORD_BYTES));
  readonly room: Bytes | undefined;

  constructor(type: number, room?: Bytes) {
    this.room = room;
    this.words[0] = BigInt(type);
    if (!room) return;
    this.words[1] = addressOf(room);
    this.words[2] = BigInt(room.length);
  }

  /** Length of the value; -1 where there is none to have. */
  get lengthBytes(): number {
    return Number(BigInt.asIntN(64, this.words[2]!));
  }
}

/** CK_TOKEN_INFO. */
export class TokenInfo {
  readonly bytes = new Uint8Array(new ArrayBuffer(208));

  get label(): Bytes {
    return this.bytes.subarray(0, 32);
  }
  get manufacturer(): Bytes {
    return this.bytes.subarray(32, 64);
  }
  get model(): Bytes {
    return this.bytes.subarray(64, 80);
  }
  get serial(): Bytes {
    return this.bytes.subarray(80, 96);
  }
  /** CKF_*; all that are used are among the low 32 bits. */
  get flags(): number {
    return new DataView(this.bytes.buffer).getUint32(96, true);
  }
}

/** CK_SESSION_INFO. */
export class SessionInfo {
  readonly words = new BigUint64Array(new ArrayBuffer(4 * WORD_BYTES));

  /** CKS_* */
  get state(): number {
    return Number(this.words[1]);
  }
}
