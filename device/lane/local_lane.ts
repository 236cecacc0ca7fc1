/**
 * Lanes of devices in process: asynchronous backends run in the program's own
 * event loop.
 *
 * @module
 */

import { type FailureListener, FailureNotes } from "../session/failure.ts";
import type { LoadedBackend } from "../session/open_backends.ts";
import { LaneThread } from "./lane_thread.ts";
import { LocalWay } from "./local_way.ts";
import { CallWatch, createWatchMemory } from "../../backends/call_watch.ts";
import { asynchronousThread } from "./opened_backend.ts";
import { limitsOf, Scheduler } from "./scheduler.ts";

/**
 * The backend with its lane, where it needs one. `ended` hears, once for many,
 * that operations have ended; `failed` hears of requests and sessions that fail.
 */
export function withLocalLane<Loaded extends LoadedBackend>(
  loaded: Loaded,
  ended: () => void,
  failed: FailureListener = () => {},
): Loaded {
  const { backend, options } = loaded;
  if (backend.runs !== "asynchronous") return loaded;
  const open = () => {
    // Not from within the service of a queue, nor does a throw end that.
    const { note } = new FailureNotes((failure) =>
      queueMicrotask(() => failed(failure))
    );
    const thread = asynchronousThread(
      backend,
      options,
      note,
      new CallWatch(createWatchMemory()),
    );
    const limits = limitsOf(backend);
    const scheduler = new Scheduler(backend.name, thread, limits, note);
    return new LaneThread(new LocalWay(scheduler, ended));
  };
  return { ...loaded, lane: { takes: "all", open } };
}
