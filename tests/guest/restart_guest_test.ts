import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { ServeProcess } from "../../testing/command_process.ts";
import { temporaryFolder } from "../../testing/files.ts";
import { KeptDevice } from "../../testing/kept_device.ts";
import { testWith } from "../../testing/real_parts.ts";
import {
  bootGuest,
  type GuestOptions,
  guestParts,
  guestProblems,
  type GuestReport,
  together,
} from "./guest.ts";
import { Monitor } from "./qmp.ts";

const found = await guestParts();
const GUEST = {
  present: found.ok,
  name: "a Linux guest under QEMU",
  remedy: found.ok ? "" : found.missing,
};
/** `deno task test:restarts`: more kills, a reset of the guest, and a device that is not kept. */
const LONG = Deno.env.get("VHOST_CRYPTO_RESTARTS") === "long";
const KILLS = LONG ? 12 : 2;
/** Between two ends: the guest has new requests under way. */
const WORK_MS = 500;
/** No request may wait longer: a process and its guest are back before, on any machine. */
const LONGEST_MS = 60_000;
const HOT_PLUG_MEBIBYTES = 128;

const pause = (ms: number) => new Promise((wake) => setTimeout(wake, ms));

/** Under load, whose every result the guest compares. */
class Restarts {
  readonly #device: KeptDevice;
  readonly #monitor: Monitor;

  constructor(device: KeptDevice, monitor: Monitor) {
    this.#device = device;
    this.#monitor = monitor;
  }

  async all(): Promise<void> {
    for (let kills = 0; kills < KILLS; kills++) {
      await this.#afterWork(() => this.#device.kill());
    }
    await this.#afterWork(() => this.#whilePaused());
    await this.#afterWork(() => this.#duringHotPlug());
    await this.#afterWork(() => this.#device.replace());
    await pause(WORK_MS);
  }

  /** The guest forgets what it has asked for, on the connection of before. */
  async killAndReset(): Promise<void> {
    await pause(WORK_MS);
    await this.#device.kill();
    await this.#monitor.run("system_reset");
  }

  async #afterWork(end: () => Promise<void>): Promise<void> {
    await pause(WORK_MS);
    await end();
    await this.#device.settled();
  }

  async #whilePaused(): Promise<void> {
    await this.#monitor.run("stop");
    await this.#device.kill();
    await this.#device.settled();
    await this.#monitor.run("cont");
  }

  /** QEMU waits for the answer of a process that is killed. */
  async #duringHotPlug(): Promise<void> {
    let added = Promise.resolve();
    await this.#device.stopAndKill(async () => {
      added = this.#monitor.addMemory("more", HOT_PLUG_MEBIBYTES);
      await pause(WORK_MS);
    });
    await added;
  }
}

/** A guest and its device, and what they said. */
async function outlive(
  mode: "generic" | "cryptodev",
  qemu: "11.1" | "10.0",
  more: Pick<GuestOptions, "tests" | "boots">,
  restarts: (all: Restarts, boot: number) => Promise<void>,
): Promise<GuestReport> {
  await using folder = await temporaryFolder();
  await using device = await KeptDevice.start(
    ...["--backend", "openssl", "--queues", "2"],
  );
  const monitorPath = `${folder.path}/monitor`;
  let monitor: Monitor | undefined;
  const options: GuestOptions = {
    ...{ mode, qemu, dataQueues: 2, monitorPath, timeoutMs: 300_000 },
    socketPath: device.socketPath,
    duringLoad: async (boot) => {
      monitor ??= await Monitor.connect(monitorPath);
      await restarts(new Restarts(device, monitor), boot);
    },
    ...more,
  };
  try {
    const report = await bootGuest(options);
    // What a boot that was reset has left undone is not missed.
    const last = { ...report, boots: report.boots.slice(-1) };
    const problems = guestProblems({ ...options, boots: 1 }, last);
    if (problems.length > 0) {
      console.error(`${report.consoleTail}\n${device.log}`);
    }
    deepStrictEqual(problems, []);
    return report;
  } finally {
    monitor?.[Symbol.dispose]();
  }
}

const SETUPS = [
  ["generic", "11.1"],
  ["cryptodev", "11.1"],
  ["cryptodev", "10.0"],
] as const;

testWith(
  GUEST,
  "Linux guests in both modes, and of QEMU 10.0, lose nothing when their devices are killed, also while they are paused and get memory, and replaced",
  () =>
    together(SETUPS, async ([mode, qemu]) => {
      // The kernel's own test works in place, and has ended when aes-kat begins.
      const tests = ["aes-kat", "load", "aes-random", "rebind"] as const;
      const report = await outlive(mode, qemu, { tests }, (all) => all.all());
      const { info } = report.boots[0]!;
      const told = (name: string) => Number(info.get(`load.${name}`));
      ok(told("requests") > 0, info.get("load.requests"));
      ok(told("longest-ms") < LONGEST_MS, info.get("load.longest-ms"));
      if (LONG) console.log(Object.fromEntries(info));
    }),
);

if (LONG) {
  testWith(
    GUEST,
    "Linux guests in both modes, and of QEMU 10.0, that are reset when their devices have been killed boot and work",
    () =>
      together(SETUPS, async ([mode, qemu]) => {
        const tests = ["aes-kat", "load"] as const;
        const report = await outlive(
          ...[mode, qemu, { tests, boots: 2 }] as const,
          async (all, boot) => {
            if (boot === 1) await all.killAndReset();
            else await pause(WORK_MS);
          },
        );
        deepStrictEqual(report.boots.length, 2);
      }),
  );
}

const THREADS_OF_LOAD = 8;
/** Of its checks those that threads with sessions of the process that ended fail. */
const LOST_SESSIONS = Array.from(
  { length: THREADS_OF_LOAD },
  (_, index) => `load.${index + 1}: Invalid argument`,
);

if (LONG) {
  testWith(
    GUEST,
    "a Linux guest whose device nobody kept is answered, and works, when QEMU's cryptodev has connected again and the guest is stopped and continued",
    async () => {
      await using folder = await temporaryFolder();
      const socketPath = `${folder.path}/crypto.sock`;
      const monitorPath = `${folder.path}/monitor`;
      const serve = () =>
        ServeProcess.start(
          "listening at",
          ...["--socket-path", socketPath, "--backend", "openssl"],
          ...["--state", "off"],
        );
      await using devices = new AsyncDisposableStack();
      const first = devices.use(await serve());
      let log = "";
      const options: GuestOptions = {
        ...{ mode: "cryptodev", qemu: "11.1", reconnects: true },
        ...{ socketPath, monitorPath, timeoutMs: 300_000 },
        tests: ["aes-kat", "load", "aes-random", "threads", "rebind"],
        duringLoad: async () => {
          using monitor = await Monitor.connect(monitorPath);
          await pause(WORK_MS);
          await first.end("SIGKILL");
          const second = devices.use(await serve());
          await second.said("front-end connected");
          await pause(WORK_MS);
          log = second.log;
          await monitor.run("stop");
          await monitor.run("cont");
        },
      };
      const report = await bootGuest(options);
      // QEMU has told that the connection was lost, and connects anew.
      const quiet = { ...report, qemuErrors: "" };
      const problems = guestProblems(options, quiet);
      if (problems.length > LOST_SESSIONS.length) {
        console.error(`${report.consoleTail}\n${report.qemuErrors}\n${log}`);
      }
      deepStrictEqual(problems, LOST_SESSIONS);
      // Nothing but the stop has QEMU start the ring again.
      strictEqual(/queue 0 started/.test(log), false, log);
    },
  );
}
