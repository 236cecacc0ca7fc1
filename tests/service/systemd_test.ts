import {
  deepStrictEqual,
  match,
  notStrictEqual,
  ok,
  rejects,
  strictEqual,
} from "node:assert/strict";
import { DeviceLostError } from "../../driver/device_lost_error.ts";
import { Driver } from "../../driver/driver.ts";
import { connectVhostUser } from "../../driver/vhost_user_front_end.ts";
import { ComparedLoad } from "../../examples/demo/compared_load.ts";
import {
  SERVICE,
  ServiceDevice,
  SOCKET,
} from "../../testing/service_device.ts";
import {
  SYSTEM_MANAGER,
  type SystemManager,
} from "../../testing/system_manager.ts";
import { exists } from "../../testing/files.ts";
import { testWith } from "../../testing/real_parts.ts";

const KILLS = 2;
const GOES_ON_MS = 10_000;
const MEMORY = { memoryBytes: 4 * 1024 * 1024 };

/** A process of the service has no more than the unit leaves it. */
async function isConfined(manager: SystemManager, pid: string): Promise<void> {
  const status = await manager.procFile(pid, "status");
  const told = (name: string) =>
    RegExp(`^${name}:\\s*(\\S+)`, "m").exec(status)?.[1];
  deepStrictEqual(
    ["Seccomp", "NoNewPrivs", "CapBnd", "CapPrm"].map(told),
    ["2", "1", "0".repeat(16), "0".repeat(16)],
  );
  notStrictEqual(told("Uid"), "0");
  const network = await manager.procFile(pid, "net/dev");
  deepStrictEqual(network.match(/\w+(?=:)/g), ["lo"]);
}

/**
 * So many processes have gone on with the guest: its rings answer before the
 * process is done with that.
 */
async function haveGoneOn(device: ServiceDevice, times: number): Promise<void> {
  const until = performance.now() + GOES_ON_MS;
  for (;;) {
    const log = await device.log();
    const seen = log.match(/goes on with/g)?.length ?? 0;
    if (seen === times) return;
    ok(seen < times && performance.now() < until, log);
    await new Promise((wake) => setTimeout(wake, 50));
  }
}

testWith(
  SYSTEM_MANAGER,
  "systemd keeps a guest while its device is killed, upgraded and hangs, and nothing of it once it is stopped",
  async () => {
    await using device = await ServiceDevice.start(
      "WatchdogSec=2",
      ...["--log-level", "debug"],
    );
    const { manager } = device;
    const link = await connectVhostUser(device.socketPath, MEMORY);
    await using driver = await Driver.start(link);
    const load = new ComparedLoad(driver);
    await load.nextAnswer();
    const kept = await device.keptDescriptors();
    ok(kept > 5, `${kept} descriptors are kept`);

    let pid = await device.pid();
    for (let kills = 0; kills < KILLS; kills++) {
      await manager.ctl("kill", "--signal=KILL", SERVICE);
      pid = await device.successor(pid);
      await load.nextAnswer();
      await haveGoneOn(device, kills + 1);
    }
    await manager.ctl("restart", SERVICE);
    pid = await device.successor(pid);
    await load.nextAnswer();
    await haveGoneOn(device, KILLS + 1);
    // It says nothing any more, and cannot be asked to end.
    await manager.ctl("kill", "--signal=STOP", SERVICE);
    pid = await device.successor(pid);
    await load.nextAnswer();
    await haveGoneOn(device, KILLS + 2);
    await isConfined(manager, pid);
    match(await device.log(), /state is kept in secret memory/);
    strictEqual(await device.keptDescriptors(), kept);
    await load.stop();
    strictEqual(load.wrong, 0);
    strictEqual(load.asked, load.answered);

    await manager.ctl("stop", SERVICE);
    await rejects(driver.hash({ algorithm: "sha256" }), DeviceLostError);
    strictEqual(await device.keptDescriptors(), 0);
    await manager.ctl("stop", SOCKET);
    strictEqual(await exists(device.socketPath), false);
  },
);
