/**
 * Runs a file through virtio-crypto devices and checks every result:
 * `deno task demo [FILE]`.
 *
 * @module
 */

import { Driver, probeBackends, type ProbedBackend } from "../mod.ts";
import { connectVhostUser } from "../driver/vhost_user_front_end.ts";
import { Mistake, runTask } from "../testing/task.ts";
import { type DemoData, readData } from "./demo/data.ts";
import { DeviceProcess, stopOnSignal } from "./demo/device_process.ts";
import { demoOperations, whyNot } from "./demo/operations.ts";
import { Progress, tableOf } from "./demo/report.ts";
import { REQUEST_BYTES, type Row, runOperation } from "./demo/run_operation.ts";

const MEMORY_BYTES = 16 * 1024 * 1024;

const INTRODUCTION = `\
This starts a virtio-crypto device and takes the place of its virtual machine: it
has pieces of a file encrypted or hashed, and compares each with node:crypto's.`;

/** What a backend is asked for: all of the demo that it offers. */
const operationsOf = ({ probe }: ProbedBackend) =>
  demoOperations().filter((one) => whyNot(probe, one) === undefined);

/** Runs all that the backend offers on a device with it. */
async function runBackend(
  device: DeviceProcess,
  probed: ProbedBackend,
  data: Uint8Array,
  progress: Progress,
): Promise<Row[]> {
  const { name } = probed.backend;
  const link = await connectVhostUser(device.socketPath, {
    memoryBytes: MEMORY_BYTES,
  });
  await using driver = await Driver.start(link);
  const rows: Row[] = [];
  for (const operation of operationsOf(probed)) {
    const what = `${name}: ${operation.name}`;
    const told = (fraction: number, megabytesPerSecond: number) =>
      progress.update(what, fraction, megabytesPerSecond);
    rows.push(await runOperation(driver, name, operation, data, told));
    progress.finish();
  }
  return rows;
}

/** The line on what a backend did. */
function summary(
  { backend, probe }: ProbedBackend,
  rows: readonly Row[],
): string {
  const wrong = rows.filter(({ verified }) => !verified).length;
  const verdict = wrong === 0 ? "all results right" : `${wrong} WRONG`;
  const [version] = probe.version.split(",");
  return `${backend.name} (${version}): ${verdict}`;
}

async function runAll(
  backends: readonly ProbedBackend[],
  { bytes }: DemoData,
): Promise<Row[]> {
  const units = backends.flatMap(operationsOf).length;
  const progress = new Progress(units);
  const rows: Row[] = [];
  for (const probed of backends) {
    await using device = await DeviceProcess.start(probed.backend.name);
    const done = await device.whileAlive(
      runBackend(device, probed, bytes, progress),
    );
    console.log(summary(probed, done));
    rows.push(...done);
  }
  return rows;
}

async function demo(file: string | undefined): Promise<boolean> {
  using _ = stopOnSignal();
  const data = await readData(file);
  const requests = Math.ceil(data.bytes.length / REQUEST_BYTES);
  console.log(
    `${INTRODUCTION}\nData: ${data.name}, ${data.bytes.length} bytes in ` +
      `${requests} requests of up to ${REQUEST_BYTES / 1024} KiB.`,
  );
  const all = await probeBackends();
  const backends = all.filter(({ probe }) => probe.ready);
  const rows = await runAll(backends, data);
  const left = all.filter(({ probe }) => !probe.ready)
    .map(({ backend }) => backend.name);
  if (left.length > 0) {
    console.log(
      `Left out, and the program's probe says why: ${left.join(", ")}`,
    );
  }
  const names = backends.map(({ backend }) => backend.name);
  console.log(`\n${tableOf(rows, names)}`);
  return rows.length > 0 && rows.every((row) => row.verified);
}

async function main([file, more]: readonly string[]): Promise<number> {
  const wrong = more ?? (file?.startsWith("--") ? file : undefined);
  if (wrong !== undefined) {
    throw new Mistake(`Cannot use argument "${wrong}": expected one file`);
  }
  try {
    const verified = await demo(file);
    console.log(
      verified ? "Every result is right." : "NOT every result is right.",
    );
    return verified ? 0 : 1;
  } catch (error) {
    if (error instanceof Mistake) throw error;
    console.error(`demo: ${(error as Error).message}`);
    return 1;
  }
}

if (import.meta.main) {
  await runTask({
    usage: "demo [FILE]",
    about: "sends a file through a device on each backend, compares the " +
      "results with\nnode:crypto's, and shows what it measured; of a long " +
      "file it takes 16 MiB",
  }, main);
}
