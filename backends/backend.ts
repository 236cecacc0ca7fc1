/**
 * The contract between the device and whatever does the cryptography. A backend
 * speaks the catalogue's terms and bytes; it knows nothing of virtio.
 *
 * A backend is a module whose default export is a {@linkcode Backend}. The
 * process loads it to probe it; every queue thread loads it again, opens it and
 * opens its own sessions from their descriptions. How it is called, `runs` says:
 * with operations as objects ({@linkcode BackendThread}), with bursts as numbers
 * ({@linkcode BurstThread}), or with copies, by a thread that may block or by
 * promises ({@linkcode AsynchronousThread}). `docs/backends.md` helps to choose.
 *
 * @module
 */

import type { SessionDescription } from "../algorithms/session_description.ts";
import type { Segments } from "../memory/segments.ts";
import type { RequestBurst } from "./request_burst.ts";

/**
 * Version of this contract. A plugin of version 1 is loaded too, as what it is:
 * one that runs operations; any other is refused.
 */
export const CONTRACT_VERSION = 2;

/** Result of an operation. The numbers are the standard's (virtio 1.4 §5.9.9.1). */
export const enum OperationStatus {
  Ok = 0,
  Failed = 1,
  /** AEAD decryption found a wrong tag; no plaintext is left. */
  BadTag = 2,
  Unsupported = 3,
  /** A signature did not verify. */
  KeyRejected = 6,
  /**
   * Not done, because the backend cannot do this one request (its size, its
   * layout) although it works: the destination is as it was, so that another
   * backend may do it.
   */
  Elsewhere = 253,
  /**
   * Not done, because the backend cannot work now: the destination is as it
   * was, so that another backend may do it.
   */
  Unavailable = 254,
  /** Not finished: it will be after a later `poll`. */
  Pending = 255,
}

/** What an operation does; which are possible follows from its session. */
export const enum OperationKind {
  Encrypt = 0,
  Decrypt = 1,
  /** HASH and MAC. */
  Digest = 2,
  Sign = 3,
  Verify = 4,
}

/**
 * One request for a backend. The device fills it; the backend reads it and sets
 * `status` and `writtenBytes`. It and its lists belong to the device, which
 * refills them after completion: a backend keeps no reference beyond that.
 *
 * Overlap: the destination may be the source, the same ranges in the same order;
 * a backend works in place then. But for that no byte of an output is a byte of
 * an input or of another output of the operation, in whatever order a guest has
 * laid its buffers over each other: who calls `run` sees to it, as the device
 * does with `OverlapCheck` and `PrivateResults` of `overlap.ts`. Inputs may share
 * bytes. A guest then sees its request as if all inputs had been read first, and
 * the destination written from its start to its end, and the digest after it.
 *
 * `source` and `destination` are guest memory: a guest may change the bytes at
 * any time, so a backend reads a byte that it decides on once only. Lengths have
 * been checked against the catalogue and the session before the call.
 */
