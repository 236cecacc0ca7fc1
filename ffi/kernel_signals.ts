/**
 * Signals of eventfds that never wait, whatever whoever shares them does.
 *
 * A write to an eventfd that is full waits where O_NONBLOCK is not set, and
 * between a look at it and a write somebody else may fill it. The kernel itself
 * never waits: it adds 1 to the eventfd that is named in a request of io_submit(2)
 * when that is done, and the count stays where it has no room. The request here
 * reads 0 bytes of the eventfd itself, which it refuses at once and untouched.
 *
 * @module
 */

import { addressOf, type Libc, nativeBuffer } from "./libc.ts";

const SYMBOLS = {
  io_setup: {
    name: "syscall",
    parameters: ["i64", /* number */ "i64", /* nr */ "buffer" /* context */],
    result: "isize",
  },
  io_destroy: {
    name: "syscall",
    parameters: ["i64", /* number */ "u64" /* context */],
    result: "isize",
  },
  io_submit: {
    name: "syscall",
    parameters: [
      "i64", /* number */
      "u64", /* context */
      "i64", /* nr */
      "buffer", /* iocbs */
    ],
    result: "isize",
  },
  io_getevents: {
    name: "syscall",
    parameters: [
      "i64", /* number */
      "u64", /* context */
      "i64", /* min_nr */
      "i64", /* nr */
      "buffer", /* events */
      "buffer", /* timeout */
    ],
    result: "isize",
  },
} as const;

const X86_64 = Deno.build.arch === "x86_64";
const SYS_IO_SETUP = X86_64 ? 206n : 0n;
const SYS_IO_DESTROY = X86_64 ? 207n : 1n;
const SYS_IO_SUBMIT = X86_64 ? 209n : 2n;
const SYS_IO_GETEVENTS = X86_64 ? 208n : 4n;

/** struct iocb, of which what is not named here is 0: a read at offset 0. */
const IOCB_BYTES = 64;
const IOCB_FILE = 20;
const IOCB_FLAGS = 56;
const IOCB_EVENTFD = 60;
const IOCB_FLAG_RESFD = 1;
const EVENT_BYTES = 32;

/** What is done stays in a list of the kernel's until it is taken. */
const LISTED = 128n;
const TAKEN_AT_ONCE = 64n;

type Symbols = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** One thread's way to the kernel's signals. */
export class KernelSignals {
  readonly #libc: Libc;
  readonly #symbols: Symbols;
  readonly #context: bigint;
  readonly #iocb = nativeBuffer(IOCB_BYTES);
  readonly #view = new DataView(this.#iocb.buffer);
  /** The one iocb's address. */
  readonly #list = nativeBuffer(8);
  readonly #events = nativeBuffer(EVENT_BYTES * Number(TAKEN_AT_ONCE));
  readonly #atOnce = nativeBuffer(16);
  #listed = 0n;

  private constructor(libc: Libc, symbols: Symbols, context: bigint) {
    this.#libc = libc;
    this.#symbols = symbols;
    this.#context = context;
    this.#view.setUint32(IOCB_FLAGS, IOCB_FLAG_RESFD, true);
    new DataView(this.#list.buffer).setBigUint64(
      0,
      addressOf(this.#iocb),
      true,
    );
  }

  /** Undefined where the system has no such requests, or no more of them. */
  static open(libc: Libc): KernelSignals | undefined {
    const { symbols } = Deno.dlopen("libc.so.6", SYMBOLS);
    const context = new BigUint64Array(1);
    const bytes = new Uint8Array(context.buffer);
    return symbols.io_setup(SYS_IO_SETUP, LISTED, bytes) === 0n
      ? new KernelSignals(libc, symbols, context[0]!)
      : undefined;
  }

  /** Adds 1 to an eventfd; -EINVAL for what is none. */
  signal(fd: number): number {
    if (this.#listed >= TAKEN_AT_ONCE) this.#take();
    this.#view.setInt32(IOCB_FILE, fd, true);
    this.#view.setInt32(IOCB_EVENTFD, fd, true);
    const submitted = this.#libc.check(
      Number(
        this.#symbols.io_submit(SYS_IO_SUBMIT, this.#context, 1n, this.#list),
      ),
    );
    if (submitted < 0) return submitted;
    this.#listed++;
    return 0;
  }

  #take(): void {
    this.#listed = 0n;
    this.#symbols.io_getevents(
      SYS_IO_GETEVENTS,
      this.#context,
      0n,
      TAKEN_AT_ONCE,
      this.#events,
      this.#atOnce,
    );
  }

  close(): void {
    this.#symbols.io_destroy(SYS_IO_DESTROY, this.#context);
  }
}
