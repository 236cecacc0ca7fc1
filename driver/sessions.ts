/**
 * Sessions as applications use them: an object for each service, disposed of
 * when it is no longer needed.
 *
 * @module
 */

import { showInstead } from "../algorithms/inspect.ts";
import {
  type AeadSession,
  type ChainSession,
  type CipherSession,
  type EcdsaSession,
  type HashSession,
  type MacSession,
  type RsaSession,
  type SessionDescription,
  wipeKeys,
  withoutKeys,
} from "../algorithms/session_description.ts";
import type { Service } from "../algorithms/catalogue.ts";
import type {
  OperationName,
  RequestShape,
  RequestTarget,
} from "./data_request.ts";
import type {
  RequestInput,
  RequestOutcome,
  RequestRunner,
} from "./request_runner.ts";
import { describeTarget, type SessionControl } from "./session_control.ts";

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

/** Where a session is on a device. */
export interface SessionPlace {
  /** Absent: every request carries the description (stateless mode). */
  readonly sessionId?: number;
  /** Number of its data queue. */
  readonly dataQueue: number;
  /** The queue of its requests, and how they are written. */
  readonly runner: RequestRunner;
  readonly control: SessionControl;
  /** Whether the device is no longer used, so that nothing is left to destroy. */
  readonly isGone: () => boolean;
}

/** What a session is made of; the driver makes them. */
export interface SessionParts<D extends SessionDescription> {
  readonly description: D;
  readonly place: SessionPlace;
  /** Hears that the session is closed. */
  readonly closed: (session: Session) => void;
}

/** Where a session is; no part of the API. */
export let placeOf: (session: Session) => SessionPlace;

/** Gives a session another place; no part of the API. */
export let moveTo: (session: Session, place: SessionPlace) => void;

/** A session of the device, or the parameters of stateless requests. */
export abstract class Session<
  D extends SessionDescription = SessionDescription,
> implements AsyncDisposable {
  /** With copies of the keys, which are wiped when the session is closed. */
  readonly description: D;
  readonly #closed: (session: Session) => void;
  #place: SessionPlace;
  #open = true;

  /** Sessions are made by a `Driver`. */
  constructor(parts: SessionParts<D>) {
    this.description = parts.description;
    this.#closed = parts.closed;
    this.#place = parts.place;
    showInstead(this, () => ({
      ...withoutKeys(this.description),
      id: this.id,
      state: this.#state,
    }), new.target.name);
  }

  static {
    placeOf = (session) => session.#place;
    moveTo = (session, place) => {
      session.#place = place;
      if (!session.#open) session.#destroy().catch(() => {});
    };
  }

  /** The device's identifier; absent in stateless mode. */
  get id(): number | undefined {
    return this.#place.sessionId;
  }

  /** False once it has been closed. */
  get isOpen(): boolean {
    return this.#open;
  }

  get #state(): string {
    if (!this.#open) return "closed";
    return this.#place.isGone() ? "the device is gone" : "open";
  }

  /** Destroys the session on the device; one that is gone has none. */
  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    wipeKeys(this.description);
    this.#closed(this);
    await this.#destroy();
  }

  async #destroy(): Promise<void> {
    const { sessionId, control, isGone } = this.#place;
    if (sessionId === undefined || isGone()) return;
    const { service } = this.description;
    const owner: Service = service === "chain" ? "cipher" : service;
    try {
      await control.destroy(owner, sessionId);
    } catch (error) {
      if (!isGone()) throw error;
    }
  }

  /** Closes the session. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Throws where the session is closed. */
export function requireOpen(session: Session, operation: OperationName): void {
  if (session.isOpen) return;
  throw new Error(
    `Cannot ${operation}: the session of ` +
      `${describeTarget(session.description)} is closed`,
  );
}

/** What requests of the session go through; no part of the API. */
export const runnerOf = (session: Session): RequestRunner =>
  placeOf(session).runner;

/** How requests name the session; no part of the API. */
export function targetOf({ description, id }: Session): RequestTarget {
  return id === undefined ? { description } : { description, sessionId: id };
}