export interface Operation {
  /** What to do. */
  kind: OperationKind;
  /** What `openSession` returned on this thread. */
  session: BackendSession;
  /** A private copy, valid for `ivBytes` bytes. */
  readonly iv: Uint8Array<ArrayBuffer>;
  /** The 16 bytes of `iv` as words: copying four is faster than 16 bytes. */
  readonly ivWords: Uint32Array<ArrayBuffer>;
  /** Bytes of `iv` that count; 0 where the algorithm has none. */
  ivBytes: number;
  /**
   * Input, whole and in order. CIPHER, HASH, MAC and chains: the data. AEAD: the
   * plaintext, or the ciphertext without its tag. AKCIPHER: the data; to verify,
   * the signature (the data is in `additionalData`).
   */
  readonly source: Segments;
  /** AEAD and chains: associated data. Verify: the data that was signed. */
  readonly additionalData: Segments;
  /**
   * Output. CIPHER, AEAD and chains: exactly as long as `source`. AKCIPHER: room
   * for the result, which may be shorter. It may be `source` itself.
   */
  readonly destination: Segments;
  /**
   * HASH, MAC, chains: where the digest goes, `resultBytes` of the session. AEAD:
   * the tag, written by encryption and read by decryption; `tagBytes` long.
   */
  readonly digest: Segments;
  /** Chains: the first byte of `source` that is enciphered. */
  cipherStart: number;
  /** Chains: how many bytes of `source` are enciphered. */
  cipherBytes: number;
  /** Chains: the first byte that is hashed, of `source` or of the destination. */
  hashStart: number;
  /** Chains: how many bytes are hashed, after all associated data. */
  hashBytes: number;
  /**
   * Set by the backend, to one of the statuses that there are; once it is set to
   * any but `Pending` the backend has done with the operation.
   */
  status: OperationStatus;
  /**
   * Set by the backend: bytes of `destination` that hold the result; 0 for any
   * status but Ok, and where the result is a digest or a verdict.
   */
  writtenBytes: number;
}

/** A backend's own handle of a session on one thread; opaque to the device. */
export type BackendSession = object;

/** Something that a backend lacks, and how to get it. */
export interface Missing {
  /** What is missing, to go on after "lacks". */
  readonly what: string;
  /** What a person can do about it. */
  readonly remedy: string;
  /** The backend's option that asks for it, where one does. */
  readonly option?: string;
}

/** One algorithm, or a part of its key lengths, that a backend offers. */
export interface Offer {
  /** Qualified catalogue name, for example `cipher.aes-cbc`. */
  readonly algorithm: string;
  /** Key lengths in bytes, where the backend has not all of the catalogue's. */
  readonly keyBytes?: readonly number[];
  /**
   * RSA: the most primes of a private key, where more than two (RFC 8017
   * §A.1.2). Sessions with more go to another backend or are not supported.
   */
  readonly rsaPrimes?: number;
  /**
   * Lengths of the source for which this backend is a good choice: from
   * `fromBytes` on and below `belowBytes`; absent: all. It takes others too, but
   * they go to the next backend in the order that has the session.
   */
  readonly fromBytes?: number;
  /** See `fromBytes`. */
  readonly belowBytes?: number;
}

/** What a backend found when it looked around. */
export interface Probe {
  /** Whether it can be opened here. */
  readonly ready: boolean;
  /** Library and version in one line, for example `libcrypto 3.0.17`. */
  readonly version: string;
  /** Path of the library, or its soname; absent where there is none. */
  readonly library?: string;
  /** What it can do here; empty when it is not ready. */
  readonly offers: readonly Offer[];
  /** Whole-backend problems when not ready. */
  readonly missing: readonly Missing[];
  /**
   * Qualified algorithm name -> why this backend does not offer it, for those
   * where a person would wonder.
   */
  readonly notOffered: Readonly<Record<string, string>>;
}

/** Settings of one backend from the command line or the API. */
export type BackendOptions = Readonly<Record<string, string>>;

/** What every backend says of itself. */
export interface BackendCommon {
  /** {@linkcode CONTRACT_VERSION}, as it was when the backend was written. */
  readonly contract: number;
  /** Lower-case letters, digits and hyphens; at most 32. */
  readonly name: string;
  /** Looks for libraries and devices; never throws for what is missing. */
  probe(options: BackendOptions): Probe;
}

/**
 * A backend that is given operations as objects. It runs on the ring's thread;
 * one that says `"blocking"` may take as long as it likes and gets a thread and
 * copies of its own.
 */
export interface OperationsBackend extends BackendCommon {
  /** How it is called; `"operations"` where absent. */
  readonly runs?: "operations" | "blocking";
  /** Opens the backend on the calling thread; throws where it cannot work. */
  open(options: BackendOptions): BackendThread;
}

