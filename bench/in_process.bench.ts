/**
 * The device over rings in this process: driver, rings, device and backend on one
 * thread, in bursts of 32, per operation and size, all backends side by side.
 */

import { createDevice } from "../device/transport/in_process/create_device.ts";
import type { Burst } from "../driver/burst.ts";
import { Driver } from "../driver/driver.ts";
import { openBenchSession } from "./driver_session.ts";
import { BENCH_OPERATIONS, type BenchOperation } from "./operations.ts";
import {
  BENCH_BURST,
  BENCH_SIZES,
  groupName,
  offersOperation,
} from "./plan.ts";
import { benchFileBackends } from "./runner/chosen_backends.ts";

const backends = await benchFileBackends();
/** One device for each backend, made at its first bench. */
const drivers = new Map<string, Promise<Driver>>();

async function startDriver(backend: string): Promise<Driver> {
  const link = await createDevice({
    backends: [backend],
    memoryBytes: 64 * 1024 * 1024,
  });
  return await Driver.start(link);
}

async function prepare(
  backend: string,
  operation: BenchOperation,
  size: number,
): Promise<Burst> {
  const driver = drivers.get(backend) ?? startDriver(backend);
  drivers.set(backend, driver);
  const session = await openBenchSession(await driver, operation);
  return (await driver).burst(session, {
    depth: BENCH_BURST,
    dataBytes: size,
    ivBytes: operation.ivBytes,
  });
}

const nothing = () => {};

for (const operation of BENCH_OPERATIONS) {
  for (const size of BENCH_SIZES) {
    let baseline = true;
    for (const backend of backends) {
      if (!offersOperation(backend.probe, operation)) continue;
      let burst: Burst | undefined;
      Deno.bench({
        name: backend.name,
        group: groupName("in process", operation, size),
        baseline,
        async fn() {
          burst ??= await prepare(backend.specifier, operation, size);
          await burst.run(BENCH_BURST, nothing, nothing);
        },
      });
      baseline = false;
    }
  }
}
