/**
 * Kills a device under load, and counts what gets lost.
 *
 * @module
 */

import type { Driver } from "../../mod.ts";
import { ComparedLoad } from "./compared_load.ts";
import type { DeviceProcess } from "./device_process.ts";

const POLL_MS = 5;

const pause = (ms: number) => new Promise((wake) => setTimeout(wake, ms));

/** Kills the process that serves, and waits until another has answered. */
async function kill(device: DeviceProcess, load: ComparedLoad) {
  const pid = await nextPid(device, undefined);
  load.longestPauseMs = 0;
  Deno.kill(pid, "SIGKILL");
  // What it had answered before has been seen by the time that another starts.
  await nextPid(device, pid);
  await load.nextAnswer();
}

async function nextPid(device: DeviceProcess, before: number | undefined) {
  for (;;) {
    const pid = device.servingPid;
    if (pid !== undefined && pid !== before) return pid;
    await pause(POLL_MS);
  }
}

/**
 * Kills the device so many times, each after `workMs` of load; says a line for each.
 * Returns whether nothing was lost or wrong.
 */
export async function showKills(
  device: DeviceProcess,
  driver: Driver,
  times: number,
  workMs: number,
  say: (line: string) => void = console.log,
): Promise<boolean> {
  const load = new ComparedLoad(driver);
  let failure = "";
  try {
    for (let kills = 1; kills <= times; kills++) {
      await pause(workMs);
      await kill(device, load);
      say(
        `kill ${kills}: ${load.answered} requests so far, ` +
          `a pause of ${load.longestPauseMs.toFixed(0)} ms`,
      );
    }
    await pause(workMs);
    await load.stop();
  } catch (error) {
    failure = `: ${(error as Error).message}`;
  }
  const lost = load.asked - load.answered;
  say(
    `\n${load.asked} requests, ${lost} lost, ${load.wrong} wrong${failure}`,
  );
  return lost === 0 && load.wrong === 0 && failure === "";
}
