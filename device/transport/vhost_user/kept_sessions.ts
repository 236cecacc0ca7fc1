/**
 * A guest's sessions and their log: what is opened and closed goes there, and the
 * next process takes it from there.
 *
 * @module
 */

import { wipeKeys } from "../../../algorithms/session_description.ts";
import type { Device } from "../../device.ts";
import { SessionRedo } from "../../session/session_redo.ts";
import type { SessionLog } from "../../state/session_log.ts";
import type { Log } from "./log.ts";

interface Parts {
  readonly device: Device;
  readonly log: Log;
}

/** Writes the log of one guest. */
export class KeptSessions {
  readonly #unobserve: () => void;
  readonly #log: Log;
  #toldFull = false;

  private constructor(sessions: SessionLog, { device, log }: Parts) {
    this.#log = log;
    this.#unobserve = device.sessions.observe({
      opened: ({ id, description }, origin) => {
        if (!sessions.add({ id, description }, origin)) this.#tellFull(id);
      },
      closed: (id, origin) => sessions.remove(id, origin),
      left: (newest) => sessions.newestLeft = newest,
    });
  }

  /** Begins the log of a guest without sessions. */
  static begin(sessions: SessionLog, parts: Parts): KeptSessions {
    sessions.nextId = parts.device.sessions.newestId + 1;
    return new KeptSessions(sessions, parts);
  }

  /** Takes the sessions of the process before; a string says why none. */
  static async takeOver(
    sessions: SessionLog,
    parts: Parts,
    isGone: () => boolean,
  ): Promise<KeptSessions | string> {
    const { device, log } = parts;
    const logged = sessions.read();
    if (typeof logged === "string") return logged;
    const redo = new SessionRedo(
      logged.map(({ origin, id }) => [origin, id] as const),
      sessions.closed,
    );
    const { nextId, newestLeft } = sessions;
    const lost = await device.sessions.takeOver(
      logged,
      nextId,
      redo,
      newestLeft,
    );
    // Those that were refused then are the next process's.
    if (isGone()) return "the device is shut down";
    for (const reason of lost) log("warn", `lost: ${reason}`);
    for (const { id, description } of logged) {
      if (device.sessions.get(id)) continue;
      wipeKeys(description);
      sessions.remove(id, 0);
    }
    return new KeptSessions(sessions, parts);
  }

  /** Writes nothing more; the log stays as it is. */
  leave(): void {
    this.#unobserve();
  }

  #tellFull(id: number): void {
    if (this.#toldFull) return;
    this.#toldFull = true;
    this.#log("warn", `no room to keep session ${id} for the next process`);
  }
}
