/**
 * Kills a device under load, again and again, and counts what gets lost:
 * `deno task demo:restart`.
 *
 * @module
 */

import { Driver } from "../mod.ts";
import { connectVhostUser } from "../driver/vhost_user_front_end.ts";
import { DeviceProcess, stopOnSignal } from "./demo/device_process.ts";
import { Mistake, runTask } from "../testing/task.ts";
import { showKills } from "./demo/kills.ts";

const KILLS = 5;
/** Between two kills. */
const WORK_MS = 2_000;
const MEMORY_BYTES = 4 * 1024 * 1024;

const INTRODUCTION = `\
This starts a virtio-crypto device under its supervisor, takes the place of a
virtual machine, keeps AES-128-CBC requests in flight, and kills the device with
-9 while it works on them. Each result is compared with that of node:crypto.
`;

async function demo(): Promise<boolean> {
  console.log(INTRODUCTION);
  using _ = stopOnSignal();
  await using device = await DeviceProcess.start("noble", ["supervise", "--"]);
  const link = await connectVhostUser(device.socketPath, {
    memoryBytes: MEMORY_BYTES,
  });
  await using driver = await Driver.start(link);
  return await device.whileAlive(showKills(device, driver, KILLS, WORK_MS));
}

async function main([word]: readonly string[]): Promise<number> {
  if (word !== undefined) {
    throw new Mistake(`Cannot use argument "${word}": expected none`);
  }
  try {
    return await demo() ? 0 : 1;
  } catch (error) {
    console.error(`demo:restart: ${(error as Error).message}`);
    return 1;
  }
}

await runTask({
  usage: "demo:restart",
  about:
    "kills a device under load, again and again, and counts what gets lost",
}, main);
