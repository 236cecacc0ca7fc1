/**
 * A lane as the thread of the control queues uses it: for opening sessions.
 *
 * @module
 */

import type { SessionDescription } from "../../algorithms/session_description.ts";
import type { Lane } from "./lane_host.ts";
import type { LaneHandle, LaneWay } from "./lane_thread.ts";

/** Asks a lane whether sessions can be had; runs nothing. */
export class HostWay implements LaneWay {
  readonly #lane: () => Lane;

  /** `lane` starts it where it has not been needed yet. */
  constructor(lane: () => Lane) {
    this.#lane = lane;
  }

  tryOpening(description: SessionDescription): Promise<string | undefined> {
    return this.#lane().tryOpening(description);
  }

  openSession(): LaneHandle {
    throw new Error("The control queue runs nothing on a lane");
  }

  closeSession(): void {}

  begin(): boolean {
    return false;
  }

  flush(): void {}

  collect(): void {}

  health(): string | undefined {
    return undefined;
  }

  close(): void {}
}
