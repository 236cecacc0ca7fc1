/**
 * The token that changes need.
 *
 * @module
 */

import { createHash, timingSafeEqual } from "node:crypto";

/** Shorter ones can be guessed. */
export const MINIMUM_TOKEN_CHARACTERS = 16;
const MAXIMUM_TOKEN_CHARACTERS = 1024;

const digest = (text: string): Uint8Array =>
  createHash("sha256").update(text).digest();

/** A secret that is compared, and not kept. */
export class Token {
  readonly #digest: Uint8Array;

  private constructor(text: string) {
    this.#digest = digest(text);
  }

  /** The token in a file's text; undefined where there is none to be used. */
  static of(text: string): Token | undefined {
    const word = text.replace(/\r?\n$/, "");
    const isUsable = /^[!-~]+$/.test(word) &&
      word.length >= MINIMUM_TOKEN_CHARACTERS &&
      word.length <= MAXIMUM_TOKEN_CHARACTERS;
    return isUsable ? new Token(word) : undefined;
  }

  /** Compares in a time that tells nothing of how far they are alike. */
  is(text: string): boolean {
    return timingSafeEqual(digest(text), this.#digest);
  }
}
