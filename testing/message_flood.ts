/**
 * A front-end on a thread of its own that sends messages as fast as it can, and
 * reads what comes back or not.
 *
 * @module
 */

import { Request } from "../device/transport/vhost_user/messages.ts";
import { EAGAIN, nativeBuffer, openLibc } from "../ffi/libc.ts";
import { connectUnix, SocketMessages } from "../ffi/libc_socket.ts";

/** What the thread is given. */
export interface FloodOrder {
  readonly path: string;
  readonly reads: boolean;
  readonly milliseconds: number;
}

/** What it tells at its end. */
export interface FloodResult {
  readonly messages: number;
  /** Whether the device has ended the connection. */
  readonly dropped: boolean;
}

const HEADER_BYTES = 12;
/** A header, and the features. */
const REPLY_BYTES = 20;
const VERSION = 1;
const AT_ONCE = 64;
/** However late the thread is. */
const LEAST_BYTES = 200 * HEADER_BYTES;

function flood({ path, reads, milliseconds }: FloodOrder): FloodResult {
  const libc = openLibc();
  const fd = connectUnix(libc, path);
  const socket = new SocketMessages(libc);
  const bytes = nativeBuffer(AT_ONCE * HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; at += HEADER_BYTES) {
    view.setUint32(at, Request.GetFeatures, true);
    view.setUint32(at + 4, VERSION, true);
  }
  const replies = nativeBuffer(1 << 16);
  const end = performance.now() + milliseconds;
  let sent = 0;
  let received = 0;
  let dropped = false;
  while ((performance.now() < end || sent < LEAST_BYTES) && !dropped) {
    const result = socket.send(fd, bytes.subarray(sent % bytes.length));
    if (result > 0) sent += result;
    else dropped = result !== -EAGAIN;
    // No more than its buffer takes are under way.
    const wanted = Math.floor(sent / HEADER_BYTES) * REPLY_BYTES;
    while (reads && !dropped && received < wanted) {
      const got = socket.receive(fd, replies, [], true);
      if (got > 0) received += got;
      else dropped = true;
    }
  }
  libc.close(fd);
  return { messages: Math.floor(sent / HEADER_BYTES), dropped };
}

/** Runs a flood on a thread of its own. */
export function startFlood(order: FloodOrder): Promise<FloodResult> {
  const worker = new Worker(import.meta.url, { type: "module" });
  const { promise, resolve, reject } = Promise.withResolvers<FloodResult>();
  worker.onmessage = ({ data }: MessageEvent<FloodResult>) => {
    worker.terminate();
    resolve(data);
  };
  worker.onerror = (event) => reject(new Error(event.message));
  worker.postMessage(order);
  return promise;
}

const scope = globalThis as unknown as {
  onmessage: ((event: MessageEvent<FloodOrder>) => void) | null;
  postMessage(result: FloodResult): void;
};

if ("WorkerGlobalScope" in globalThis) {
  scope.onmessage = ({ data }) => scope.postMessage(flood(data));
}
