/**
 * What a device is like apart from its throughput: idle, waking up, at low load,
 * with several queues and many sessions.
 *
 * @module
 */

import { type BenchDevice, startDevice } from "./devices.ts";
import { type Load, measure, measureIdle, median } from "./measure.ts";
import { opensslSignatures } from "./openssl_speed.ts";
import type { Programs } from "./programs.ts";
import { sizeText } from "./table.ts";

const IDLE_SECONDS = 5;
const LOW_LOAD = 0.1;
const MANY_SESSIONS = 10_000;

/** One figure with the aim that the project set itself. */
export interface Quality {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly aim: string;
}

interface Run {
  readonly programs: Programs;
  readonly backend: string;
  readonly seconds: number;
  readonly rounds: number;
}

const CBC: Load = { algorithm: "aes-128-cbc", size: 64, depth: 1 };

async function repeat(
  rounds: number,
  once: () => Promise<number>,
): Promise<number> {
  const values: number[] = [];
  for (let round = 0; round < rounds; round++) values.push(await once());
  return median(values);
}

/** The part of a core that a tenth of what the depth allows takes. */
async function lowLoadQuality(
  { programs, seconds }: Run,
  device: BenchDevice,
  depth: number,
): Promise<Quality> {
  const load = { ...CBC, size: 1024, depth };
  const full = await measure(programs, device, load, seconds);
  const rate = Math.round(full.undisturbed * LOW_LOAD);
  const low = await measure(programs, device, { ...load, rate }, seconds);
  return {
    name: `processor at a tenth of the load, 1 KiB, depth ${depth}`,
    value: low.deviceCpuSeconds / low.seconds,
    unit: "cores",
    aim: "≤ 0.15",
  };
}

async function sleepingQualities(
  { programs, seconds, rounds }: Run,
  device: BenchDevice,
): Promise<Quality[]> {
  const p50 = (load: Load) => async () =>
    (await measure(programs, device, load, seconds)).queues[0]!.p50;
  const awake = await repeat(rounds, p50({ ...CBC, sleeping: true }));
  const asleep = await repeat(
    rounds,
    p50({ ...CBC, sleeping: true, rate: 1000 }),
  );
  const idle = await measureIdle(programs, device, IDLE_SECONDS);
  return [
    {
      name: "latency, driver sleeps, 64 B, depth 1",
      value: awake,
      unit: "µs",
      aim: "≤ 20",
    },
    {
      name: "the same from an idle device, 1000 requests/s",
      value: asleep,
      unit: "µs",
      aim: "≤ 50",
    },
    {
      name: "processor, guest connected and idle",
      value: idle,
      unit: "cores",
      aim: "0.00",
    },
  ];
}

/** A device with two queues that sleep, each thread wherever there is room. */
const startOnAllCores = ({ programs, backend }: Run): Promise<BenchDevice> =>
  startDevice(programs, backend, { polling: false, queues: 2, anywhere: true });

/** Big requests and a sleeping generator: two cores are enough for two queues. */
async function queueQuality(run: Run): Promise<Quality> {
  const { programs, seconds, rounds } = run;
  await using device = await startOnAllCores(run);
  const load: Load = {
    algorithm: "aes-128-cbc",
    size: 65536,
    depth: 16,
    sleeping: true,
  };
  const value = await repeat(rounds, async () => {
    const one = await measure(programs, device, load, seconds);
    const two = await measure(
      programs,
      device,
      { ...load, queues: 2 },
      seconds,
    );
    return two.undisturbed / one.undisturbed;
  });
  return {
    name: "two queues : one, 64 KiB",
    value,
    unit: "×",
    aim: "≥ 1.7",
  };
}

/** What many sessions cost in time. */
async function sessionQuality(
  { programs, seconds, rounds }: Run,
  device: BenchDevice,
  size: number,
): Promise<Quality> {
  const one = { ...CBC, size, depth: 32 };
  const many = { ...one, sessions: MANY_SESSIONS };
  const value = await repeat(rounds, async () => {
    const { undisturbed } = await measure(programs, device, one, seconds);
    const shared = await measure(programs, device, many, seconds);
    return undisturbed / shared.undisturbed;
  });
  return {
    name: `cost with ${MANY_SESSIONS} sessions : with one, ${sizeText(size)}`,
    value,
    unit: "×",
    aim: "≤ 1.3",
  };
}

/** What a guest and its sessions take of memory: growth of the device's peak. */
async function memoryQualities(
  { programs, backend, seconds }: Run,
): Promise<Quality[]> {
  await using device = await startDevice(programs, backend, { polling: true });
  const alone = device.peakBytes();
  await measure(programs, device, { ...CBC, depth: 32 }, seconds);
  const withGuest = device.peakBytes();
  const load = { ...CBC, depth: 32, sessions: MANY_SESSIONS };
  await measure(programs, device, load, seconds);
  const perSession = (device.peakBytes() - withGuest) / MANY_SESSIONS;
  return [
    {
      name: "memory of a guest with one queue",
      value: (withGuest - alone) / 1e6,
      unit: "MB",
      aim: "stated",
    },
    {
      name: "memory of a session",
      value: perSession / 1e3,
      unit: "kB",
      aim: "stated",
    },
  ];
}

/** Whether a slow request holds up those of another queue. */
async function slowNeighbourQuality(run: Run): Promise<Quality> {
  const { programs, seconds, rounds } = run;
  await using device = await startOnAllCores(run);
  const load: Load = {
    ...CBC,
    // A signature takes a digest of SHA-256.
    size: 32,
    algorithm: "rsa2048-sign,aes-128-cbc",
    queues: 2,
    sleeping: true,
  };
  const value = await repeat(rounds, async () => {
    const { queues } = await measure(programs, device, load, seconds);
    return queues[1]!.p50 / queues[0]!.p50;
  });
  return {
    name: "latency of AES-CBC, 32 B : of RSA-2048 signatures on another queue",
    value,
    unit: "×",
    aim: "≤ 0.3",
  };
}

async function signatureQuality(
  run: Run,
  device: BenchDevice,
): Promise<Quality> {
  const load: Load = { algorithm: "rsa2048-sign", size: 32, depth: 8 };
  const value = await repeat(run.rounds, async () => {
    const ours = await measure(run.programs, device, load, run.seconds);
    return ours.undisturbed / await opensslSignatures();
  });
  return {
    name: "RSA-2048 signatures : openssl speed",
    value,
    unit: "×",
    aim: "≥ 0.95",
  };
}

/** Measures all of them for one backend. */
export async function measureQualities(run: Run): Promise<Quality[]> {
  const qualities: Quality[] = [];
  {
    await using device = await startDevice(run.programs, run.backend, {
      polling: false,
    });
    qualities.push(...await sleepingQualities(run, device));
    for (const depth of [1, 32]) {
      qualities.push(await lowLoadQuality(run, device, depth));
    }
  }
  await using device = await startDevice(run.programs, run.backend, {
    polling: true,
  });
  for (const size of [64, 1024]) {
    qualities.push(await sessionQuality(run, device, size));
  }
  qualities.push(...await memoryQualities(run));
  if (run.backend === "openssl") {
    qualities.push(await signatureQuality(run, device));
    qualities.push(await slowNeighbourQuality(run));
  }
  qualities.push(await queueQuality(run));
  return qualities;
}
