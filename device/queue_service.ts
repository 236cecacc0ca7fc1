/**
 * What serves a queue, whichever queue it is.
 *
 * @module
 */

/**
 * How long one call of a control or administration queue goes on. A request costs
 * what its guest makes it cost, and those queues of all guests share a thread.
 */
export const SERVICE_MS = 5;

/** The service of one queue, on the thread that it is served by. */
export interface QueueService {
  /** Why the queue can no longer be served. */
  readonly broken: string | undefined;
  /** Requests that have been taken and not answered. */
  readonly pendingCount: number;
  /**
   * Whether any of them ends only by being polled for. What a lane has comes with
   * a wake-up of the thread.
   */
  readonly needsPolling: boolean;
  /** Whether it takes nothing more for now. */
  readonly isFull: boolean;
  /**
   * In how many milliseconds it takes more; -1 where time alone makes no
   * difference.
   */
  readonly waitMs: number;
  /**
   * Takes what is available, up to a bound, of which `mostBursts` is a part where
   * others wait for their turn, and `mostOfFirst` the requests of the first burst;
   * true: notify the driver.
   */
  service(mostBursts?: number, mostOfFirst?: number): boolean;
  /** Answers what has ended since; true: notify the driver. */
  poll(): boolean;
  /**
   * Gives up what is pending on lanes, which work on copies: `poll` then ends it.
   */
  abandonLanes(): void;
  /** Closes backends that do not end what is pending: `poll` then ends it. */
  abandon(reason: string): void;
}
