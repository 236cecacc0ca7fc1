/**
 * Ciphers over data of any length, in requests that the device takes. A device
 * keeps no state between requests, so that a mode can be cut where its state fits
 * in an IV: CBC's last block, CTR's counter, XTS' number of the data unit.
 *
 * @module
 */

import type { CipherName } from "../algorithms/catalogue.ts";
import type { Direction } from "../algorithms/session_description.ts";
import { requireBytes, wrongThing, wrongValue } from "./argument.ts";

/** How a cipher's stream cuts. */
export interface StreamOptions {
  /**
   * For XTS, which needs it: length of a data unit (a sector), 16 bytes to
   * 16 MiB. The IV is the number of the first one, in little-endian order, and
   * each unit has the next. The last may be shorter, down to 16 bytes.
   */
  readonly unitBytes?: number;
}

/** What a stream needs of its session. */
export interface StreamedCipher {
  readonly algorithm: string;
  readonly direction: Direction;
  readonly blockBytes: number;
  /** As in `encrypt with cipher.aes-cbc`. */
  readonly doing: string;
  /** The longest data of one request. */
  readonly maximumBytes: number;
  /** Memory that requests have together. */
  readonly memoryBytes: number;
  /** Takes both when it is called. */
  run(data: Uint8Array, iv: Uint8Array): Promise<Uint8Array<ArrayBuffer>>;
}

/** Long enough that a request's own cost does not count. */
const PIECE_BYTES = 128 * 1024;
/** Data with the device at a time. */
const AHEAD_BYTES = 512 * 1024;
const MAXIMUM_AHEAD = 64;
const MINIMUM_UNIT_BYTES = 16;
const MAXIMUM_UNIT_BYTES = 2 ** 20 * 16;

/** The IV of the piece after one with `input` and, where it waits, `output`. */
type NextIv = (
  iv: Uint8Array,
  input: Uint8Array,
  output?: Uint8Array,
) => Uint8Array;

/** How a cipher goes on behind a piece. */
interface Mode {
  readonly next: NextIv;
  /** The next piece needs the result of this one. */
  readonly waits?: boolean;
  /** Pieces are data units. */
  readonly hasUnits?: boolean;
}

const same: NextIv = (iv) => iv;

/** Big-endian, of the whole block (SP 800-38A §B.1). */
function nextCounter(iv: Uint8Array, { length }: Uint8Array): Uint8Array {
  const next = new Uint8Array(iv);
  let carry = Math.ceil(length / iv.length);
  for (let i = next.length - 1; i >= 0 && carry > 0; i--) {
    carry += next[i]!;
    next[i] = carry & 0xff;
    carry = Math.floor(carry / 256);
  }
  return next;
}

/** The next number of a data unit, little-endian (IEEE 1619 §5.1). */
function nextUnit(iv: Uint8Array): Uint8Array {
  const next = new Uint8Array(iv);
  for (let i = 0; i < next.length; i++) {
    next[i]!++;
    if (next[i] !== 0) break;
  }
  return next;
}

const lastBlock = (bytes: Uint8Array, { length }: Uint8Array): Uint8Array =>
  new Uint8Array(bytes.subarray(bytes.length - length));

const CBC: Readonly<Record<Direction, Mode>> = {
  encrypt: {
    next: (iv, _input, output) => lastBlock(output!, iv),
    waits: true,
  },
  decrypt: { next: (iv, input) => lastBlock(input, iv) },
};

/** The mode of an algorithm; `undefined` where its state fits in no IV. */
function modeOf(algorithm: string, direction: Direction): Mode | undefined {
  switch (algorithm as CipherName) {
    case "aes-ecb":
    case "des-ecb":
    case "3des-ecb":
      return { next: same };
    case "aes-cbc":
    case "des-cbc":
    case "3des-cbc":
      return CBC[direction];
    case "aes-ctr":
    case "3des-ctr":
      return { next: nextCounter };
    case "aes-xts":
      return { next: nextUnit, hasUnits: true };
    default:
      return undefined;
  }
}

function unitOf(cipher: StreamedCipher, { unitBytes }: StreamOptions): number {
  const most = Math.min(MAXIMUM_UNIT_BYTES, cipher.maximumBytes);
  const isUnit = Number.isSafeInteger(unitBytes) &&
    unitBytes! >= MINIMUM_UNIT_BYTES && unitBytes! <= most;
  if (isUnit) return unitBytes!;
  throw wrongValue(
    cipher.doing,
    "unitBytes",
    unitBytes,
    `${MINIMUM_UNIT_BYTES} to ${most}: XTS is cut at data units alone`,
  );
}

