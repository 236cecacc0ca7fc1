/**
 * The worker of a guest whose other processor writes while requests run.
 *
 * @module
 */

/// <reference lib="deno.worker" />

import { Random } from "../conformance/random.ts";
import { openLibc, regionAt } from "../ffi/libc.ts";

/** What to write to, and for how long. */
export interface HammerOrder {
  /** A descriptor of this process with guest memory. */
  readonly memoryFd: number;
  readonly memoryBytes: number;
  /** Offsets of 32-bit words. */
  readonly places: readonly number[];
  /** What is written there, now this, now that. */
  readonly values: readonly number[];
  readonly milliseconds: number;
}

self.onmessage = ({ data }: MessageEvent<HammerOrder>) => {
  const { memoryFd, memoryBytes, places, values, milliseconds } = data;
  const libc = openLibc();
  const mapping = libc.map(memoryFd, 0, memoryBytes);
  if (typeof mapping === "number") throw new Error(libc.describe(mapping));
  const { view } = regionAt(mapping.address, memoryBytes);
  const random = new Random(1);
  const end = performance.now() + milliseconds;
  let writes = 0;
  while (performance.now() < end) {
    for (let i = 0; i < 1000; i++) {
      view.setUint32(random.pick(places), random.pick(values), true);
    }
    writes += 1000;
  }
  self.postMessage(writes);
};
