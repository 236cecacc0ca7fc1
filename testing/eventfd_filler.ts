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
  /** Three counters: signals sent, 1 when all are, and fills. */
  readonly progress: SharedArrayBuffer;
}

const FULL = 0xffff_ffff_ffff_fffen;
const PATIENCE_MS = 2000;
const SIGNALS = 0;
const DONE = 1;
const FILLS = 2;

/** How often the other side stood still until the eventfd was emptied. */
function fill({ fd, progress }: FillerOrder): number {
  const libc = openLibc();
  const counters = new Int32Array(progress);
  let fills = 0;
  let stuck = 0;
  while (Atomics.load(counters, DONE) === 0) {
    clearForeign(libc, fd);
    const before = Atomics.load(counters, SIGNALS);
    const value = FULL - BigInt(fills++ % 2);
    if (libc.symbols.eventfd_write(fd, value) === 0) {
      Atomics.add(counters, FILLS, 1);
    }
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
  return stuck;
}

const scope = self as unknown as {
  onmessage: (event: MessageEvent<FillerOrder>) => void;
  postMessage(result: ReturnType<typeof fill>): void;
};
scope.onmessage = ({ data }) => scope.postMessage(fill(data));
