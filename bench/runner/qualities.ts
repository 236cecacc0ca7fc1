/**
 * What a device is like apart from its throughput: idle, waking up, with several
 * queues, and what its sessions take of memory.
 *
 * @module
 */

import type { BenchBackend } from "./chosen_backends.ts";
import { type BenchDevice, startDevice } from "./devices.ts";
import { type Load, measure, measureIdle, median } from "./measure.ts";
import { opensslSignatures } from "./openssl_speed.ts";
import type { Programs } from "./programs.ts";
import { atLeast, atMost, type Finding, type Row } from "./targets.ts";
import type { BenchRun } from "./bench_run.ts";

const IDLE_SECONDS = 5;
const MANY_SESSIONS = 10_000;

interface Run {
  readonly programs: Programs;
  readonly backend: BenchBackend;
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

async function* sleepingQualities(
  { programs, seconds, rounds }: Run,
  device: BenchDevice,
): AsyncGenerator<Finding> {
  const p50 = (load: Load) => async () =>
    (await measure(programs, device, load, seconds)).queues[0]!.p50;
  yield {
    name: "latency, driver sleeps, 64 B, depth 1",
    value: await repeat(rounds, p50({ ...CBC, sleeping: true })),
    unit: "µs",
    target: atMost(20),
  };
  yield {
    name: "the same from an idle device, 1000 requests/s",
    value: await repeat(rounds, p50({ ...CBC, sleeping: true, rate: 1000 })),
    unit: "µs",
    target: atMost(50),
  };
  yield {
    name: "processor, guest connected and idle",
    value: await measureIdle(programs, device, IDLE_SECONDS),
    unit: "cores",
    target: atMost(0.004),
  };
}

/** A device with two queues that sleep, each thread wherever there is room. */
const startOnAllCores = ({ programs, backend }: Run): Promise<BenchDevice> =>
  startDevice(programs, backend, { polling: false, queues: 2, anywhere: true });

/** Big requests and a sleeping generator: two cores are enough for two queues. */
async function queueQuality(run: Run): Promise<Finding> {
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
    target: atLeast(1.7),
  };
}

/** What a guest and its sessions take of memory: growth of the device's peak. */
async function memoryQualities(
  { programs, backend, seconds }: Run,
): Promise<Finding[]> {
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
    },
    {
      name: "memory of a session",
      value: perSession / 1e3,
      unit: "kB",
    },
  ];
}

/** Whether a slow request holds up those of another queue. */
async function slowNeighbourQuality(run: Run): Promise<Finding> {
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
    target: atMost(0.3),
  };
}

async function signatureQuality(
  run: Run,
  device: BenchDevice,
): Promise<Finding> {
  const load: Load = { algorithm: "rsa2048-sign", size: 32, depth: 8 };
  const value = await repeat(run.rounds, async () => {
    const ours = await measure(run.programs, device, load, run.seconds);
    return ours.undisturbed / await opensslSignatures();
  });
  return {
    name: "RSA-2048 signatures : openssl speed",
    value,
    unit: "×",
    target: atLeast(0.95),
  };
}

async function* measureQualities(run: Run): AsyncGenerator<Finding> {
  const isOpenssl = run.backend.name === "openssl";
  {
    await using device = await startDevice(run.programs, run.backend, {
      polling: false,
    });
    yield* sleepingQualities(run, device);
    if (isOpenssl) yield await signatureQuality(run, device);
  }
  yield* await memoryQualities(run);
  if (isOpenssl) yield await slowNeighbourQuality(run);
  yield await queueQuality(run);
}

/** All of them for each backend. */
export function qualityRows({ programs, options }: BenchRun): Row[] {
  return options.backends.map((backend) => ({
    name: `qualities, ${backend.name}`,
    async *measure() {
      const run = { ...options, programs, backend };
      for await (const finding of measureQualities(run)) {
        yield { ...finding, name: `${backend.name}: ${finding.name}` };
      }
    },
  }));
}
