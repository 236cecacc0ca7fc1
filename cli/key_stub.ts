/**
 * `key-stub`: what a guest opens a session with instead of a private key.
 *
 * @module
 */

import { DerError } from "../algorithms/der.ts";
import { encodeStubFile, readPublicKey } from "../algorithms/key_files.ts";
import { PemError, readPem } from "../algorithms/pem.ts";
import { messageOf } from "../backends/error_message.ts";
import { UsageError } from "./option_values.ts";

const EXPECTED = "key-stub PUBLIC.pem [OUTPUT]";

/**
 * Writes the PrivateKeyInfo around the stub of a public key, in DER, to a file or
 * to standard output.
 *
 * @throws {UsageError} for words, or a file, that cannot be used
 */
export function keyStubCommand(
  words: readonly string[],
  print: (bytes: Uint8Array) => void,
): void {
  const [path, output, ...more] = words;
  const wrong = path === undefined || more.length > 0
    ? words.at(-1) ?? ""
    : words.find((word) => word.startsWith("-"));
  if (path === undefined || wrong !== undefined) {
    throw new UsageError(
      `Cannot use argument ${JSON.stringify(wrong)}: expected ${EXPECTED}`,
    );
  }
  const stub = stubOf(path);
  try {
    if (output === undefined) print(stub);
    else Deno.writeFileSync(output, stub);
  } catch (error) {
    const reason = messageOf(error);
    throw new UsageError(`Cannot write the stub to "${output}": ${reason}`);
  }
}

function stubOf(path: string): Uint8Array {
  try {
    const text = Deno.readFileSync(path);
    const blocks = readPem(text);
    text.fill(0);
    try {
      const [block] = blocks;
      if (!block) throw new PemError("no PEM, expected a block PUBLIC KEY");
      return encodeStubFile(readPublicKey(block.label, block.der));
    } finally {
      for (const { der } of blocks) der.fill(0);
    }
  } catch (error) {
    const reason = messageOf(error);
    const isContent = error instanceof DerError || error instanceof PemError;
    throw new UsageError(
      `Cannot use "${path}": ${isContent ? "it holds " : ""}${reason}`,
    );
  }
}
