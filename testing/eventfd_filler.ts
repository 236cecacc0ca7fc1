/**
 * A thread that empties an eventfd and fills it again, at any moment between two
 * steps of whoever signals it.
 *
 * @module
 */

import { openLibc } from "../ffi/libc.ts";
import { clearForeign } from "../ffi/libc_foreign.ts";

/** What the thread is given. */
export interface FillerOrder {
  readonly fd: number;
  /** Two counters: signals sent, and 1 when all are. */
  readonly progress: SharedArrayBuffer;
}

const FULL = 0xffff_ffff_ffff_fffen;
const PATIENCE_MS = 2000;
const SIGNALS = 0;
const DONE = 1;

/** How often the other side stood still until the eventfd was emptied. */
function fill({ fd, progress }: FillerOrder): { fills: number; stuck: number } {
  const libc = openLibc();
  const counters = new Int32Array(progress);
  let fills = 0;
  let stuck = 0;
  while (Atomics.load(counters, DONE) === 0) {
    clearForeign(libc, fd);
    const before = Atomics.load(counters, SIGNALS);
    if (libc.symbols.eventfd_write(fd, FULL - BigInt(fills % 2)) === 0) fills++;
    const end = performance.now() + PATIENCE_MS;
    let now = before;
    while (now === before && Atomics.load(counters, DONE) === 0) {
      if (performance.now() > end) {
        stuck++;
        break;
      }
      now = Atomics.load(counters, SIGNALS);
    }
  }
  return { fills, stuck };
}

const scope = self as unknown as {
  onmessage: (event: MessageEvent<FillerOrder>) => void;
  postMessage(result: ReturnType<typeof fill>): void;
};
scope.onmessage = ({ data }) => scope.postMessage(fill(data));
