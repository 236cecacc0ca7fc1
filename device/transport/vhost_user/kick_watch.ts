/**
 * The kicks of a thread's rings, and its wake-up: one wait for all of them.
 *
 * Each write to an eventfd is an edge that epoll reports once, whatever the count
 * was, so that nothing has to be read.
 *
 * @module
 */

import type { EdgeEpoll } from "../../../ffi/libc_epoll.ts";
import type { QueueRing } from "./queue_ring.ts";

/** The wake-up descriptor; rings have numbers from 1 on. */
const WAKE = 0;

/** Waits for kicks. */
export class KickWatch {
  readonly #epoll: EdgeEpoll;
  readonly #rings = new Map<number, QueueRing>();
  readonly #tokens = new Map<QueueRing, number>();
  #lastToken = WAKE;

  /** `wakeFd` ends a wait, too. */
  constructor(epoll: EdgeEpoll, wakeFd: number) {
    this.#epoll = epoll;
    epoll.add(wakeFd, WAKE);
  }

  /** Rings that have a kick to wait for. */
  get size(): number {
    return this.#rings.size;
  }

  /** Waits for the kicks of a ring; one that cannot be waited for has none. */
  add(ring: QueueRing): void {
    if (ring.kickFd < 0) return;
    const token = ++this.#lastToken;
    if (this.#epoll.add(ring.kickFd, token) < 0) {
      ring.kickFd = -1;
      return;
    }
    this.#rings.set(token, ring);
    this.#tokens.set(ring, token);
  }

  /** To be called before the descriptor is closed. */
  remove(ring: QueueRing): void {
    const token = this.#tokens.get(ring);
    if (token === undefined) return;
    this.#tokens.delete(ring);
    this.#rings.delete(token);
    this.#epoll.remove(ring.kickFd);
  }

  /** Waits for kicks or a wake-up; `kicked` hears of each ring. */
  wait(timeoutMs: number, kicked: (ring: QueueRing) => void): void {
    const count = this.#epoll.wait(timeoutMs);
    for (let i = 0; i < count; i++) {
      const ring = this.#rings.get(this.#epoll.token(i));
      if (!ring) continue;
      if (this.#epoll.isHungUp(i)) {
        // No eventfd, and nobody holds the other end.
        this.remove(ring);
        ring.kickFd = -1;
      }
      kicked(ring);
    }
  }

  close(): void {
    this.#epoll.close();
  }
}
