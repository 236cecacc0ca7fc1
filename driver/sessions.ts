/**
 * Sessions as applications use them: an object for each service, disposed of
 * when it is no longer needed. Bytes that a call is given are read before it
 * returns, and results are memory of their own. A call rejects with a TypeError
 * or RangeError for a wrong argument, an `OperationError` for what the device
 * refuses, and a `DeviceLostError` when the device is gone.
 *
 * @module
 */

import { algorithmByName } from "../algorithms/catalogue.ts";
import type {
  AeadSession,
  ChainSession,
  CipherSession,
  EcdsaSession,
  HashSession,
  MacSession,
  RsaSession,
} from "../algorithms/session_description.ts";
import { requireBytes, wrongLength } from "./argument.ts";
import { cipherStream, type StreamOptions } from "./cipher_stream.ts";
import { type ByteSource, collectBytes } from "./collected_bytes.ts";
import type { OperationName, RequestShape } from "./data_request.ts";
import type { RequestInput, RequestOutcome } from "./request_runner.ts";
import {
  publicKeyRulesOf,
  requireOpen,
  rulesOf,
  runnerOf,
  Session,
  targetOf,
} from "./session.ts";
import { describeTarget } from "./session_control.ts";

const NOTHING = new Uint8Array(0);

const NO_BYTES: Omit<RequestShape, "operation"> = {
  ivBytes: 0,
  sourceBytes: 0,
  additionalDataBytes: 0,
  destinationBytes: 0,
  digestBytes: 0,
  cipherStart: 0,
  cipherBytes: 0,
  hashStart: 0,
  hashBytes: 0,
};

/** Shape of a request over `input`; the rest follows from the service. */
function shapeOf(
  operation: OperationName,
  input: RequestInput,
  rest: Partial<RequestShape>,
): RequestShape {
  return {
    ...NO_BYTES,
    operation,
    ivBytes: input.iv.length,
    sourceBytes: input.source.length,
    additionalDataBytes: input.additionalData.length,
    ...rest,
  };
}

/**
 * Runs a request; rejects unless its status is OK. `macIvBytes` of the source are
 * the IV of a MAC.
 */
function run(
  session: Session,
  shape: RequestShape,
  input: RequestInput,
  macIvBytes = 0,
): Promise<RequestOutcome> {
  requireOpen(session, shape.operation);
  rulesOf(session)?.check(shape, macIvBytes);
  return runnerOf(session).require(targetOf(session), shape, input);
}

/** Throws a TypeError where argument `name` is not bytes. */
function expectBytes(
  session: Session,
  operation: OperationName,
  name: string,
  value: unknown,
): void {
  if (value instanceof Uint8Array) return;
  const target = describeTarget(session.description);
  requireBytes(`${operation} with ${target}`, name, value);
}

/** What one request can take of a source, beside `ivBytes` before it. */
function collect(
  session: Hash | Mac,
  source: ByteSource,
  ivBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  requireOpen(session, "digest");
  const others = ivBytes + session.description.resultBytes;
  const most = rulesOf(session)?.maximumDataBytes(1, others) ?? Infinity;
  const doing = `digest with ${describeTarget(session.description)}`;
  return collectBytes(doing, source, most);
}

/** A session of the CIPHER service. */
export class Cipher extends Session<CipherSession> {
  /**
   * Encrypts or decrypts, as the session says.
   *
   * @param data a multiple of the algorithm's block
   * @param iv IV, counter block or tweak; as long as the algorithm has it
   * @returns as many bytes as `data` has
   */
  async run(
    data: Uint8Array,
    iv: Uint8Array = NOTHING,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const { direction } = this.description;
    expectBytes(this, direction, "data", data);
    expectBytes(this, direction, "iv", iv);
    const input = { iv, source: data, additionalData: NOTHING };
    const shape = shapeOf(direction, input, { destinationBytes: data.length });
    return (await run(this, shape, input)).destination;
  }

