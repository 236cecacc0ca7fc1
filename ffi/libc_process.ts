/**
 * Processes that get descriptors of this one, which the runtime's own commands
 * do not hand on, and its environment, which it need not be able to read
 * (posix_spawn(3), waitpid(2)).
 *
 * @module
 */

import { addressOf, cString, type Libc, nativeBuffer } from "./libc.ts";

const SYMBOLS = {
  posix_spawn: {
    parameters: [
      "buffer", /* pid */
      "buffer", /* path */
      "buffer", /* file_actions */
      "pointer", /* attrp */
      "buffer", /* argv */
      "pointer", /* envp */
    ],
    result: "i32",
  },
  posix_spawn_file_actions_init: { parameters: ["buffer"], result: "i32" },
  posix_spawn_file_actions_destroy: { parameters: ["buffer"], result: "i32" },
  posix_spawn_file_actions_adddup2: {
    parameters: ["buffer", /* actions */ "i32", /* fd */ "i32" /* newfd */],
    result: "i32",
  },
  waitpid: {
    parameters: ["i32", /* pid */ "buffer", /* wstatus */ "i32" /* options */],
    result: "i32",
    nonblocking: true,
  },
  kill: { parameters: ["i32", /* pid */ "i32" /* sig */], result: "i32" },
  environ: { type: "pointer" },
} as const;

/** More than any C library's posix_spawn_file_actions_t. */
const FILE_ACTIONS_BYTES = 512;

/** First descriptor that is handed on (SD_LISTEN_FDS_START). */
const FIRST_HANDED_FD = 3;

let kept: ReturnType<typeof open> | undefined;
const open = () => Deno.dlopen("libc.so.6", SYMBOLS);
const symbols = () => (kept ??= open()).symbols;

/** What a process is started with. */
export interface ProcessStart {
  /** Path of the program, and its arguments. */
  readonly program: string;
  readonly words: readonly string[];
  /** Descriptors that it finds from `FIRST_HANDED_FD` on; they stay open here. */
  readonly fds: readonly number[];
}

/** An array of C strings that ends with a null; `texts` live as long as it. */
export class Texts {
  readonly #strings: Uint8Array<ArrayBuffer>[];
  readonly addresses: Uint8Array<ArrayBuffer>;

  constructor(texts: readonly string[]) {
    this.#strings = texts.map(cString);
    this.addresses = nativeBuffer(8 * (texts.length + 1));
    const view = new DataView(this.addresses.buffer);
    this.#strings.forEach((text, i) =>
      view.setBigUint64(8 * i, addressOf(text), true)
    );
  }
}

/** Copies of `fds` that lie behind all places of the new process's own. */
function copiesBehind(
  libc: Libc,
  fds: readonly number[],
  copies: number[],
): number {
  for (const fd of fds) {
    const copy = libc.duplicate(fd, FIRST_HANDED_FD + fds.length);
    if (copy < 0) return copy;
    copies.push(copy);
  }
  return 0;
}

/** Starts a process; its number, or a negative error number. */
export function spawnProcess(libc: Libc, start: ProcessStart): number {
  const copies: number[] = [];
  try {
    const copied = copiesBehind(libc, start.fds, copies);
    return copied < 0 ? copied : spawnWith(start, copies);
  } finally {
    for (const fd of copies) libc.close(fd);
  }
}

function spawnWith(start: ProcessStart, copies: readonly number[]): number {
  const { program, words } = start;
  const actions = nativeBuffer(FILE_ACTIONS_BYTES);
  const calls = symbols();
  // Each of these returns the error number itself.
  let failed = calls.posix_spawn_file_actions_init(actions);
  copies.forEach((fd, i) =>
    failed ||= calls.posix_spawn_file_actions_adddup2(
      actions,
      fd,
      FIRST_HANDED_FD + i,
    )
  );
  const argv = new Texts([program, ...words]);
  const pid = nativeBuffer(4);
  failed ||= calls.posix_spawn(
    pid,
    cString(program),
    actions,
    null,
    argv.addresses,
    calls.environ,
  );
  calls.posix_spawn_file_actions_destroy(actions);
  return failed ? -failed : new DataView(pid.buffer).getInt32(0, true);
}

/** Signals that a process can be sent. */
export type ProcessSignal = "SIGKILL" | "SIGTERM" | "SIGUSR2" | "SIGURG";

const SIGNAL_NUMBERS: Readonly<Record<ProcessSignal, number>> = {
  SIGKILL: 9,
  SIGTERM: 15,
  SIGUSR2: 12,
  SIGURG: 23,
};

/** Sends a signal to a process that this one has started; it may have ended. */
export function signalProcess(pid: number, signal: ProcessSignal): void {
  symbols().kill(pid, SIGNAL_NUMBERS[signal]);
}

/** How a process ended. */
export interface ProcessEnd {
  /** Its exit code; undefined where a signal ended it. */
  readonly code: number | undefined;
  readonly signal: number;
}

/** Waits for the end of a process that this one has started. */
export async function processEnd(pid: number): Promise<ProcessEnd> {
  const status = nativeBuffer(4);
  const ended = await symbols().waitpid(pid, status, 0);
  if (ended !== pid) return { code: undefined, signal: 0 };
  const word = new DataView(status.buffer).getInt32(0, true);
  const signal = word & 0x7f;
  return { code: signal === 0 ? (word >> 8) & 0xff : undefined, signal };
}
