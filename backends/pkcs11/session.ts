/**
 * What all sessions on a token have: memory of the thread's own, to which inputs
 * are copied before the token sees them and from which results are taken when
 * nothing can fail any more. A token that fails has changed nothing.
 *
 * @module
 */

import type { Segments } from "../../memory/segments.ts";
import { type Operation, OperationStatus } from "../backend.ts";
import { Scratch } from "../scratch.ts";
import { CodeError } from "./codes.ts";
import type { Bytes, TokenSession } from "./token_session.ts";

/** What the sessions of one thread share. */
export interface TokenThread {
  readonly token: TokenSession;
  readonly input: Scratch;
  readonly output: Scratch;
  readonly additionalData: Scratch;
}

/** A session on this thread. */
export interface Pkcs11Session {
  /** Runs one operation; throws where the token has failed as a whole. */
  run(operation: Operation): OperationStatus;
  /** Destroys its keys in the token. */
  close(): void;
}

/** Bytes that a module may be handed a pointer to, though there are none. */
export function gather(scratch: Scratch, segments: Segments): Bytes {
  const { totalBytes } = segments;
  const room = scratch.take(Math.max(totalBytes, 1));
  if (totalBytes > 0) segments.read(0, room.subarray(0, totalBytes));
  return room;
}

/**
 * What `compute` gives, or undefined where the token refuses the data. A code
 * that may mean anything is the data's where the token is well.
 */
export function unlessRefused<T>(
  token: TokenSession,
  compute: () => T,
): T | undefined {
  try {
    return compute();
  } catch (error) {
    if (!(error instanceof CodeError) || error.isOfTheToken) throw error;
    if (error.isOfTheData) return undefined;
    const fault = token.fault();
    if (fault === undefined) return undefined;
    throw new Error(`${error.message}: ${fault}`);
  }
}

/** Ends an operation with a result of `lengthBytes` in its destination. */
export function complete(
  operation: Operation,
  lengthBytes: number,
): OperationStatus {
  operation.writtenBytes = lengthBytes;
  return OperationStatus.Ok;
}