/** Runs a request; rejects unless its status is OK. */
function run(
  session: object,
  shape: RequestShape,
  input: RequestInput,
): Promise<RequestOutcome> {
  const one = session as Session;
  requireOpen(one, shape.operation);
  return runnerOf(one).require(targetOf(one), shape, input);
}

/** A session of the CIPHER service. */
export class Cipher extends Session<CipherSession> {
  /** Encrypts or decrypts, as the session says. */
  async run(
    data: Uint8Array,
    iv: Uint8Array = NOTHING,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const input = { iv, source: data, additionalData: NOTHING };
    const { direction } = this.description;
    const shape = shapeOf(direction, input, { destinationBytes: data.length });
    return (await run(this, shape, input)).destination;
  }
}

/** Which part of the data a chain enciphers and which it hashes. */
export interface ChainRanges {
  readonly cipherStart?: number;
  readonly cipherBytes?: number;
  readonly hashStart?: number;
  readonly hashBytes?: number;
}

/** What a chain gives back. */
export interface ChainResult {
  readonly data: Uint8Array<ArrayBuffer>;
  readonly digest: Uint8Array<ArrayBuffer>;
}

/** A session that chains a cipher and a hash or MAC. */
export class Chain extends Session<ChainSession> {
  /** Ranges default to all of the data. */
  async run(
    data: Uint8Array,
    iv: Uint8Array,
    ranges: ChainRanges = {},
    additionalData: Uint8Array = NOTHING,
  ): Promise<ChainResult> {
    const { cipherStart = 0, hashStart = 0 } = ranges;
    const input = { iv, source: data, additionalData };
    const shape = shapeOf(this.description.cipher.direction, input, {
      destinationBytes: data.length,
      digestBytes: this.description.resultBytes,
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
  async digest(data: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    const input = { iv: NOTHING, source: data, additionalData: NOTHING };
    const digestBytes = this.description.resultBytes;
    const shape = shapeOf("digest", input, { digestBytes });
    return (await run(this, shape, input)).digest;
  }
}

/** A session of the MAC service. */
export class Mac extends Session<MacSession> {
  /** GMAC takes its IV ahead of the data, in the same source. */
  async digest(
    data: Uint8Array,
    iv: Uint8Array = NOTHING,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const source = iv.length === 0 ? data : concatenate(iv, data);
    const input = { iv: NOTHING, source, additionalData: NOTHING };
    const digestBytes = this.description.resultBytes;
    const shape = shapeOf("digest", input, { digestBytes });
    return (await run(this, shape, input)).digest;
  }
}

/** A session of the AEAD service. */
export class Aead extends Session<AeadSession> {
  /**
   * Encrypts to ciphertext and tag, or decrypts both to plaintext, as the
   * session says.
   */
  async run(
    data: Uint8Array,
    iv: Uint8Array,
    additionalData: Uint8Array = NOTHING,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const { direction, tagBytes } = this.description;
    if (direction === "encrypt") {
      const input = { iv, source: data, additionalData };
      const outcome = await run(this, this.#shape(input), input);
      return concatenate(outcome.destination, outcome.digest);
    }
    const end = data.length - tagBytes;
    if (end < 0) {
      throw new RangeError(
        `Cannot decrypt ${data.length} bytes: the tag alone has ${tagBytes}`,
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
  encrypt(data: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    return this.#transform("encrypt", data);
  }

  decrypt(data: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    return this.#transform("decrypt", data);
  }

  /** Signs `data`, which usually is a digest. */
  sign(data: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    return this.#transform("sign", data);
  }

  /** Resolves when `signature` is one of `data`; rejects otherwise. */
  async verify(signature: Uint8Array, data: Uint8Array): Promise<void> {
    const input = { iv: NOTHING, source: signature, additionalData: data };
    await run(this, shapeOf("verify", input, {}), input);
  }

  async #transform(
    operation: "encrypt" | "decrypt" | "sign",
    source: Uint8Array,
  ): Promise<Uint8Array<ArrayBuffer>> {
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
