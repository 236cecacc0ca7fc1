/**
 * Runs a file through virtio-crypto devices and checks every result:
 * `deno task demo [FILE]`.
 *
 * @module
 */

import { Driver, probeBackends, type ProbedBackend } from "../mod.ts";
import { connectVhostUser } from "../driver/vhost_user_front_end.ts";
import { DeviceProcess, stopOnSignal } from "./demo/device_process.ts";
import { demoOperations, whyNot } from "./demo/operations.ts";
import { Progress, tableOf } from "./demo/report.ts";
import { REQUEST_BYTES, type Row, runOperation } from "./demo/run_operation.ts";

const DEFAULT_FILE = new URL("../LICENSE", import.meta.url);
const DEFAULT_BYTES = 16 * 1024 * 1024;
const BLOCK_BYTES = 16;
const MEMORY_BYTES = 16 * 1024 * 1024;

const INTRODUCTION = `\
This starts a virtio-crypto device, a process of its own such as a virtual
machine would be attached to, and takes the machine's place: it shares memory
with the device, puts pieces of a file into it, asks for them to be encrypted,
decrypted or hashed, and compares each result with that of node:crypto (for XTS,
which Deno's node:crypto lacks, with XTS built here from its AES-256-ECB).
`;

/** `file` as it is, padded to whole blocks; or a file of the repository, repeated. */
async function readData(file: string | undefined): Promise<Uint8Array> {
  if (file === undefined) {
    const text = await Deno.readFile(DEFAULT_FILE);
    const data = new Uint8Array(DEFAULT_BYTES);
    for (let at = 0; at < data.length; at += text.length) {
      data.set(text.subarray(0, data.length - at), at);
    }
    return data;
  }
  const content = await Deno.readFile(file);
  if (content.length === 0) throw new RangeError(`"${file}" is empty`);
  const blocks = Math.ceil(content.length / BLOCK_BYTES);
  const data = new Uint8Array(blocks * BLOCK_BYTES);
  data.set(content);
  return data;
}

/** The backends that this machine has; says what is missing. */
async function availableBackends(): Promise<ProbedBackend[]> {
  const available: ProbedBackend[] = [];
  for (const probed of await probeBackends()) {
    const { backend, probe } = probed;
    if (probe.ready) {
      available.push(probed);
      console.log(`Backend ${backend.name}: ${probe.version}`);
      continue;
    }
    const missing = probe.missing.map(({ what, remedy }) =>
      `${what} (${remedy})`
    );
    console.log(`Backend ${backend.name} is left out: ${missing.join("; ")}`);
  }
  return available;
}

/** Runs all that the backend offers on one device, which `device` already runs. */
async function runBackend(
  device: DeviceProcess,
  { backend: { name: backend }, probe }: ProbedBackend,
  data: Uint8Array,
): Promise<Row[]> {
  const link = await connectVhostUser(device.socketPath, {
    memoryBytes: MEMORY_BYTES,
  });
  await using driver = await Driver.start(link);
  const progress = new Progress();
  const rows: Row[] = [];
  for (const operation of demoOperations()) {
    const reason = whyNot(probe, operation);
    if (reason !== undefined) {
      console.log(`${backend}: ${operation.name} is left out: ${reason}`);
      continue;
    }
    const done = await runOperation(
      driver,
      backend,
      operation,
      data,
      (name, fraction) => progress.update(backend, name, fraction),
    );
    progress.finish(done);
    rows.push(...done);
  }
  return rows;
}

async function demo(file: string | undefined): Promise<boolean> {
  console.log(INTRODUCTION);
  const data = await readData(file);
  const requests = Math.ceil(data.length / REQUEST_BYTES);
  console.log(
    `Data: ${file ?? "LICENSE, repeated"}, ${data.length} bytes in ` +
      `${requests} requests of up to ${REQUEST_BYTES / 1024} KiB.`,
  );
  const rows: Row[] = [];
  for (const probed of await availableBackends()) {
    const { name } = probed.backend;
    console.log(`\nStarting the device with backend ${name} …`);
    await using device = await DeviceProcess.start(name);
    using _ = stopOnSignal(device);
    rows.push(
      ...await device.whileAlive(runBackend(device, probed, data)),
    );
  }
  console.log(`\n${tableOf(rows)}\n`);
  return rows.length > 0 && rows.every((row) => row.verified);
}

if (import.meta.main) {
  try {
    const verified = await demo(Deno.args[0]);
    console.log(
      verified ? "Every result is right." : "NOT every result is right.",
    );
    Deno.exitCode = verified ? 0 : 1;
  } catch (error) {
    console.error(`demo: ${(error as Error).message}`);
    Deno.exitCode = 1;
  }
}
