/**
 * A thread that waits for a descriptor as a queue thread does, and takes what
 * comes: of two that are woken, one finds nothing.
 *
 * @module
 */

import { nativeBuffer, openLibc, POLLFD_BYTES, POLLIN } from "../ffi/libc.ts";
import { clearForeign } from "../ffi/libc_foreign.ts";

/** What to take from, and whether to go on: the first word is 0 until then. */
export interface TheftOrder {
  readonly fd: number;
  readonly ended: SharedArrayBuffer;
}

/** Takes from `fd` until `ended`; returns what ends it. */
export async function startThief(fd: number): Promise<() => Promise<void>> {
  const worker = new Worker(import.meta.url, { type: "module" });
  const ended = new Int32Array(new SharedArrayBuffer(4));
  const message = () =>
    new Promise<void>((resolve, reject) => {
      worker.onmessage = () => resolve();
      worker.onerror = (event) => reject(new Error(event.message));
    });
  const started = message();
  worker.postMessage({ fd, ended: ended.buffer });
  await started;
  return async () => {
    const over = message();
    Atomics.store(ended, 0, 1);
    await over;
    worker.terminate();
  };
}

function steal({ fd, ended }: TheftOrder): void {
  const libc = openLibc();
  const fds = nativeBuffer(POLLFD_BYTES);
  const view = new DataView(fds.buffer);
  view.setInt32(0, fd, true);
  view.setInt16(4, POLLIN, true);
  const flag = new Int32Array(ended);
  while (Atomics.load(flag, 0) === 0) {
    if (libc.poll(fds, 1, 10) > 0) clearForeign(libc, fd);
  }
}

const scope = globalThis as unknown as {
  onmessage: ((event: MessageEvent<TheftOrder>) => void) | null;
  postMessage(message: string): void;
};

if ("WorkerGlobalScope" in globalThis) {
  scope.onmessage = ({ data }) => {
    scope.postMessage("started");
    steal(data);
    scope.postMessage("over");
  };
}
