import { ok, strictEqual } from "node:assert/strict";
import { KeptDevice } from "../../testing/kept_device.ts";
import {
  changedPages,
  driversBytes,
  markedPages,
} from "../../testing/logged_pages.ts";
import {
  CONTROL_RING,
  MovingFrontEnd,
} from "../../testing/moving_front_end.ts";
import { createByQueue, encryptsWell } from "../../testing/qemu_front_end.ts";
import { eventually } from "../../testing/vhost_user_server.ts";

// The connection outlives the process, and with it log, region and feature.
Deno.test("a guest that is being moved goes on being logged and tracked when its device is killed", async () => {
  await using device = await KeptDevice.start(
    ...["--backend", "noble", "--queues", "2"],
  );
  using guest = await MovingFrontEnd.start(device.socketPath);
  const [data] = guest.rings;
  const control = guest.rings[CONTROL_RING]!;
  const log = await guest.startLogging();
  const session = await createByQueue(guest.front, control);
  await encryptsWell(guest.front, data!, session);
  await device.kill();
  await device.settled();
  const { bytes } = guest.front.region;
  log.bytes.fill(0);
  const before = bytes.slice();
  await encryptsWell(guest.front, data!, session);
  const changed = changedPages(before, bytes, driversBytes(guest, false));
  await eventually(
    () => markedPages(log).size > 0,
    () => "no page is marked",
  );
  // The front-end itself has written its request.
  const pages = new Set(changed);
  ok(markedPages(log).intersection(pages).size > 0, [...pages].join());
  const saved = await guest.save();
  await device.kill();
  await device.settled();
  await guest.resume(saved);
  await encryptsWell(guest.front, data!, session);
  strictEqual(device.log.includes("cannot be used"), false);
});
