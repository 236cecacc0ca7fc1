/**
 * A device that is killed at its fault points under the load of five guests: rings
 * of both formats, one and 64 requests under way, and sessions by message.
 *
 * @module
 */

import type { Random } from "../../../conformance/random.ts";
import { Driver, type DriverOptions } from "../../../driver/driver.ts";
import { SessionMessages } from "../../../driver/vhost_user/session_messages.ts";
import { connectVhostUser } from "../../../driver/vhost_user_front_end.ts";
import { FaultyDevice } from "./faulty_device.ts";
import {
  ANYWHERE,
  CONTROL_POINTS,
  type Fault,
  RING_POINTS,
} from "./fault_points.ts";
import { GuestLoad } from "./guest_load.ts";

/** What is killed, and how often. */
export interface KillPlan {
  readonly name: string;
  readonly kills: number;
  /** More words for `serve`. */
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** What has come of it. */
export interface KillCounts {
  readonly requests: number;
  readonly sessions: number;
  /** Processes that have ended, by point. */
  readonly ends: Readonly<Record<string, number>>;
}

const MEMORY_BYTES = 4 * 1024 * 1024;
/** Few sessions, so that their log is compacted often. */
const SESSIONS = 8;
const MOST_RING_HITS = 25;
const MOST_CONTROL_HITS = 8;
const LOST_MS = 60_000;

interface GuestForm {
  readonly depth: number;
  readonly byMessage?: boolean;
  readonly options: DriverOptions;
}

const GUESTS: readonly GuestForm[] = [
  { depth: 1, options: {} },
  { depth: 64, options: { indirect: false } },
  { depth: 1, options: { packed: true, indirect: false } },
  { depth: 64, options: { packed: true } },
  { depth: 4, byMessage: true, options: {} },
];

/**
 * Points of rings and of messages by turns, after some occurrences of them, and a
 * life that lasts for a while after both: where each one ended early, a message
 * would not be answered for as long as a front-end waits.
 */
function faultsOf(kills: number, first: number, random: Random): Fault[] {
  return Array.from({ length: kills }, (_, i): Fault => {
    const turn = Math.floor((first + i) / 3);
    const kind = (first + i) % 3;
    if (kind === 2) return { point: ANYWHERE, hits: 0 };
    const points = kind === 0 ? RING_POINTS : CONTROL_POINTS;
    const most = kind === 0 ? MOST_RING_HITS : MOST_CONTROL_HITS;
    const point = points[turn % points.length]!;
    return { point, hits: 1 + random.integer(most) };
  });
}

/**
 * Kills a device so often; rejects where a request is lost or differs, and where
 * the last process holds more than the first one did: what one is given back and
 * does not need is kept for the next one as well.
 */
export async function stressKills(
  plan: KillPlan,
  firstPoint: number,
  random: Random,
): Promise<KillCounts> {
  const faults = faultsOf(plan.kills, firstPoint, random);
  const words = [...plan.words, "--max-sessions", `${SESSIONS}`];
  await using device = await FaultyDevice.start(
    GUESTS.length,
    faults,
    words,
    plan.environment,
  );
  await using stack = new AsyncDisposableStack();
  const loads: GuestLoad[] = [];
  for (const [index, { depth, byMessage, options }] of GUESTS.entries()) {
    const link = await connectVhostUser(device.sockets[index]!, {
      memoryBytes: MEMORY_BYTES,
    });
    const control = byMessage
      ? { sessionControl: new SessionMessages(link, "A") }
      : {};
    const driver = await Driver.start(link, { ...options, ...control });
    stack.use(driver);
    loads.push(new GuestLoad(driver, depth, byMessage ?? false));
  }
  const ended = Promise.all(loads.map((load) => load.ended));
  await under(ended, loads.map((load) => load.begun));
  const first = await device.holdings();
  await device.kill();
  await under(ended, [device.lastLife()]);
  for (const load of loads) load.stop();
  await within(ended, LOST_MS, "requests are lost");
  await device.holdsNoMore(first);
  return {
    requests: loads.reduce((sum, { requests }) => sum + requests, 0),
    sessions: loads.reduce((sum, { sessions }) => sum + sessions, 0),
    ends: device.ends,
  };
}

/** Waits for `events`, or for what is wrong with the load. */
const under = (ended: Promise<unknown>, events: readonly Promise<void>[]) =>
  Promise.race([Promise.all(events), ended]);

async function within(
  promise: Promise<unknown>,
  ms: number,
  problem: string,
): Promise<void> {
  let timer: ReturnType<typeof setTimeout>;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(problem)), ms);
  });
  await Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
