/**
 * Lanes of devices that are served to virtual machines: each is a thread.
 *
 * @module
 */

import type { LoadedBackend } from "../session/open_backends.ts";
import { HostWay } from "./host_way.ts";
import type { LaneHost } from "./lane_host.ts";
import { LaneThread } from "./lane_thread.ts";

/** A backend, and what loads it on another thread. */
interface NamedBackend extends LoadedBackend {
  readonly specifier: string;
}

/**
 * The backend with its lane, which takes all of those that answer later, and what
 * takes long of the others. On the thread of control queues it opens sessions
 * only.
 */
export function withWorkerLane<Loaded extends NamedBackend>(
  loaded: Loaded,
  host: LaneHost,
): Loaded {
  const { backend, specifier, options } = loaded;
  const takes = backend.runs === "asynchronous" || backend.runs === "blocking"
    ? "all"
    : "slow";
  const lane = () => host.lane({ name: backend.name, specifier, options });
  const open = () => new LaneThread(new HostWay(lane));
  return { ...loaded, lane: { takes, open } };
}