/** A backend that is given bursts as numbers, on the ring's thread. */
export interface BurstsBackend extends BackendCommon {
  /** How it is called. */
  readonly runs: "bursts";
  /** Opens the backend on the calling thread; throws where it cannot work. */
  open(options: BackendOptions): BurstThread;
}

/** A backend that answers each operation with a promise, over copies. */
export interface AsynchronousBackend extends BackendCommon {
  /** How it is called. */
  readonly runs: "asynchronous";
  /** Most operations that it is given at the same time; 64 where absent. */
  readonly inFlight?: number;
  /** How long an operation may take; 30,000 where absent. */
  readonly deadlineMs?: number;
  /** Opens the backend; throws or rejects where it cannot work. */
  open(
    options: BackendOptions,
  ): AsynchronousThread | Promise<AsynchronousThread>;
}

/** A backend as its module exports it; `runs` says how it is called. */
export type Backend = OperationsBackend | BurstsBackend | AsynchronousBackend;

/**
 * A backend opened on one thread; every call comes from that thread. All of it is
 * synchronous: a method that returns a promise breaks the contract.
 *
 * Three things can fail. A **request**: `run` or `poll` set its status. A
 * **session**: `openSession` throws, and all others go on. The **backend** as a
 * whole: it throws from `open`, `run` or `poll`, answers `Unavailable`, or breaks
 * the contract. It then gets no new work until `health` says that it works;
 * operations of earlier calls are polled until they end or `poll` throws. What it
 * still holds of operations that were taken from it names no memory any more.
 */
export interface BackendThread {
  /**
   * Opens a session; keys are copied or expanded here, the description stays the
   * device's. A copy of up to 64 bytes needs an ArrayBuffer of its own: a
   * collector may move shorter arrays and leave their bytes behind. Throws when
   * the backend cannot have this session, and so for every algorithm and key
   * length that `probe` does not offer, and for broken keys of RSA and ECDSA.
   * That says nothing of other sessions; it may be asked again. Where `health` then says that the backend cannot work,
   * it has failed.
   */
  openSession(description: SessionDescription): BackendSession;
  /** Closes a session and wipes its key; no operation of it is under way. */
  closeSession(session: BackendSession): void;
  /**
   * Runs `operations[0 … count)`, whose sessions are all of this thread. Sets
   * each status, to `Pending` where the result comes later, which takes a `poll`.
   * Does not throw for data. A throw says that the backend has failed: operations
   * still pending in this call count as unavailable, so that their destination is
   * as it was.
   */
  run(operations: readonly Operation[], count: number): void;
  /**
   * Completes what it can of the pending operations, its own, each once; returns
   * how many. A throw says that the backend has failed: all that are still
   * pending count as unavailable.
   */
  poll?(): number;
  /**
   * Why the backend cannot work now, or undefined when it can. Asked a second
   * after a failure, and then less often where it fails again soon; when it works
   * again, its sessions are closed and opened anew. A backend without it stays
   * out of use once it has failed.
   */
  health?(): string | undefined;
  /**
   * Wipes all keys and gives everything back, sessions that are still open and
   * operations that are pending too: nothing is written any more.
   */
  close(): void;
}

/**
 * A {@linkcode BackendThread} whose requests and sessions are numbers: the form
 * that costs least. What is said there of failures holds here too, and what
 * {@linkcode Operation} says of lists, overlap and outcomes.
 */
