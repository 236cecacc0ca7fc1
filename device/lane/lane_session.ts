/**
 * A session on a lane. It is opened when it is announced; one that is refused is
 * tried again a while later, as its description says all that takes.
 *
 * @module
 */

import {
  type SessionDescription,
  wipeKeys,
} from "../../algorithms/session_description.ts";
import type { AsynchronousThread } from "../../backends/backend.ts";
import type { BackendSession } from "../../backends/backend.ts";
import { ASK_AGAIN_MS, reasonOf } from "../session/failure.ts";
import { within } from "./within.ts";

/** A session of a backend that answers later. */
export class LaneSession {
  /** Whose it is: the lane serves guests in turn. */
  readonly guest: number;
  readonly description: SessionDescription;
  readonly #thread: AsynchronousThread;
  readonly #deadlineMs: number;
  readonly #refused: (reason: string) => void;
  #handle: BackendSession | undefined;
  #opening: Promise<BackendSession | undefined> | undefined;
  #askAgainAt = 0;
  #closed = false;

  /** `refused` hears why it cannot be opened; the description is its own. */
  constructor(
    guest: number,
    description: SessionDescription,
    thread: AsynchronousThread,
    deadlineMs: number,
    refused: (reason: string) => void,
  ) {
    this.guest = guest;
    this.description = description;
    this.#thread = thread;
    this.#deadlineMs = deadlineMs;
    this.#refused = refused;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** The backend's handle; undefined where it does not have the session. */
  handle(): BackendSession | undefined | Promise<BackendSession | undefined> {
    if (this.#handle !== undefined) return this.#handle;
    if (this.#closed) return undefined;
    if (this.#opening) return this.#opening;
    if (performance.now() < this.#askAgainAt) return undefined;
    this.#opening = this.#open().finally(() => this.#opening = undefined);
    return this.#opening;
  }

  async #open(): Promise<BackendSession | undefined> {
    let handle: unknown;
    try {
      const opening = Promise.resolve(
        this.#thread.openSession(this.description),
      );
      handle = await within(
        this.#deadlineMs,
        opening,
        () => void opening.then((late) => this.#closeHandle(late), () => {}),
      );
      if (typeof handle !== "object" || handle === null) {
        throw new TypeError(
          `openSession() gave ${typeof handle}, expected an object`,
        );
      }
    } catch (error) {
      this.#askAgainAt = performance.now() + ASK_AGAIN_MS;
      this.#refused(reasonOf(error));
      return undefined;
    }
    if (this.#closed) {
      await this.#closeHandle(handle);
      return undefined;
    }
    return this.#handle = handle;
  }

  /** Closes it and wipes its key, when nothing of it is under way. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const handle = this.#handle;
    this.#handle = undefined;
    // A backend that is opening it may read the key still.
    await this.#opening;
    if (handle !== undefined) await this.#closeHandle(handle);
    wipeKeys(this.description);
  }

  async #closeHandle(handle: BackendSession): Promise<void> {
    try {
      await this.#thread.closeSession(handle);
    } catch (error) {
      this.#refused(`it cannot be closed: ${reasonOf(error)}`);
    }
  }
}
