/**
 * The program begins anew in the same process (execve(2)): its number and what it
 * was given, descriptors and environment, stay.
 *
 * @module
 */

const SYMBOLS = {
  execve: {
    parameters: ["buffer", /* path */ "buffer", /* argv */ "buffer" /* envp */],
    result: "i32",
  },
} as const;

const encoder = new TextEncoder();

/** A list of strings in C, with what it points to. */
function stringList(texts: readonly string[]) {
  const strings = texts.map((text) => encoder.encode(`${text}\0`));
  const pointers = new BigUint64Array([
    ...strings.map((one) =>
      Deno.UnsafePointer.value(Deno.UnsafePointer.of(one))
    ),
    0n,
  ]);
  return { strings, bytes: new Uint8Array(pointers.buffer) };
}

/** Does not return but where that is impossible. */
export function replaceProgram(path: string, words: readonly string[]): void {
  const environment = Deno.readTextFileSync("/proc/self/environ").split("\0")
    .filter((one) => one !== "");
  const library = Deno.dlopen("libc.so.6", SYMBOLS);
  const argv = stringList(words);
  const envp = stringList(environment);
  library.symbols.execve(encoder.encode(`${path}\0`), argv.bytes, envp.bytes);
  library.close();
}
