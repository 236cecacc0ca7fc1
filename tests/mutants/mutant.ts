/**
 * What a mutant is: a small wrong change that some test has to notice.
 *
 * @module
 */

/** A text of one file, and what to write in its place. */
export interface Mutant {
  /** What is wrong then, in plain words. */
  readonly fault: string;
  /** Path from the project's root. */
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly text: string;
  readonly replacement: string;
  /** Test files, or folders of them, of which at least one test has to fail. */
  readonly tests: readonly string[];
}
