/**
 * `deno task bench`: the in-process and the vhost-user path at five sizes, beside
 * `openssl speed -evp` in the same run.
 *
 *     deno task bench [--backend LIST] [--seconds S] [--rounds N]
 *
 * @module
 */

import { messageOf } from "../backends/error_message.ts";
import { BENCH_OPERATIONS, type BenchOperation } from "./operations.ts";
import { offersOperation } from "./plan.ts";
import type { BenchBackend } from "./runner/chosen_backends.ts";
import { startDevice } from "./runner/devices.ts";
import { inProcessSpeed } from "./runner/in_process_speed.ts";
import { describeMachine, machineLine } from "./runner/machine.ts";
import { measure, median } from "./runner/measure.ts";
import { opensslSpeed } from "./runner/openssl_speed.ts";
import {
  BENCH_USAGE,
  type BenchOptions,
  parseBenchOptions,
} from "./runner/options.ts";
import { Programs } from "./runner/programs.ts";
import { markdownTable, sizeText } from "./runner/table.ts";
import { runTask } from "../testing/task.ts";

const SIZES = [64, 1024, 16384, 65536, 1 << 20];

/** A row's name at libcrypto, at the load generator and among our operations. */
interface Subject {
  readonly name: string;
  readonly openssl: string;
  readonly decrypt?: boolean;
  readonly workload: string;
  readonly operation: BenchOperation;
}

const operationNamed = (name: string) =>
  BENCH_OPERATIONS.find((operation) => operation.name === name)!;

const SUBJECTS: readonly Subject[] = [
  {
    name: "AES-128-CBC encrypt",
    openssl: "aes-128-cbc",
    workload: "aes-128-cbc",
    operation: operationNamed("aes-128-cbc encrypt"),
  },
  {
    name: "AES-128-CBC decrypt",
    openssl: "aes-128-cbc",
    decrypt: true,
    workload: "aes-128-cbc-decrypt",
    operation: operationNamed("aes-128-cbc decrypt"),
  },
  {
    name: "AES-128-GCM encrypt",
    openssl: "aes-128-gcm",
    workload: "aes-128-gcm",
    operation: operationNamed("aes-128-gcm encrypt"),
  },
  {
    name: "SHA-256",
    openssl: "sha256",
    workload: "sha256",
    operation: operationNamed("sha256"),
  },
];

async function compilePrograms(): Promise<Programs | undefined> {
  try {
    return await Programs.compile();
  } catch (error) {
    const reason = messageOf(error);
    console.error(`The vhost-user path is left out. ${reason}`);
    return undefined;
  }
}

const megabytes = (bytesPerSecond: number, yardstick: number) =>
  Number.isNaN(bytesPerSecond)
    ? ""
    : `${(bytesPerSecond / 1e6).toFixed(0)} (${
      (bytesPerSecond / yardstick).toFixed(2)
    })`;

/** Rows of one subject: every path is measured in every round. */
async function measureSubject(
  subject: Subject,
  backend: BenchBackend,
  { seconds, rounds }: BenchOptions,
  vhostUser: (subject: Subject, size: number) => Promise<number>,
): Promise<string[][]> {
  const rows: string[][] = [];
  if (!offersOperation(backend.probe, subject.operation)) return rows;
  for (const size of SIZES) {
    const yardsticks: number[] = [];
    const inProcess: number[] = [];
    const overSocket: number[] = [];
    for (let round = 0; round < rounds; round++) {
      yardsticks.push(
        await opensslSpeed(subject.openssl, size, subject.decrypt),
      );
      inProcess.push(
        await inProcessSpeed(
          backend.specifier,
          subject.operation,
          size,
          seconds,
        ),
      );
      overSocket.push(await vhostUser(subject, size));
    }
    const yardstick = median(yardsticks);
    rows.push([
      backend.name,
      subject.name,
      sizeText(size),
      megabytes(median(inProcess), yardstick),
      megabytes(median(overSocket), yardstick),
      (yardstick / 1e6).toFixed(0),
    ]);
  }
  return rows;
}

async function main(words: string[]): Promise<void> {
  const options = await parseBenchOptions(words, { seconds: 1, rounds: 3 });
  using programs = await compilePrograms();
  console.log(machineLine(await describeMachine()));
  console.log("MB/s (ratio to openssl speed), 32 requests in flight\n");
  const rows: string[][] = [];
  for (const backend of options.backends) {
    await using device = programs &&
      await startDevice(programs, backend, { polling: true });
    const vhostUser = async ({ workload }: Subject, size: number) => {
      if (!programs || !device) return NaN;
      const load = { algorithm: workload, size, depth: 32 };
      const { seconds } = options;
      return (await measure(programs, device, load, seconds)).undisturbed *
        size;
    };
    for (const subject of SUBJECTS) {
      rows.push(...await measureSubject(subject, backend, options, vhostUser));
    }
  }
  console.log(markdownTable(
    [
      "backend",
      "algorithm",
      "size",
      "in process",
      "vhost-user",
      "openssl speed",
    ],
    rows,
  ));
}

if (import.meta.main) {
  await runTask({
    usage: `bench ${BENCH_USAGE}`,
    about:
      "measures backends, in process and over vhost-user, beside openssl speed",
  }, main);
}
