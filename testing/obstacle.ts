/**
 * Something that would make a thread wait: an eventfd that is full, a socket
 * whose other end does not read. Another thread takes it away when it is told
 * to, or after a while by itself, so that even a test that waits ends.
 *
 * @module
 */

import { openLibc } from "../ffi/libc.ts";

/** How a descriptor is made to hold nobody up. */
export type Removal = "clear" | "close";

interface Order {
  readonly removal: Removal;
  readonly fd: number;
  readonly removed: SharedArrayBuffer;
}

const PATIENCE_MS = 30_000;

/** An obstacle that stands until it is removed. */
export class Obstacle {
  readonly #worker: Worker;
  readonly #removed: Int32Array<SharedArrayBuffer>;

  private constructor(worker: Worker, removed: Int32Array<SharedArrayBuffer>) {
    this.#worker = worker;
    this.#removed = removed;
  }

  /** Lets `fd` stand; its removal takes what it counts, or closes it. */
  static async start(removal: Removal, fd: number): Promise<Obstacle> {
    const worker = new Worker(import.meta.url, { type: "module" });
    const removed = new Int32Array(new SharedArrayBuffer(4));
    const obstacle = new Obstacle(worker, removed);
    const ready = obstacle.#answer();
    worker.postMessage({ removal, fd, removed: removed.buffer });
    await ready;
    return obstacle;
  }

  /** Whether it is still there: what has happened until now did not wait. */
  get stands(): boolean {
    return Atomics.load(this.#removed, 0) === 0;
  }

  /** Takes it away. */
  async remove(): Promise<void> {
    const removed = this.#answer();
    this.#worker.postMessage("now");
    await removed;
    this.#worker.terminate();
  }

  #answer(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#worker.onmessage = () => resolve();
      this.#worker.onerror = (event) => reject(new Error(event.message));
    });
  }
}

function removeIt({ removal, fd, removed }: Order): void {
  if (Atomics.exchange(new Int32Array(removed), 0, 1) === 1) return;
  const libc = openLibc();
  if (removal === "clear") libc.clear(fd);
  else libc.close(fd);
}

const scope = globalThis as unknown as {
  onmessage: ((event: MessageEvent<Order | "now">) => void) | null;
  postMessage(message: string): void;
};

if ("WorkerGlobalScope" in globalThis) {
  let order: Order;
  scope.onmessage = ({ data }) => {
    if (data !== "now") {
      order = data;
      setTimeout(removeIt, PATIENCE_MS, order);
    } else removeIt(order);
    scope.postMessage("done");
  };
}
