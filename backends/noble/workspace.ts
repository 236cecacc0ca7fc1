/**
 * Private memory of one backend thread. Guest memory is copied into it once, so
 * that what is checked, enciphered and hashed is one and the same thing, and so
 * that the alignment of guest buffers does not matter.
 *
 * @module
 */

import { Scratch } from "../scratch.ts";

/** The buffers that an operation may need at the same time. */
export class Workspace {
  readonly data = new Scratch();
  readonly additional = new Scratch();
  readonly digest = new Scratch();

  /** Ends the use of what an operation has taken. */
  release(): void {
    this.data.release();
    this.additional.release();
    this.digest.release();
  }

  wipe(): void {
    this.data.wipe();
    this.additional.wipe();
    this.digest.wipe();
  }
}