function pieceOf(cipher: StreamedCipher, ivBytes: number): number {
  // Source and result of all that are with the device, and room beside them.
  const share = cipher.memoryBytes / 16;
  const most = Math.min(PIECE_BYTES, cipher.maximumBytes, share);
  // A counter counts whole blocks, though the data may end within one.
  const step = Math.max(cipher.blockBytes, ivBytes);
  return Math.floor(most / step) * step;
}

/**
 * A stream that enciphers or deciphers what is written to it. Throws a RangeError
 * where the algorithm cannot be cut, or for a wrong IV or unit.
 */
export function cipherStream(
  cipher: StreamedCipher,
  iv: Uint8Array,
  options: StreamOptions,
): TransformStream<Uint8Array, Uint8Array<ArrayBuffer>> {
  const { algorithm, direction, doing } = cipher;
  const mode = modeOf(algorithm, direction);
  if (!mode) {
    throw wrongThing(
      doing,
      "the algorithm of a stream",
      `is ${algorithm}, whose state fits in no IV`,
      "one in mode ECB, CBC, CTR or XTS",
    );
  }
  const pieceBytes = mode.hasUnits
    ? unitOf(cipher, options)
    : pieceOf(cipher, iv.length);
  const ahead = mode.waits
    ? 1
    : Math.min(MAXIMUM_AHEAD, Math.ceil(AHEAD_BYTES / pieceBytes));
  return new TransformStream(new Cutter(cipher, mode, iv, pieceBytes, ahead));
}

type Controller = TransformStreamDefaultController<Uint8Array<ArrayBuffer>>;

/** Cuts what comes into pieces, and puts the results out in order. */
class Cutter implements Transformer<Uint8Array, Uint8Array<ArrayBuffer>> {
  readonly #cipher: StreamedCipher;
  readonly #mode: Mode;
  readonly #ahead: number;
  readonly #held: Uint8Array;
  readonly #underWay: Promise<Uint8Array<ArrayBuffer>>[] = [];
  #heldBytes = 0;
  #totalBytes = 0;
  #iv: Uint8Array;

  constructor(
    cipher: StreamedCipher,
    mode: Mode,
    iv: Uint8Array,
    pieceBytes: number,
    ahead: number,
  ) {
    this.#cipher = cipher;
    this.#mode = mode;
    this.#iv = new Uint8Array(iv);
    this.#held = new Uint8Array(pieceBytes);
    this.#ahead = ahead;
  }

  async transform(chunk: Uint8Array, controller: Controller): Promise<void> {
    requireBytes(this.#cipher.doing, "a chunk of the stream", chunk);
    this.#totalBytes += chunk.length;
    for (let at = 0; at < chunk.length;) {
      const room = this.#held.length - this.#heldBytes;
      const part = chunk.subarray(at, at + room);
      this.#held.set(part, this.#heldBytes);
      this.#heldBytes += part.length;
      at += part.length;
      if (part.length === room) await this.#send(controller);
    }
  }

  async flush(controller: Controller): Promise<void> {
    const { blockBytes, doing } = this.#cipher;
    if (this.#totalBytes % blockBytes !== 0) {
      throw wrongThing(
        doing,
        "the stream",
        `has ${this.#totalBytes} bytes`,
        `a multiple of ${blockBytes}`,
      );
    }
    if (this.#mode.hasUnits && this.#isStub()) {
      throw wrongThing(
        doing,
        "the last data unit",
        `has ${this.#heldBytes} bytes`,
        `at least ${MINIMUM_UNIT_BYTES}`,
      );
    }
    if (this.#heldBytes > 0) await this.#send(controller);
    await this.#putOut(controller, 0);
  }

  #isStub(): boolean {
    return this.#heldBytes > 0 && this.#heldBytes < MINIMUM_UNIT_BYTES;
  }

  /** Sends what is held, and waits where enough is with the device. */
  async #send(controller: Controller): Promise<void> {
    const input = this.#held.subarray(0, this.#heldBytes);
    this.#heldBytes = 0;
    const { next, waits } = this.#mode;
    const iv = this.#iv;
    const result = this.#cipher.run(input, iv);
    if (waits) {
      const output = await result;
      this.#iv = next(iv, input, output);
      return controller.enqueue(output);
    }
    this.#iv = next(iv, input);
    // It is awaited in its turn, which an earlier one's failure may forestall.
    result.catch(() => {});
    this.#underWay.push(result);
    await this.#putOut(controller, this.#ahead - 1);
  }

  /** Puts results out until no more than `most` are under way. */
  async #putOut(controller: Controller, most: number): Promise<void> {
    while (this.#underWay.length > most) {
      controller.enqueue(await this.#underWay.shift()!);
    }
  }
}
