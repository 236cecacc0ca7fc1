/**
 * How memory and latency go with the number of guests, as lines of a chart.
 *
 * @module
 */

import type { ChartLine } from "../runner/chart.ts";
import { GuestProcess, type ManyGuestsDevice } from "./processes.ts";
import { quantile } from "./rows.ts";

const SESSIONS = 10;
const PER_SECOND = 1000;
/** Guests beside one, connected or at full load. */
const IDLE = [1, 9, 99, 299, 999];
const BUSY = [1, 3, 7, 15, 31];

export const CURVE_SOCKETS = 1 + Math.max(...IDLE);

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Measures what one guest's presence and requests cost beside others. */
export async function guestCurves(
  device: ManyGuestsDevice,
  milliseconds: number,
): Promise<ChartLine[]> {
  const memory: [number, number][] = [];
  const [idle, busy] = [new Latencies("idle"), new Latencies("busy")];
  await using paced = new GuestProcess(device.folder);
  await using others = new GuestProcess(device.folder);
  const attach = (players: GuestProcess, first: number, count: number) =>
    players.follow({ do: "attach", first, count, sessions: SESSIONS });
  const pace = () =>
    paced.follow({
      ...{ do: "pace", first: 0, count: 1 } as const,
      perSecond: PER_SECOND,
      milliseconds,
    });
  await attach(paced, 0, 1);
  await pace();
  await pause(1000);
  const alone = device.megabytes;
  let there = 0;
  for (const count of IDLE) {
    await attach(others, 1 + there, count - there);
    there = count;
    await pause(1000);
    memory.push([1 + count, 1000 * (device.megabytes - alone) / count]);
    idle.add(1 + count, await pace());
  }
  for (const count of BUSY) {
    const load = others.follow({
      ...{ do: "load", first: 1, count } as const,
      milliseconds: milliseconds + 1000,
    });
    await pause(500);
    busy.add(1 + count, await pace());
    await load;
  }
  return [
    { name: "memory, kB", points: memory },
    ...idle.lines,
    ...busy.lines,
  ];
}

/** Median and 99th percentile in microseconds. */
class Latencies {
  readonly lines: ChartLine[];
  readonly #median: [number, number][] = [];
  readonly #p99: [number, number][] = [];

  constructor(others: string) {
    this.lines = [
      { name: `median, ${others}`, points: this.#median },
      { name: `p99, ${others}`, points: this.#p99 },
    ];
  }

  add(guests: number, milliseconds: readonly number[]): void {
    this.#median.push([guests, 1000 * quantile(milliseconds, 0.5)]);
    this.#p99.push([guests, 1000 * quantile(milliseconds, 0.99)]);
  }
}
