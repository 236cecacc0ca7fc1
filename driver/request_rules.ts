/**
 * What requests of a session have to look like, told before the device is asked.
 *
 * @module
 */

import {
  algorithmByName,
  allowsLength,
  type CipherAlgorithm,
  type Lengths,
} from "../algorithms/catalogue.ts";
import { dataFits, type DataLimit, dataLimit } from "../algorithms/legality.ts";
import {
  keysOf,
  type SessionDescription,
} from "../algorithms/session_description.ts";
import { describeLengths, wrongLength, wrongThing } from "./argument.ts";
import { ivFieldBytesOf, type RequestShape } from "./data_request.ts";
import { describeTarget } from "./session_control.ts";

const NONE: Lengths = { minimum: 0, maximum: 0, step: 1 };
const NO_LIMIT: DataLimit = {
  maximumBytes: Number.MAX_SAFE_INTEGER,
  nonceAndLengthBytes: 0,
};

/** Rules of one session. */
export class RequestRules {
  /** As in `cipher.aes-cbc`. */
  readonly target: string;
  readonly #isChain: boolean;
  /** What a request too long could do, as a tail of its message. */
  readonly #wayOut: string;
  readonly #iv: Lengths;
  readonly #ivFieldBytes: number;
  /** The IV that opens the data of a MAC. */
  readonly macIvBytes: number;
  /** What is enciphered, or goes into a MAC, is a multiple of this … */
  readonly #blockBytes: number;
  /** … and, unless empty, at least this. */
  readonly #minimumBytes: number;
  readonly #macBlockBytes: number;
  readonly #limit: DataLimit;
  /** Keys that each request carries. */
  readonly #keyBytes: number;
  readonly #maxSizeBytes: number;

  /**
   * `maxSizeBytes` is the device's: the sum of a request's parts; of a device
   * that tells none, `Infinity`.
   */
  constructor(
    description: SessionDescription,
    isStateless: boolean,
    maxSizeBytes: number,
  ) {
    this.target = describeTarget(description);
    this.#isChain = description.service === "chain";
    this.#wayOut = description.service === "cipher"
      ? "; `stream` takes any length"
      : "; it cannot be cut into several requests";
    this.#ivFieldBytes = ivFieldBytesOf(description);
    this.#maxSizeBytes = maxSizeBytes;
    this.#keyBytes = isStateless
      ? keysOf(description).reduce((sum, key) => sum + key.length, 0)
      : 0;
    const cipher = cipherOf(description);
    const mac = macOf(description);
    const aead = description.service === "aead"
      ? algorithmByName("aead", description.algorithm)
      : undefined;
    this.#iv = cipher ? exactly(cipher.ivBytes) : aead?.ivBytes ?? NONE;
    this.macIvBytes = mac?.ivBytes ?? 0;
    this.#blockBytes = cipher?.blockBytes ?? 1;
    this.#minimumBytes = cipher?.minimumBytes ?? 0;
    this.#macBlockBytes = mac?.blockBytes ?? 1;
    const limited = cipher ?? aead ?? mac;
    this.#limit = limited ? dataLimit(limited) : NO_LIMIT;
  }

