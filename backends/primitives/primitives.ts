/**
 * What a library does for the sessions of `backends/primitives/`: keyed
 * primitives over contiguous bytes.
 *
 * @module
 */

import type {
  EcdsaSession,
  RsaSession,
} from "../../algorithms/session_description.ts";
import type { Operation } from "../backend.ts";
import type { RequestBurst } from "../request_burst.ts";
import type { BareRsa } from "../padded_rsa.ts";
import type { PieceWorker, Transform } from "./pieces.ts";

/** Bytes that a library may be handed a pointer to. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** A keyed cipher; `start` begins a message, `piece` continues it. */
export interface Cipher extends Transform {
  /** `iv` holds at least the algorithm's IV; `words` the same, if it is given. */
  start(iv: Bytes, words?: Uint32Array): boolean;
  /** The shortest message that is not empty. */
  readonly minimumBytes: number;
  /** What `CipherBursts` knows it by; absent or 0: it does not. */
  readonly record?: number;
  /** Wipes the key. */
  close(): void;
}

/** A digest under way: `start`, any number of `update`, `finish`. */
export interface Digester {
  start(): boolean;
  /** A kept function, to be passed on as it is. */
  readonly update: (bytes: Bytes) => boolean;
  /** The same with the first bytes of kept memory, without a view of them. */
  readonly updateKept?: (bytes: Bytes, lengthBytes: number) => boolean;
  /**
   * The result, in the same bytes each time, valid until the next call; null
   * where it failed.
   */
  finish(): Bytes | null;
  /** Wipes the key, if any. */
  close(): void;
}

/** A MAC that takes an IV with each message. */
export interface DigesterWithIv extends Omit<Digester, "start"> {
  start(iv: Bytes): boolean;
}

/** The lengths of an AEAD message, which some modes ask for beforehand. */
export interface AeadLengths {
  readonly ivBytes: number;
  readonly additionalBytes: number;
  readonly dataBytes: number;
}

/** An authenticated cipher under way. */
export interface Aead extends Transform {
  /** All associated data has to be one piece. */
  readonly wholeAdditionalData: boolean;
  /** An IV of 16 bytes is GCM's pre-counter block. */
  readonly takesPreCounterBlock?: boolean;
  /** Nothing is written before the tag was compared. */
  readonly comparesFirst?: boolean;
  /**
   * Begins a message; `tag` is the expected one when decrypting. `words` are the
   * same as `iv`, if they are given.
   */
  start(
    iv: Bytes,
    lengths: AeadLengths,
    tag: Bytes,
    words?: Uint32Array,
  ): boolean;
  /**
   * The same with the IV from word `at` of `ivs` on; false where that takes
   * `start`.
   */
  startFrom?(
    ivs: Uint32Array,
    at: number,
    ivBytes: number,
    tag: Bytes,
  ): boolean;
  /** A kept function that takes associated data, before any `piece`. */
  readonly absorb: (bytes: Bytes) => boolean;
  /** The same with the first bytes of kept memory, without a view of them. */
  readonly absorbKept?: (bytes: Bytes, lengthBytes: number) => boolean;
  /** Encryption: fills `tag`. Decryption: whether `tag` is right. */
  finish(tag: Bytes): boolean;
  /** Wipes the key. */
  close(): void;
}

/** A session on one thread. */
export interface PrimitiveSession {
  /** That of its cipher, where it does nothing else. */
  readonly record?: number | undefined;
  /**
   * Runs a request of a burst over one range each; false leaves it to `perform`,
   * and nothing has been written.
   */
  take?(burst: RequestBurst, slot: number): boolean;
  /** Runs one operation and sets its status and written bytes. */
  perform(operation: Operation): void;
  /** Wipes the key. */
  close(): void;
}

/** Ciphers that a library runs for many sessions in one go. */
export interface CipherBursts {
  /**
   * Runs requests, of `slots` from index `from` to `count`, which are over one
   * range each and have a record; returns the index of the first that is none of
   * these. `records`: by number of the session.
   */
  take(
    burst: RequestBurst,
    slots: Int32Array<ArrayBuffer>,
    from: number,
    count: number,
    records: Int32Array<ArrayBuffer>,
    worker: PieceWorker,
  ): number;
}

/**
 * A library on one thread. Every `make` method takes catalogue names and throws
 * where the library has no such algorithm or refuses the key.
 */
export interface Primitives {
  makeCipher(algorithm: string, key: Uint8Array, encrypts: boolean): Cipher;
  /**
   * The same for what a session is of: a message of one of these ends on its
   * thread before that of another begins. Absent: as `makeCipher`.
   */
  makeSessionCipher?(
    algorithm: string,
    key: Uint8Array,
    encrypts: boolean,
  ): Cipher;
  /** Absent: each request is run by its session. */
  readonly bursts?: CipherBursts;
  makeHash(algorithm: string, resultBytes: number): Digester;
  /** A MAC without an IV. */
  makeMac(algorithm: string, key: Uint8Array, resultBytes: number): Digester;
  /** A MAC whose source opens with an IV. */
  makeMacWithIv(
    algorithm: string,
    key: Uint8Array,
    resultBytes: number,
  ): DigesterWithIv;
  makeAead(
    algorithm: string,
    key: Uint8Array,
    encrypts: boolean,
    tagBytes: number,
  ): Aead;
  makeRsa(description: RsaSession): BareRsa;
  openEcdsa(description: EcdsaSession): PrimitiveSession;
  /** Forgets what a failed call has left behind on this thread. */
  clearErrors(): void;
  /** Gives everything back; all that it made is closed before. */
  close(): void;
}
