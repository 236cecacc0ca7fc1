import { deepStrictEqual, ok } from "node:assert/strict";
import { KeptDevice } from "../../testing/kept_device.ts";
import { testWith } from "../../testing/real_parts.ts";
import {
  bootGuest,
  type GuestOptions,
  guestParts,
  guestProblems,
} from "./guest.ts";

const found = await guestParts();
const GUEST = {
  present: found.ok,
  name: "a Linux guest under QEMU",
  remedy: found.ok ? "" : found.missing,
};
const KILLS = 4;
/** Between two ends: the guest has new requests under way. */
const WORK_MS = 500;
/** No request may wait longer: a process and its guest are back long before. */
const LONGEST_MS = 15_000;

const work = () => new Promise((wake) => setTimeout(wake, WORK_MS));

/** Kills the device under load and replaces it once; the load compares all. */
async function outlive(device: KeptDevice): Promise<void> {
  for (let kills = 0; kills < KILLS; kills++) {
    await work();
    await device.kill();
    await device.settled();
  }
  await work();
  await device.replace();
  await device.settled();
  await work();
}

for (
  const [mode, qemu] of [
    ["generic", "11.1"],
    ["cryptodev", "11.1"],
    ["cryptodev", "10.0"],
  ] as const
) {
  testWith(
    GUEST,
    `a Linux guest in ${mode} mode of QEMU ${qemu} loses nothing when its device is killed and replaced`,
    async () => {
      await using device = await KeptDevice.start(
        ...["--backend", "openssl", "--queues", "2"],
      );
      const options: GuestOptions = {
        mode,
        qemu,
        dataQueues: 2,
        // The kernel's own test works in place, and has ended when aes-kat begins.
        tests: ["aes-kat", "load", "aes-random", "rebind"],
        socketPath: device.socketPath,
        duringLoad: () => outlive(device),
      };
      const report = await bootGuest(options);
      const problems = guestProblems(options, report);
      if (problems.length > 0) {
        console.error(`${report.consoleTail}\n${device.log}`);
      }
      deepStrictEqual(problems, []);
      const { info } = report.boots[0]!;
      const told = (name: string) => Number(info.get(`load.${name}`));
      ok(told("requests") > 0, info.get("load.requests"));
      ok(told("longest-ms") < LONGEST_MS, info.get("load.longest-ms"));
    },
  );
}
