import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import {
  fillBuckets,
  newThrottleState,
  Throttle,
} from "../../device/throttle.ts";
import { Driver } from "../../driver/driver.ts";
import { connectVhostUser } from "../../driver/vhost_user_front_end.ts";
import { temporaryFolder } from "../../testing/files.ts";
import { KeptDevice } from "../../testing/kept_device.ts";

const STOPPABLE = new URL(
  "../../testing/stoppable_backend.ts",
  import.meta.url,
);
const MEMORY = { memoryBytes: 4 * 1024 * 1024 };
const SOON_MS = 20_000;

/** A backend that is out of order while `stopFile` exists, as a plugin. */
async function writePlugin(path: string, stopFile: string): Promise<void> {
  const options = JSON.stringify({ stopFile });
  await Deno.writeTextFile(
    path,
    `import backend from "${STOPPABLE.href}";
export default {
  ...backend,
  probe: () => backend.probe(${options}),
  open: () => backend.open(${options}),
};
`,
  );
}

Deno.test("a guest hears of each change of HW_READY once, whichever process finds it", async () => {
  await using folder = await temporaryFolder();
  const stopFile = `${folder.path}/stop`;
  await writePlugin(`${folder.path}/plugin.ts`, stopFile);
  await using device = await KeptDevice.start(
    ...["--backend", `${folder.path}/plugin.ts`],
  );
  const link = await connectVhostUser(device.socketPath, MEMORY);
  await using driver = await Driver.start(link);
  let changes = 0;
  link.onConfigChange(() => changes++);
  const heard = async (count: number) => {
    const end = performance.now() + SOON_MS;
    while (changes < count && performance.now() < end) {
      await new Promise((wake) => setTimeout(wake, 20));
    }
    strictEqual(changes, count);
  };
  const hash = await driver.hash({ algorithm: "sha256" });
  const data = new Uint8Array(100);
  const digest = await hash.digest(data);

  await Deno.writeTextFile(stopFile, "");
  await rejects(hash.digest(data));
  await heard(1);
  // It works again by the time that another process looks.
  await device.stopAndKill(() => Deno.remove(stopFile));
  await heard(2);
  deepStrictEqual(await hash.digest(data), digest);
  // Nothing has changed over the next two.
  await device.kill();
  await device.replace();
  await device.settled();
  deepStrictEqual(await hash.digest(data), digest);
  strictEqual(changes, 2);
  strictEqual(device.log.match(/left to the next process/g)?.length, 1);
  ok(!device.log.includes("front-end gone"), device.log);
});

Deno.test("a restart gives a guest no burst, and the rate goes on", () => {
  const state = newThrottleState({
    requestsPerSecond: 1000,
    requestBurst: 100,
    bytesPerSecond: 1_000_000,
    byteBurst: 100_000,
  });
  let nowMs = 5_000_000;
  const throttle = new Throttle(state, () => nowMs);
  strictEqual(throttle.room(1000), 100);
  fillBuckets(state, nowMs);
  deepStrictEqual([throttle.room(1000), throttle.roomBytes()], [0, 0]);
  nowMs += 10;
  deepStrictEqual([throttle.room(1000), throttle.roomBytes()], [10, 10_000]);
});
