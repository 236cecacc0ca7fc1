/**
 * The program begins anew in the same process (execve(2)): its number and what it
 * was given, descriptors and environment, stay.
 *
 * @module
 */

import { cString } from "./libc.ts";
import { Texts } from "./libc_process.ts";

const SYMBOLS = {
  open: {
    parameters: ["buffer", /* path */ "i32" /* flags */],
    result: "i32",
  },
  read: {
    parameters: ["i32", /* fd */ "buffer", "usize" /* count */],
    result: "isize",
  },
  close: { parameters: ["i32" /* fd */], result: "i32" },
  environ: { type: "pointer" },
  execve: {
    parameters: [
      "buffer", /* path */
      "buffer", /* argv */
      "pointer", /* envp */
    ],
    result: "i32",
  },
} as const;

const O_CLOEXEC = 0o2000000;
/** More than Linux takes of one word is not looked for. */
const ROOM_BYTES = 1 << 20;

/** The words that this program was started with; none where that is unknown. */
export function startWords(): string[] {
  const library = Deno.dlopen("libc.so.6", SYMBOLS);
  const { open, read, close } = library.symbols;
  const bytes = new Uint8Array(ROOM_BYTES);
  // The runtime itself lets nobody read it who may not do everything.
  const fd = open(cString("/proc/self/cmdline"), O_CLOEXEC);
  let length = 0;
  for (let count = 1; fd >= 0 && count > 0;) {
    const room = bytes.subarray(length);
    count = Number(read(fd, room, BigInt(room.length)));
    length += Math.max(0, count);
  }
  close(fd);
  library.close();
  return new TextDecoder().decode(bytes.subarray(0, length)).split("\0")
    .slice(0, -1);
}

/** Does not return but where that is impossible. */
export function replaceProgram(path: string, words: readonly string[]): void {
  const argv = new Texts(words);
  const library = Deno.dlopen("libc.so.6", SYMBOLS);
  const { environ, execve } = library.symbols;
  execve(cString(path), argv.addresses, environ);
  library.close();
}
