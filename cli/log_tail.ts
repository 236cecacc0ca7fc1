/**
 * What a log keeps of itself while it runs: its level, which may change, the
 * lines that it has lost, and the last ones.
 *
 * @module
 */

import type { LogLevel } from "../device/transport/vhost_user/log.ts";
import type { LogEvent } from "./log_format.ts";

/** Events that are kept. */
const KEPT = 200;

/** The present of a log. */
export class LogTail {
  /** What is less important is dropped. */
  level: LogLevel;
  /** Lines that could not be written, since the start. */
  lostLines = 0;
  readonly #events: LogEvent[] = [];

  constructor(level: LogLevel) {
    this.level = level;
  }

  /** Keeps an event, and forgets the oldest. */
  keep(event: LogEvent): void {
    if (this.#events.push(event) > KEPT) this.#events.shift();
  }

  /** The last events, the oldest first. */
  get events(): readonly LogEvent[] {
    return this.#events;
  }
}