  /**
   * Throws where the device would refuse a request of this shape. The IV of a
   * MAC is not in the shape: `macIvBytes` says how long it is.
   */
  check(shape: RequestShape, macIvBytes = 0): void {
    const doing = `${shape.operation} with ${this.target}`;
    this.#checkIv(doing, shape.ivBytes, macIvBytes);
    if (this.#isChain) this.#checkRanges(doing, shape);
    else this.#checkData(doing, "data", shape.sourceBytes - macIvBytes);
    const hashed = this.#isChain
      ? shape.hashBytes + shape.additionalDataBytes
      : shape.sourceBytes - macIvBytes;
    if (hashed % this.#macBlockBytes !== 0) {
      const what = this.#isChain ? "what is hashed" : "data";
      const expected = `a multiple of ${this.#macBlockBytes}`;
      throw wrongLength(doing, what, hashed, expected);
    }
    if (!dataFits(this.#limit, shape.ivBytes, this.#lengthOf(shape))) {
      throw wrongLength(
        doing,
        "data",
        this.#lengthOf(shape),
        `at most ${
          this.#maximumBytes(shape.ivBytes)
        }, the algorithm's own limit`,
      );
    }
    this.#checkSize(doing, shape);
  }

  /**
   * The longest data of one request, of which `copies` are in it (one is its
   * result), beside `otherBytes` of other parts.
   */
  maximumDataBytes(copies: 1 | 2, otherBytes: number): number {
    const left = this.#maxSizeBytes - this.#keyBytes - otherBytes;
    return Math.floor(Math.max(left, 0) / copies);
  }

  #lengthOf(shape: RequestShape): number {
    return this.#isChain ? shape.cipherBytes : shape.sourceBytes;
  }

  #maximumBytes(ivBytes: number): number {
    const { maximumBytes, nonceAndLengthBytes } = this.#limit;
    if (nonceAndLengthBytes === 0) return maximumBytes;
    return Math.min(
      maximumBytes,
      2 ** (8 * (nonceAndLengthBytes - ivBytes)) - 1,
    );
  }

  #checkIv(doing: string, ivBytes: number, macIvBytes: number): void {
    if (!allowsLength(this.#iv, ivBytes)) {
      throw wrongLength(doing, "iv", ivBytes, describeLengths(this.#iv));
    }
    if (macIvBytes !== this.macIvBytes) {
      throw wrongLength(doing, "iv", macIvBytes, `${this.macIvBytes}`);
    }
  }

  #checkData(doing: string, name: string, lengthBytes: number): void {
    if (lengthBytes % this.#blockBytes !== 0) {
      const expected = `a multiple of ${this.#blockBytes}`;
      throw wrongLength(doing, name, lengthBytes, expected);
    }
    if (lengthBytes > 0 && lengthBytes < this.#minimumBytes) {
      const expected = `none, or at least ${this.#minimumBytes}`;
      throw wrongLength(doing, name, lengthBytes, expected);
    }
  }

  /** Both ranges lie within the data. */
  #checkRanges(doing: string, shape: RequestShape): void {
    for (const range of ["cipher", "hash"] as const) {
      const start = shape[`${range}Start`];
      const lengthBytes = shape[`${range}Bytes`];
      const isRange = Number.isInteger(start) && start >= 0 &&
        Number.isInteger(lengthBytes) && lengthBytes >= 0 &&
        start + lengthBytes <= shape.sourceBytes;
      if (isRange) continue;
      throw wrongThing(
        doing,
        `${range}Start and ${range}Bytes`,
        `are ${start} and ${lengthBytes}`,
        `a part of the data, which has ${shape.sourceBytes} bytes`,
      );
    }
    this.#checkData(doing, "cipherBytes: the part", shape.cipherBytes);
  }

  /** The sum of all that the device counts (virtio 1.4 §5.9.5, `max_size`). */
  #checkSize(doing: string, shape: RequestShape): void {
    const sizeBytes = this.#keyBytes + (this.#ivFieldBytes || shape.ivBytes) +
      shape.sourceBytes + shape.additionalDataBytes + shape.destinationBytes +
      shape.digestBytes;
    if (sizeBytes <= this.#maxSizeBytes) return;
    throw wrongThing(
      doing,
      "data",
      `has ${shape.sourceBytes} bytes, and the whole request ${sizeBytes}`,
      `at most ${this.#maxSizeBytes}, the device's maxSizeBytes${this.#wayOut}`,
    );
  }
}

const exactly = (bytes: number): Lengths => ({
  minimum: bytes,
  maximum: bytes,
  step: 1,
});

function cipherOf(
  description: SessionDescription,
): CipherAlgorithm | undefined {
  switch (description.service) {
    case "cipher":
      return algorithmByName("cipher", description.algorithm);
    case "chain":
      return algorithmByName("cipher", description.cipher.algorithm);
    default:
      return undefined;
  }
}

function macOf(description: SessionDescription) {
  switch (description.service) {
    case "mac":
      return algorithmByName("mac", description.algorithm);
    case "chain":
      return description.hashMode === "auth"
        ? algorithmByName("mac", description.hashAlgorithm)
        : undefined;
    default:
      return undefined;
  }
}
