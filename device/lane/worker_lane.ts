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
 * The backend with its lane, where it needs one: on the thread of control queues
 * it opens sessions only.
 */
export function withWorkerLane<Loaded extends NamedBackend>(
  loaded: Loaded,
  host: LaneHost,
): Loaded {
  const { backend, specifier, options } = loaded;
  if (backend.runs !== "asynchronous") return loaded;
  const lane = () => host.lane({ name: backend.name, specifier, options });
  return { ...loaded, openLane: () => new LaneThread(new HostWay(lane)) };
}
