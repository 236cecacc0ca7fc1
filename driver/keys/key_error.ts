/**
 * What is wrong with a key: two parts of a sentence, of which the caller knows
 * the rest.
 *
 * @module
 */

/** A key in a form that cannot be used. */
export class KeyError extends Error {
  override readonly name = "KeyError";
  /** As in `is of another curve`. */
  readonly actual: string;
  /** As in `a key of P-256`. */
  readonly expected: string;

  constructor(actual: string, expected: string) {
    super(`the key ${actual}, expected ${expected}`);
    this.actual = actual;
    this.expected = expected;
  }
}
