/**
 * The bytes of a device that moves, through a pipe or a socket of the front-end.
 * Neither keeps this thread waiting, nor anything for ever.
 *
 * @module
 */

import { EAGAIN, type Libc } from "../../../ffi/libc.ts";
import {
  closeForeign,
  readForeign,
  waitForeign,
  writeForeign,
} from "../../../ffi/libc_foreign.ts";

/** How long a transfer may stand still. */
const STILL_MS = 60_000;
/** How often is looked whether it has been given up. */
const LOOK_MS = 100;
/** After a descriptor was said to be ready and is not. */
const AGAIN_MS = 5;
const CHUNK_BYTES = 65_536;

/** What a transfer is made with. */
export interface TransferOptions {
  readonly libc: Libc;
  /** Whether the front-end is gone: nobody hears of that before it has ended. */
  isGone(): boolean;
}

/** A transfer under way. */
export class StateTransfer {
  readonly direction: "save" | "load";
  /** What is wrong with it, or what was read; it never rejects. */
  readonly ended: Promise<string | Uint8Array<ArrayBuffer>>;
  readonly #libc: Libc;
  readonly #isGone: () => boolean;
  readonly #fd: number;
  #isGivenUp = false;
  /** When it has stood still for too long. */
  #until = performance.now() + STILL_MS;

  private constructor(
    { libc, isGone }: TransferOptions,
    fd: number,
    direction: "save" | "load",
    run: (
      transfer: StateTransfer,
    ) => Promise<string | Uint8Array<ArrayBuffer>>,
  ) {
    this.#libc = libc;
    this.#isGone = isGone;
    this.#fd = fd;
    this.direction = direction;
    this.ended = run(this).finally(() => closeForeign(libc, fd));
  }

  /** Writes `bytes` to `fd` and closes it; the bytes are wiped. */
  static save(
    options: TransferOptions,
    fd: number,
    bytes: Uint8Array<ArrayBuffer>,
  ): StateTransfer {
    return new StateTransfer(options, fd, "save", async (transfer) => {
      const outcome = await transfer.#write(bytes);
      bytes.fill(0);
      return outcome;
    });
  }

  /** Reads `fd` to its end, at most `limit` bytes, and closes it. */
  static load(
    options: TransferOptions,
    fd: number,
    limit: number,
  ): StateTransfer {
    return new StateTransfer(
      options,
      fd,
      "load",
      (transfer) => transfer.#read(limit),
    );
  }

  /** Ends it soon; what was read is wiped. */
  giveUp(): void {
    this.#isGivenUp = true;
    void this.ended.then((outcome) => {
      if (typeof outcome !== "string") outcome.fill(0);
    });
  }

  async #write(
    bytes: Uint8Array<ArrayBuffer>,
  ): Promise<string | Uint8Array<ArrayBuffer>> {
    let at = 0;
    while (at < bytes.length) {
      const problem = await this.#wait("write");
      if (problem !== undefined) return problem;
      const written = writeForeign(
        this.#libc,
        this.#fd,
        bytes.subarray(at, at + CHUNK_BYTES),
      );
      if (written > 0) {
        at += written;
        this.#goesOn();
      } else if (written !== -EAGAIN) return this.#describe(written);
      else await pause();
    }
    return new Uint8Array(0);
  }

  async #read(limit: number): Promise<string | Uint8Array<ArrayBuffer>> {
    let bytes = new Uint8Array(new ArrayBuffer(CHUNK_BYTES));
    let end = 0;
    const fail = (problem: string) => {
      bytes.fill(0);
      return problem;
    };
    for (;;) {
      const problem = await this.#wait("read");
      if (problem !== undefined) return fail(problem);
      if (end === bytes.length) bytes = grown(bytes);
      const read = readForeign(this.#libc, this.#fd, bytes.subarray(end));
      if (read === 0) return bytes.subarray(0, end);
      if (read > 0) {
        end += read;
        this.#goesOn();
      } else if (read !== -EAGAIN) return fail(this.#describe(read));
      else await pause();
      if (end > limit) return fail(`more than ${limit} bytes`);
    }
  }

  /** Waits until it goes on; returns why it does not. */
  async #wait(what: "read" | "write"): Promise<string | undefined> {
    while (!this.#isGivenUp && !this.#isGone()) {
      if (performance.now() > this.#until) {
        return "the front-end does not go on";
      }
      const ready = await waitForeign(this.#fd, what, LOOK_MS);
      if (ready !== 0) return ready > 0 ? undefined : this.#describe(ready);
    }
    return "the front-end is gone";
  }

  #goesOn(): void {
    this.#until = performance.now() + STILL_MS;
  }

  #describe(error: number): string {
    return `cannot ${this.direction === "save" ? "write" : "read"} it: ${
      this.#libc.describe(error)
    }`;
  }
}

const pause = (): Promise<void> =>
  new Promise((resolve) => void setTimeout(resolve, AGAIN_MS));

/** The same bytes with as much room again; the old ones are wiped. */
function grown(old: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(new ArrayBuffer(2 * old.length));
  bytes.set(old);
  old.fill(0);
  return bytes;
}
