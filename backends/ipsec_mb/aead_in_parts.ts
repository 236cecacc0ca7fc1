/**
 * What an AEAD is that no job of the library does.
 *
 * @module
 */

import type { Operation } from "../backend.ts";
import type { JobRunner } from "./runner.ts";

/** An AEAD that is done in parts, over bounce memory. */
export interface AeadInParts {
  /**
   * Computes the tag. Returns the output's offset in bounce memory, or -1 for a
   * message that the algorithm does not take.
   */
  run(
    runner: JobRunner,
    operation: Operation,
    encrypts: boolean,
    tag: Uint8Array,
  ): number;
  close(): void;
}
