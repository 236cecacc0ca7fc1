/**
 * Answers on standard output.
 *
 * @module
 */

import { complain } from "./option_values.ts";

/** Exit code where the answer cannot be written. */
const EXIT_UNWRITTEN = 1;

/** Writes a whole text; nobody may be there to read it. */
export function print(text: string): void {
  let bytes: Uint8Array = new TextEncoder().encode(text);
  try {
    while (bytes.length > 0) {
      bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
    }
  } catch (error) {
    const isClosed = error instanceof Deno.errors.BrokenPipe;
    if (!isClosed) complain(`Cannot write to standard output: ${error}`);
    Deno.exit(EXIT_UNWRITTEN);
  }
}
