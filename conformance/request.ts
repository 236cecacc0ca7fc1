/**
 * Requests of the kit, and how their bytes may lie in memory.
 *
 * @module
 */

import type { OperationKind } from "../backends/backend.ts";
import type { Pieces } from "./guarded_memory.ts";

/** What an operation computes, apart from where its bytes lie. */
export interface Request {
  readonly kind: OperationKind;
  readonly iv?: Uint8Array;
  readonly source: Uint8Array;
  readonly additionalData?: Uint8Array;
  /** AEAD decryption: the tag to check. */
  readonly tag?: Uint8Array;
  /** Room for output, and for the digest or the tag. */
  readonly destinationBytes: number;
  readonly digestBytes: number;
  readonly cipherStart?: number;
  readonly cipherBytes?: number;
  readonly hashStart?: number;
  readonly hashBytes?: number;
}

/**
 * Which lists share bytes.
 *
 * These a backend gets to see:
 * - `apart`: none;
 * - `in-place`: the destination is the source;
 * - `adjacent`: it is, and touches associated data in front of it and the digest
 *   behind it, as in a packet;
 * - `inputs-shared`: the associated data is the start of the source, where it is
 *   the same bytes.
 *
 * From these `runJobs` spares it, as the device does:
 * - `shifted`: the destination begins up to 64 bytes before or behind the source;
 * - `crossed`: it is the source's pieces in another order;
 * - `additional-covered`, `tag-covered`: it is shifted from that;
 * - `digest-on-source`: the digest is shifted from the source.
 *
 * Where the lengths of a request do not allow it, its lists lie apart.
 */
export const ARRANGEMENTS = [
  "apart",
  "in-place",
  "adjacent",
  "inputs-shared",
  "shifted",
  "crossed",
  "additional-covered",
  "tag-covered",
  "digest-on-source",
] as const;
export type Arrangement = typeof ARRANGEMENTS[number];

/** How an operation's bytes lie in memory. */
export interface Layout {
  readonly pieces: Pieces;
  readonly arrangement: Arrangement;
}

/** Every list in one piece, nothing shared. */
export const CONTIGUOUS: Layout = { pieces: "whole", arrangement: "apart" };
