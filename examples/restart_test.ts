import { match, ok, strictEqual } from "node:assert/strict";
import { Driver } from "../mod.ts";
import { connectVhostUser } from "../driver/vhost_user_front_end.ts";
import { ToyDevice } from "../testing/toy_device.ts";
import { ComparedLoad } from "./demo/compared_load.ts";
import { DeviceProcess } from "./demo/device_process.ts";
import { showKills } from "./demo/kills.ts";

Deno.test("the restart demo kills the device twice and loses nothing", async () => {
  await using device = await DeviceProcess.start("noble", ["supervise", "--"]);
  const link = await connectVhostUser(device.socketPath, {
    memoryBytes: 1024 * 1024,
  });
  await using driver = await Driver.start(link);
  const lines: string[] = [];
  const say = (line: string) => void lines.push(line);
  ok(await showKills(device, driver, 2, 200, say), lines.join("\n"));
  strictEqual(lines.length, 3);
  match(lines[0]!, /^kill 1: \d+ requests so far, a pause of \d+ ms$/);
  match(lines[2]!, /^\n[1-9]\d* requests, 0 lost, 0 wrong$/);
});

Deno.test("the restart demo notices a device that computes wrongly", async () => {
  await using driver = await Driver.start(new ToyDevice("virtio", 1 << 24));
  const load = new ComparedLoad(driver);
  await load.nextAnswer();
  await load.stop();
  strictEqual(load.wrong, load.answered);
});