  /**
   * A stream that does the same with data of any length, in requests of the size
   * that the device takes:
   *
   * ```ts ignore
   * const sealed = file.readable.pipeThrough(cipher.stream(iv));
   * ```
   *
   * In modes ECB and CBC all of it has to be a multiple of the block. A chunk is
   * the stream's until it has been written.
   *
   * @param iv of the first request; the others' follow from the mode
   * @throws {RangeError} for an algorithm in another mode than ECB, CBC, CTR and
   * XTS, whose state a request cannot carry
   */
  stream(
    iv: Uint8Array = NOTHING,
    options: StreamOptions = {},
  ): TransformStream<Uint8Array, Uint8Array<ArrayBuffer>> {
    const { algorithm, direction } = this.description;
    requireOpen(this, direction);
    expectBytes(this, direction, "iv", iv);
    const { blockBytes, ivBytes } = algorithmByName("cipher", algorithm)!;
    const input = { iv, source: NOTHING, additionalData: NOTHING };
    const rules = rulesOf(this);
    rules?.check(shapeOf(direction, input, {}));
    return cipherStream(
      {
        algorithm,
        direction,
        blockBytes,
        doing: `${direction} with cipher.${algorithm}`,
        maximumBytes: rules?.maximumDataBytes(2, ivBytes) ?? Infinity,
        memoryBytes: runnerOf(this).memory.region.lengthBytes,
        run: (data, iv) => this.run(data, iv),
      },
      iv,
      options,
    );
  }
}

/** Which part of the data a chain enciphers and which it hashes, in bytes. */
export interface ChainRanges {
  /** Where the enciphered part starts. Default: 0. */
  readonly cipherStart?: number;
  /** Length of the enciphered part. Default: up to the end. */
  readonly cipherBytes?: number;
  /** Where the hashed part starts. Default: 0. */
  readonly hashStart?: number;
  /** Length of the hashed part. Default: up to the end. */
  readonly hashBytes?: number;
}

/** What a chain gives back. */
export interface ChainResult {
  /** As long as the data; outside the enciphered part it is the data. */
  readonly data: Uint8Array<ArrayBuffer>;
  /** Digest or code, as long as the session says. */
  readonly digest: Uint8Array<ArrayBuffer>;
}

/** A session that chains a cipher and a hash or MAC. */
export class Chain extends Session<ChainSession> {
  /**
   * Enciphers and hashes in the session's order.
   *
   * @param data what both work on
   * @param iv of the cipher
   * @param ranges default to all of the data
   * @param additionalData hashed first
   */
  async run(
    data: Uint8Array,
    iv: Uint8Array = NOTHING,
    ranges: ChainRanges = {},
    additionalData: Uint8Array = NOTHING,
  ): Promise<ChainResult> {
    const { cipher, resultBytes } = this.description;
    expectBytes(this, cipher.direction, "data", data);
    expectBytes(this, cipher.direction, "iv", iv);
    expectBytes(this, cipher.direction, "additionalData", additionalData);
    const { cipherStart = 0, hashStart = 0 } = ranges;
    const input = { iv, source: data, additionalData };
    const shape = shapeOf(cipher.direction, input, {
      destinationBytes: data.length,
      digestBytes: resultBytes,
      cipherStart,
      cipherBytes: ranges.cipherBytes ?? data.length - cipherStart,
      hashStart,
      hashBytes: ranges.hashBytes ?? data.length - hashStart,
    });
    const outcome = await run(this, shape, input);
    return { data: outcome.destination, digest: outcome.digest };
  }
}

/** A session of the HASH service. */
export class Hash extends Session<HashSession> {
  /** The digest of `data`, as long as the session says. */
  async digest(data: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    expectBytes(this, "digest", "data", data);
    const input = { iv: NOTHING, source: data, additionalData: NOTHING };
    const digestBytes = this.description.resultBytes;
    const shape = shapeOf("digest", input, { digestBytes });
    return (await run(this, shape, input)).digest;
  }

  /**
   * The digest of data that comes in parts. They are collected, and sent in one
   * request: a device has no state of a digest between two, so that there can be
   * no more than its `maxSizeBytes`.
   *
   * @throws {RangeError} as soon as there is more
   */
  async digestOf(source: ByteSource): Promise<Uint8Array<ArrayBuffer>> {
    return await this.digest(await collect(this, source, 0));
  }
}

/** A session of the MAC service. */
export class Mac extends Session<MacSession> {
  /**
   * The code of `data`, as long as the session says.
   *
   * @param data what the code is of
   * @param iv for the algorithms that have one: 12 bytes for GMAC, 16 for SNOW 3G
   * UIA2 and ZUC EIA3
   */
  async digest(
    data: Uint8Array,
    iv: Uint8Array = NOTHING,
  ): Promise<Uint8Array<ArrayBuffer>> {
    expectBytes(this, "digest", "data", data);
    expectBytes(this, "digest", "iv", iv);
    // MAC requests have no field for it: it goes ahead of the data.
    const source = iv.length === 0 ? data : concatenate(iv, data);
    const input = { iv: NOTHING, source, additionalData: NOTHING };
    const digestBytes = this.description.resultBytes;
    const shape = shapeOf("digest", input, { digestBytes });
    return (await run(this, shape, input, iv.length)).digest;
  }

