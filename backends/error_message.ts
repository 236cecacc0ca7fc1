/**
 * What was thrown, in words.
 *
 * @module
 */

/** The message of an error. A plugin may throw anything, also what is no text. */
export function messageOf(error: unknown): string {
  try {
    return error instanceof Error ? `${error.message}` : String(error);
  } catch {
    return "an error without a message";
  }
}
