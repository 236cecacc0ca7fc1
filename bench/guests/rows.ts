/**
 * What is measured of many guests, with what is aimed at.
 *
 * @module
 */

import { atLeast, atMost, type Finding } from "../runner/targets.ts";
import { GuestProcess, type ManyGuestsDevice } from "./processes.ts";
import { Wakeups } from "./wakeups.ts";

/** How much is measured. */
export interface GuestRowOptions {
  readonly guests: number;
  /** Of one measurement under load. */
  readonly milliseconds: number;
}

/** A part of the table, each with a device of its own. */
export interface GuestRow {
  readonly name: string;
  /** Sockets that the device needs. */
  readonly sockets: number;
  /** Whether guests outlive the device's process. */
  readonly isKept?: boolean;
  measure(
    device: ManyGuestsDevice,
    players: GuestProcess,
  ): Promise<readonly Finding[]>;
}

const SESSIONS = 10;
const IDLE_MS = 5000;
const PACE = 1000;
const ROUNDS = 5;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

/** The value below which this part of `values` lies. */
export const quantile = (values: readonly number[], part: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(part * (values.length - 1))] ??
    NaN;

const attach = (
  players: GuestProcess,
  first: number,
  count: number,
  sessions = SESSIONS,
) => players.follow({ do: "attach", first, count, sessions });

/** Memory, threads and processor time of guests that are only there. */
function presence({ guests }: GuestRowOptions): GuestRow {
  return {
    name: "connected guests",
    sockets: guests,
    async measure(device, players) {
      await attach(players, 0, 1);
      const { threads } = device;
      await pause(1000);
      const few = device.megabytes;
      const findings: Finding[] = [];
      for (let there = 1; there < guests;) {
        const count = Math.min(there < 100 ? 99 : 400, guests - there);
        await attach(players, there, count);
        there += count;
        await pause(1000);
        findings.push({
          name: `memory of a guest, of ${there}`,
          value: (device.megabytes - few) / (there - 1),
          unit: "MB",
          target: atMost(1.5),
        });
      }
      const before = device.cpuSeconds;
      await pause(IDLE_MS);
      const cores = 1000 * (device.cpuSeconds - before) / IDLE_MS;
      return [
        ...findings,
        {
          name: `memory of the process, ${guests} guests`,
          value: device.megabytes,
          unit: "MB",
          target: atMost(1600),
        },
        {
          name: `part of a core, ${guests} idle guests`,
          value: cores,
          unit: "cores",
          target: atMost(0.004),
        },
        {
          name: `threads with ${guests} guests, beyond those with one`,
          value: device.threads - threads,
          unit: "",
          target: atMost(0),
        },
      ];
    },
  };
}

/** The same memory where guests are kept. */
function keptPresence({ guests }: GuestRowOptions): GuestRow {
  return {
    name: "kept guests",
    sockets: guests,
    isKept: true,
    async measure(device, players) {
      await attach(players, 0, 1);
      await pause(1000);
      const few = device.megabytes;
      await attach(players, 1, guests - 1);
      await pause(1000);
      return [{
        name: `memory of a kept guest, of ${guests}`,
        value: (device.megabytes - few) / (guests - 1),
        unit: "MB",
        target: atMost(1.5),
      }];
    },
  };
}

/** What many busy guests have together, beside one. */
function throughput({ milliseconds }: GuestRowOptions): GuestRow {
  const many = 64;
  return {
    name: "busy guests",
    sockets: many,
    async measure(_, players) {
      await attach(players, 0, many, 1);
      const rate = async (count: number) =>
        sum(
          await players.follow({ do: "load", first: 0, count, milliseconds }),
        ) * 1000 / milliseconds;
      await rate(many);
      const one: number[] = [];
      const all: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        one.push(await rate(1));
        all.push(await rate(many));
      }
      const [alone, together] = [quantile(one, 0.5), quantile(all, 0.5)];
      return [{
        name: `${many} busy guests : one, 1 KiB`,
        value: together / alone,
        unit: "x",
        target: atLeast(0.9),
        detail: `${Math.round(together)}/s, ${Math.round(alone)}/s`,
      }];
    },
  };
}

function fairness({ milliseconds }: GuestRowOptions): GuestRow {
  const count = 32;
  return {
    name: "equal guests",
    sockets: count,
    async measure(_, players) {
      await attach(players, 0, count, 1);
      const load = { do: "load", first: 0, count, milliseconds } as const;
      await players.follow(load);
      const shares = await players.follow(load);
      return [{
        name: `${count} equal guests, smallest share : mean`,
        value: Math.min(...shares) * count / sum(shares),
        unit: "x",
        target: atLeast(0.9),
      }];
    },
  };
}

