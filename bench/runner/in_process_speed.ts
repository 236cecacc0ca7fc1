/**
 * How fast the device is over rings in this process, driver included.
 *
 * @module
 */

import { createDevice } from "../../device/transport/in_process/create_device.ts";
import { Driver } from "../../driver/driver.ts";
import { openBenchSession } from "../driver_session.ts";
import type { BenchOperation } from "../operations.ts";

const BURST = 32;
const WARM_BURSTS = 200;

const nothing = () => {};

/**
 * Bytes per second in bursts of 32: of the fastest tenth of all bursts, as the
 * load generator has it.
 */
export async function inProcessSpeed(
  backend: string,
  operation: BenchOperation,
  size: number,
  seconds: number,
): Promise<number> {
  const link = await createDevice({
    backends: [backend],
    memoryBytes: BURST * (2 * size + 4096) + (1 << 20),
  });
  await using driver = await Driver.start(link);
  const session = await openBenchSession(driver, operation);
  using burst = driver.burst(session, {
    depth: BURST,
    dataBytes: size,
    ivBytes: operation.ivBytes,
  });
  const end = performance.now() + 1000 * seconds;
  for (let i = 0; i < WARM_BURSTS && performance.now() < end; i++) {
    await burst.run(BURST, nothing, nothing);
  }
  const times: number[] = [];
  do {
    const start = performance.now();
    await burst.run(BURST, nothing, nothing);
    times.push(performance.now() - start);
  } while (performance.now() < end);
  const best = times.toSorted((a, b) => a - b)[Math.floor(times.length / 10)]!;
  return BURST * size / best * 1000;
}
