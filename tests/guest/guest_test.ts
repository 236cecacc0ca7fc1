import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "../../testing/files.ts";
import { testWith } from "../../testing/real_parts.ts";
import { serveDevice } from "../../testing/command_process.ts";
import {
  bootGuest,
  type GuestOptions,
  guestParts,
  guestProblems,
  type GuestReport,
  type GuestTest,
  together,
} from "./guest.ts";

const found = await guestParts();
const GUEST = {
  present: found.ok,
  name: "a Linux guest under QEMU",
  remedy: found.ok ? "" : found.missing,
};

const EVERYTHING: readonly GuestTest[] = [
  "features",
  "selftest",
  "aes-kat",
  "aes-random",
  "threads",
  "rebind",
  "aes-kat",
];

/** 128 and SIGKILL. */
const KILLED = 137;

/** A promise, and what settles it. */
function signalOf(): [Promise<void>, () => void] {
  const { promise, resolve } = Promise.withResolvers<void>();
  return [promise, resolve];
}

/** A device that takes longer to end has to be killed. */
const END_MS = 20_000;

const PLUGIN = fileURLToPath(
  new URL("../../examples/asynchronous_backend.ts", import.meta.url),
);

type Backend = "openssl" | "noble" | "webcrypto";

async function bootOn(
  backend: Backend,
  options: GuestOptions,
  ...deviceOptions: string[]
): Promise<GuestReport> {
  const queues = options.dataQueues ?? 1;
  await using device = await serveDevice(
    ...["--backend", backend, "--queues", `${queues}`],
    ...deviceOptions,
  );
  const { process, socketPath } = device;
  const report = await bootGuest({ ...options, socketPath });
  const { code, tookMs } = await process.end("SIGTERM");
  expectNoProblem(options, report, process.log);
  strictEqual(code, 0, `the device ended with ${code}:\n${process.log}`);
  ok(tookMs < END_MS, `the device took ${tookMs} ms to end`);
  return report;
}

function expectNoProblem(
  options: GuestOptions,
  report: GuestReport,
  deviceLog: string,
): void {
  const problems = guestProblems(options, report);
  if (problems.length === 0) return;
  console.error(`The guest's console ended with:\n${report.consoleTail}`);
  console.error(`The device said:\n${deviceLog}`);
  deepStrictEqual(problems, []);
}

/** Whether the guest's driver and the device agreed on a feature bit. */
function negotiated(report: GuestReport, bit: number): boolean {
  return report.boots[0]?.info.get("features")?.[bit] === "1";
}

// Fails only if the harness, the guest or QEMU is at fault.
testWith(
  GUEST,
  "a Linux guest passes all AES checks on QEMU's built-in device",
  async () => {
    const options: GuestOptions = {
      mode: "builtin",
      qemu: "11.1",
      tests: EVERYTHING,
    };
    expectNoProblem(options, await bootGuest(options), "(none)");
  },
);

const FAST_AND_PORTABLE = ["openssl", "noble"] as const;

testWith(
  GUEST,
  "Linux guests pass all AES and RSA checks over packed rings in generic mode, on openssl and on noble",
  () =>
    together(FAST_AND_PORTABLE, async (backend) => {
      const report = await bootOn(backend, {
        mode: "generic",
        qemu: "11.1",
        dataQueues: 2,
        tests: [...EVERYTHING, "rsa"],
      });
      ok(negotiated(report, 32), "VERSION_1 was not negotiated");
      ok(negotiated(report, 34), "RING_PACKED was not negotiated");
    }),
);

testWith(
  GUEST,
  "Linux guests pass all AES checks in cryptodev mode, on openssl and on noble",
  () =>
    together(FAST_AND_PORTABLE, (backend) =>
      bootOn(backend, {
        mode: "cryptodev",
        qemu: "11.1",
        dataQueues: 2,
        tests: EVERYTHING,
      })),
);

testWith(
  GUEST,
  "of two Linux guests on a plugin that answers with promises one is killed, and the other goes on",
  async () => {
    await using folder = await temporaryFolder();
    const otherPath = `${folder.path}/other.sock`;
    await using device = await serveDevice(
      ...["--socket-path", otherPath, "--backend", `${PLUGIN},noble`],
      ...["--log-level", "debug"],
    );
    const { process, socketPath } = device;
    const killing = new AbortController();
    const [isLoaded, markLoaded] = signalOf();
    const [isKilled, markKilled] = signalOf();
    const [isGone, markGone] = signalOf();
    const options: GuestOptions = {
      mode: "generic",
      qemu: "11.1",
      tests: ["load", "aes-kat"],
      duringLoad: async () => {
        await isLoaded;
        killing.abort();
        markKilled();
        await isGone;
      },
    };
    const other = bootGuest({
      ...options,
      socketPath: otherPath,
      killed: killing.signal,
      duringLoad: () => (markLoaded(), isKilled),
    }).finally(markGone);
    const report = await bootGuest({ ...options, socketPath });
    strictEqual((await other).exitCode, KILLED);
    await process.end("SIGTERM");
    expectNoProblem(options, report, process.log);
    match(process.log, /other\.sock\S* .*front-end gone/);
    match(process.log, /cipher\.aes-cbc 128 encrypt on web-aes/);
  },
);

testWith(
  GUEST,
  "Linux guests pass all AES checks on webcrypto, which answers from a lane, and in QEMU 10.0's cryptodev mode",
  () =>
    together(
      [
        ["webcrypto", { mode: "generic", qemu: "11.1" }],
        ["openssl", { mode: "cryptodev", qemu: "10.0" }],
      ] as const,
      ([backend, how]) =>
        bootOn(backend, { ...how, dataQueues: 2, tests: EVERYTHING }),
    ),
);

testWith(
  GUEST,
  "Linux guests reboot on the same socket in both modes",
  () =>
    together(["generic", "cryptodev"] as const, (mode) =>
      bootOn("openssl", {
        mode,
        qemu: "11.1",
        dataQueues: 2,
        boots: 2,
        tests: ["selftest", "aes-kat"],
      })),
);

testWith(
  GUEST,
  "a session that a sleeping Linux guest holds open goes on with keep, and is Invalid argument with drop",
  () =>
    together(
      [
        ["keep", "goes on"],
        ["drop", "Invalid argument"],
      ] as const,
      async ([policy, fate]) => {
        const report = await bootOn(
          "openssl",
          { mode: "generic", qemu: "11.1", tests: ["selftest", "suspend"] },
          ...["--sessions-across-reset", policy],
        );
        strictEqual(report.boots[0]?.info.get("suspend.session"), fate);
      },
    ),
);