/** How long a guest at a rate waits beside others at full load. */
function latency({ milliseconds }: GuestRowOptions): GuestRow {
  const others = 31;
  return {
    name: "a paced guest",
    sockets: others + 1,
    async measure(device, players) {
      using wakeups = await Wakeups.compile();
      await using loaders = new GuestProcess(device.folder);
      await using signer = new GuestProcess(device.folder);
      await attach(players, 0, 1, 1);
      await attach(loaders, 1, others - 1, 1);
      await attach(signer, others, 1, 1);
      const pace = {
        ...{ do: "pace", first: 0, count: 1 } as const,
        perSecond: PACE,
        milliseconds,
      };
      await players.follow(pace);
      const alone = await players.follow(pace);
      const kernelAlone = await wakeups.measure(PACE, milliseconds);
      const long = 4 * milliseconds + 3000;
      const over = Promise.all([
        loaders.follow({
          ...{ do: "load", first: 1, count: others - 1 } as const,
          milliseconds: long,
        }),
        signer.follow({
          ...{ do: "sign", first: others, count: 1 } as const,
          milliseconds: long,
        }),
      ]);
      // It makes its key first.
      await pause(3000);
      const beside = await players.follow(pace);
      const kernel = await wakeups.measure(PACE, milliseconds);
      await over;
      const ratio = (part: number) =>
        quantile(beside, part) / quantile(alone, part);
      const detail = (part: number) =>
        `${(1000 * quantile(beside, part)).toFixed(0)} us, alone ` +
        `${(1000 * quantile(alone, part)).toFixed(0)} us`;
      return [
        {
          name: `median beside ${others} at full load : alone`,
          value: ratio(0.5),
          unit: "x",
          target: atMost(3),
          detail: detail(0.5),
        },
        {
          name: `p99 beside ${others} at full load : alone`,
          value: ratio(0.99),
          unit: "x",
          target: atMost(5),
          detail: detail(0.99),
        },
        // What no device can do better than.
        ...kernel.map(({ answers, took }, index) => ({
          name:
            `p99 likewise of two processes in C, the answering one ${answers}`,
          value: quantile(took, 0.99),
          unit: "ms",
          detail: `alone ${
            quantile(kernelAlone[index]!.took, 0.99).toFixed(2)
          } ms`,
        })),
      ];
    },
  };
}

function arrival(): GuestRow {
  const others = 500;
  const samples = 10;
  return {
    name: "a guest that comes",
    sockets: others + samples,
    async measure(_, players) {
      await attach(players, 0, others, 1);
      const took = await attach(players, others, samples, 1);
      return [{
        name: `from connecting to the first answer, ${others} others there`,
        value: quantile(took, 0.5),
        unit: "ms",
        target: atMost(50),
      }];
    },
  };
}

/** Guests that come and go leave nothing behind. */
function comingAndGoing({ guests }: GuestRowOptions): GuestRow {
  const sockets = 20;
  const times = 10 * guests;
  return {
    name: "guests that come and go",
    sockets,
    async measure(device, players) {
      const round = async () => {
        await attach(players, 0, sockets, SESSIONS);
        const done = await players.follow({
          ...{ do: "load", first: 0, count: sockets } as const,
          milliseconds: 20,
        });
        await players.follow({ do: "detach", first: 0, count: sockets });
        return done.length;
      };
      let answered = 0;
      let came = 0;
      const comeUpTo = async (end: number) => {
        for (; came < end; came += sockets) answered += await round();
        await pause(1000);
      };
      // The engine's heaps grow for a while, to what they then keep.
      await comeUpTo(times / 2);
      const { megabytes, descriptors, mappings } = device;
      await comeUpTo(times);
      return [
        {
          name: `descriptors after ${came} guests that came, more than at half`,
          value: device.descriptors - descriptors,
          unit: "",
          target: atMost(0),
        },
        {
          name: "mappings likewise",
          value: device.mappings - mappings,
          unit: "",
          target: atMost(50),
        },
        {
          name: "memory likewise",
          value: device.megabytes - megabytes,
          unit: "MB",
          target: atMost(50),
        },
        {
          name: "guests lost",
          value: came - answered,
          unit: "",
          target: atMost(0),
        },
      ];
    },
  };
}

/** All rows, in the order of the table in docs/performance.md. */
export function guestRows(options: GuestRowOptions): readonly GuestRow[] {
  return [
    presence(options),
    keptPresence(options),
    throughput(options),
    fairness(options),
    latency(options),
    arrival(),
    comingAndGoing(options),
  ];
}