export interface BurstThread {
  /**
   * As {@linkcode BackendThread.openSession}, of the session `number`, which the
   * device chose: small, used by no other session of this thread that is open,
   * and used again once it is closed, or where this throws.
   */
  openSession(description: SessionDescription, number: number): void;
  /** Closes a session and wipes its key; no operation of it is under way. */
  closeSession(number: number): void;
  /**
   * Runs the requests in `slots[0 … count)` of `burst`, each of which is named
   * once, and sets the status and written bytes of each; to `Pending`, which they
   * have been set to before, where the result comes in a later `poll`. `slots` is
   * the device's, which fills it anew for the next call.
   */
  run(burst: RequestBurst, slots: Int32Array<ArrayBuffer>, count: number): void;
  /**
   * Completes what it can of what it left pending, of all bursts; returns how
   * many.
   */
  poll?(): number;
  /**
   * Forgets a request that it left pending, because it is taken from it: nothing
   * of it is read or written from then on. Has to be there where `poll` is.
   */
  abandon?(burst: RequestBurst, slot: number): void;
  /** As {@linkcode BackendThread.health}. */
  health?(): string | undefined;
  /** Gives back what the thread holds, keys wiped. */
  close(): void;
}

/**
 * One request as a copy of its own; no byte of it is guest memory. All arrays may
 * be kept until the operation has ended; the device wipes them then.
 */
export interface CopiedOperation {
  /** What to do. */
  readonly kind: OperationKind;
  /** What `openSession` gave. */
  readonly session: BackendSession;
  /** The IV, all of it; empty where the algorithm has none. */
  readonly iv: Uint8Array<ArrayBuffer>;
  /** As {@linkcode Operation.source}. */
  readonly source: Uint8Array<ArrayBuffer>;
  /** As {@linkcode Operation.additionalData}. */
  readonly additionalData: Uint8Array<ArrayBuffer>;
  /** For the result; as long as it may be. */
  readonly destination: Uint8Array<ArrayBuffer>;
  /** For the digest or tag; holds the tag that is to be verified. */
  readonly digest: Uint8Array<ArrayBuffer>;
  /** As {@linkcode Operation.cipherStart}. */
  readonly cipherStart: number;
  /** As {@linkcode Operation.cipherBytes}. */
  readonly cipherBytes: number;
  /** As {@linkcode Operation.hashStart}. */
  readonly hashStart: number;
  /** As {@linkcode Operation.hashBytes}. */
  readonly hashBytes: number;
  /** Aborted when nobody waits for the outcome any more. */
  readonly signal: AbortSignal;
}

/** What came of a {@linkcode CopiedOperation}. */
export interface Outcome {
  /** Any but `Pending`. What was written counts for `Ok` alone. */
  readonly status: OperationStatus;
  /** As {@linkcode Operation.writtenBytes}; 0 where absent. */
  readonly writtenBytes?: number;
}

/**
 * A backend that answers with promises: a service, a token, a card behind a
 * socket. Over vhost-user it has a thread of its own, whose event loop goes on; in
 * process it runs in the program's. Operations may end in any order.
 *
 * Three things can fail, as of a {@linkcode BackendThread}. A **request**: `run`
 * resolves to its status, or rejects or throws, which is `Failed` and told once. A
 * **session**: `openSession` rejects or throws. The **backend**: `run` resolves to
 * `Unavailable`, or to what is no outcome.
 *
 * No more than `inFlight` operations are under way, and guests take turns. One
 * that has not ended within `deadlineMs` counts as `Unavailable`, and so do all
 * while a call does not return for ten seconds; what comes of them later is
 * dropped.
 */
export interface AsynchronousThread {
  /**
   * Opens a session; keys are copied here, the description stays the device's.
   * The guest is answered when this has ended, or `deadlineMs` have passed.
   * Refuses what is not offered.
   */
  openSession(
    description: SessionDescription,
  ): BackendSession | Promise<BackendSession>;
  /**
   * Closes a session and wipes its key. Operations of it that have not ended have
   * their signal aborted.
   */
  closeSession(session: BackendSession): void | Promise<void>;
  /**
   * Fills `destination` and `digest` and tells the outcome. A rejection is this
   * request's failure; `Unavailable` says that the backend cannot work now.
   */
  run(operation: CopiedOperation): Promise<Outcome>;
  /** As {@linkcode BackendThread.health}. */
  health?(): string | undefined | Promise<string | undefined>;
  /** Wipes all keys and gives everything back. */
  close(): void | Promise<void>;
}