  /**
   * The code of data that comes in parts. They are collected, and sent in one
   * request: a device has no state of a code between two, so that there can be
   * no more than its `maxSizeBytes`.
   *
   * @throws {RangeError} as soon as there is more
   */
  async digestOf(
    source: ByteSource,
    iv: Uint8Array = NOTHING,
  ): Promise<Uint8Array<ArrayBuffer>> {
    expectBytes(this, "digest", "iv", iv);
    const own = new Uint8Array(iv);
    return await this.digest(await collect(this, source, own.length), own);
  }
}

/** A session of the AEAD service. */
export class Aead extends Session<AeadSession> {
  /**
   * Encrypts to ciphertext and tag, or decrypts both to plaintext, as the
   * session says. Rejects with an `OperationError` of status BADMSG, and gives no
   * plaintext, where the tag is wrong.
   *
   * @param data plaintext, or ciphertext with the tag behind it
   * @param iv the nonce: never the same twice under one key
   * @param additionalData authenticated, not enciphered
   */
  async run(
    data: Uint8Array,
    iv: Uint8Array,
    additionalData: Uint8Array = NOTHING,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const { direction, tagBytes } = this.description;
    expectBytes(this, direction, "data", data);
    expectBytes(this, direction, "iv", iv);
    expectBytes(this, direction, "additionalData", additionalData);
    if (direction === "encrypt") {
      const input = { iv, source: data, additionalData };
      const outcome = await run(this, this.#shape(input), input);
      return concatenate(outcome.destination, outcome.digest);
    }
    const end = data.length - tagBytes;
    if (end < 0) {
      const target = describeTarget(this.description);
      const expected = `at least ${tagBytes}, the length of the tag`;
      throw wrongLength(
        `decrypt with ${target}`,
        "data",
        data.length,
        expected,
      );
    }
    const source = data.subarray(0, end);
    const input = { iv, source, additionalData, tag: data.subarray(end) };
    return (await run(this, this.#shape(input), input)).destination;
  }

  #shape(input: RequestInput): RequestShape {
    return shapeOf(this.description.direction, input, {
      destinationBytes: input.source.length,
      digestBytes: this.description.tagBytes,
    });
  }
}

/** Room for the longest result: RSA with 8192 bits, or a DER signature. */
const MAXIMUM_RESULT_BYTES = 1024;

/** A session of the AKCIPHER service. */
export class Akcipher extends Session<RsaSession | EcdsaSession> {
  /** Encrypts with RSA; the result is as long as the modulus. */
  encrypt(data: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    return this.#transform("encrypt", data);
  }

  /** Decrypts with RSA, which takes a private key. */
  decrypt(data: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    return this.#transform("decrypt", data);
  }

  /**
   * Signs with a private key. `data` is the digest, of the hash that an RSA
   * session names; the signature of ECDSA is DER (RFC 3279 §2.2.3).
   */
  sign(data: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    return this.#transform("sign", data);
  }

  /**
   * Resolves when `signature` is one of `data`, the digest; rejects with an
   * `OperationError` of status KEY_REJECTED otherwise.
   */
  async verify(signature: Uint8Array, data: Uint8Array): Promise<void> {
    expectBytes(this, "verify", "signature", signature);
    expectBytes(this, "verify", "data", data);
    publicKeyRulesOf(this)?.check("verify", data.length);
    const input = { iv: NOTHING, source: signature, additionalData: data };
    await run(this, shapeOf("verify", input, {}), input);
  }

  async #transform(
    operation: "encrypt" | "decrypt" | "sign",
    source: Uint8Array,
  ): Promise<Uint8Array<ArrayBuffer>> {
    expectBytes(this, operation, "data", source);
    publicKeyRulesOf(this)?.check(operation, source.length);
    const input = { iv: NOTHING, source, additionalData: NOTHING };
    const outcome = await run(
      this,
      shapeOf(operation, input, { destinationBytes: MAXIMUM_RESULT_BYTES }),
      input,
    );
    // The used length counts the status byte too (virtio 1.4 §5.9.9.8).
    return outcome.destination.slice(0, Math.max(outcome.writtenBytes - 1, 0));
  }
}

function concatenate(
  first: Uint8Array,
  second: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}
