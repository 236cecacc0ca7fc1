/**
 * What native libraries need around their calls: addresses of functions to hand
 * on, calls that cannot hang the caller, and a place for what they print.
 *
 * @module
 */

import { cString } from "./libc.ts";

const SYMBOLS = {
  dlopen: {
    parameters: ["buffer", /* filename */ "i32" /* flags */],
    result: "pointer",
  },
  dlsym: {
    parameters: ["pointer", /* handle */ "buffer" /* symbol */],
    result: "pointer",
  },
  pthread_create: {
    parameters: [
      "buffer", /* thread */
      "pointer", /* attr */
      "pointer", /* start_routine */
      "buffer", /* arg */
    ],
    result: "i32",
  },
  pthread_timedjoin_np: {
    parameters: [
      "u64", /* thread */
      "buffer", /* retval */
      "buffer", /* abstime */
    ],
    result: "i32",
  },
  pthread_key_create: {
    parameters: ["buffer", /* key */ "pointer" /* destructor */],
    result: "i32",
  },
  pthread_key_delete: { parameters: ["u32" /* key */], result: "i32" },
  ftrylockfile: { parameters: ["pointer" /* filehandle */], result: "i32" },
  funlockfile: { parameters: ["pointer" /* filehandle */], result: "void" },
} as const;

const LIBC = "libc.so.6";
const RTLD_NOW = 2;
const NANOSECONDS_PER_MS = 1_000_000n;

let opened: Deno.DynamicLibrary<typeof SYMBOLS> | undefined;

/** Kept open: what has been handed to a library may be called at any time. */
const libc = () => (opened ??= Deno.dlopen(LIBC, SYMBOLS)).symbols;

/** The address of `name` in `library`, a path or soname; throws for none. */
export function functionAddress(
  library: string,
  name: string,
): Deno.PointerObject {
  const handle = libc().dlopen(cString(library), RTLD_NOW);
  const address = handle && libc().dlsym(handle, cString(name));
  if (address) return address;
  throw new Error(`${library} has no function ${name}`);
}

/**
 * A call of a C function `int f(const char *)` on a thread of its own, which
 * the caller waits for as long as it likes.
 */
export class BoundedCall {
  readonly #thread = new BigUint64Array(1);
  readonly #result = new BigInt64Array(1);
  /** The C side reads it for as long as the call runs. */
  readonly #argument: Uint8Array<ArrayBuffer>;
  #status: number | undefined;

  constructor(address: Deno.PointerObject, argument: string) {
    this.#argument = cString(argument);
    const error = libc().pthread_create(
      this.#thread,
      null,
      address,
      this.#argument,
    );
    if (error !== 0) throw new Error(`pthread_create() returned ${error}`);
  }

  /** What the function returned; `undefined` while it has not. */
  wait(timeoutMs: number): number | undefined {
    if (this.#status !== undefined) return this.#status;
    const until = BigInt(Date.now() + timeoutMs) * NANOSECONDS_PER_MS;
    const second = 1000n * NANOSECONDS_PER_MS;
    const error = libc().pthread_timedjoin_np(
      this.#thread[0]!,
      this.#result,
      BigInt64Array.of(until / second, until % second),
    );
    if (error !== 0) return undefined;
    // Only the low half of the register belongs to an int.
    this.#status = Number(BigInt.asIntN(32, this.#result[0]!));
    return this.#status;
  }
}

/**
 * A small number that no other holder in this process has: glibc hands out its
 * lowest free key, on whatever thread.
 */
export class ProcessOrdinal {
  readonly value: number;

  constructor() {
    const key = new Uint32Array(1);
    const error = libc().pthread_key_create(key, null);
    this.value = error === 0 ? key[0]! : -1;
  }

  release(): void {
    if (this.value >= 0) libc().pthread_key_delete(this.value);
  }
}

/** A variable of libc that holds a pointer. */
function libcVariable(name: string): BigUint64Array<ArrayBuffer> | undefined {
  const at = libc().dlsym(null, cString(name));
  return at
    ? new BigUint64Array(Deno.UnsafePointerView.getArrayBuffer(at, 8))
    : undefined;
}

/**
 * A lock that every thread of the process finds, whatever made the thread: that
 * of C's standard input, which nothing here reads. The thread that took it gives
 * it back.
 */
export class ProcessLock {
  readonly #file: Deno.PointerObject | null;

  constructor() {
    const stdin = libcVariable("stdin");
    this.#file = stdin ? Deno.UnsafePointer.create(stdin[0]!) : null;
  }

  /** False when another thread has had it for all that time. */
  take(timeoutMs: number): boolean {
    const end = performance.now() + timeoutMs;
    while (this.#file && libc().ftrylockfile(this.#file) !== 0) {
      if (performance.now() > end) return false;
      sleep(1);
    }
    return true;
  }

  giveBack(): void {
    if (this.#file) libc().funlockfile(this.#file);
  }
}

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/**
 * Lets what C code prints on its `stdout` go to its `stderr`. The runtime's own
 * output does not pass there and stays as it is.
 */
export function sendCOutputToStderr(): void {
  const stdout = libcVariable("stdout");
  const stderr = libcVariable("stderr");
  if (stdout && stderr) stdout[0] = stderr[0]!;
}
