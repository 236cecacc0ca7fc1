import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { standIn } from "../qat_stand_in/parts.ts";
import { testWith } from "../../testing/real_parts.ts";
import { temporaryFolder } from "../../testing/files.ts";
import {
  bootGuest,
  type GuestOptions,
  guestParts,
  guestProblems,
} from "./guest.ts";

const found = await guestParts();
const part = standIn();
const PARTS = {
  present: found.ok && part.present,
  name: found.ok ? part.name : "a Linux guest under QEMU",
  remedy: found.ok ? part.remedy : found.missing,
};
const MAIN = new URL("../../cli/main.ts", import.meta.url).pathname;

const pause = (ms: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, ms));

/** A device on the stand-in for QAT hardware, with openssl behind it. */
function startDevice(folder: string, socketPath: string): Deno.ChildProcess {
  const { library, usdm } = part.libraries;
  return new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", MAIN, "serve", "--socket-path", socketPath],
      ...["--backend", "qat,openssl", "--fallback", "failure"],
      ...["--qat-min-bytes", "0", "--queues", "2"],
    ],
    env: {
      VHOST_CRYPTO_QAT_LIBRARY: library,
      VHOST_CRYPTO_USDM_LIBRARY: usdm,
      QAT_STAND_IN_CONTROL: `${folder}/control`,
    },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
}

testWith(
  PARTS,
  "a Linux guest goes through a failure and a restart of the QAT stand-in with every answer right",
  async () => {
    await using folder = await temporaryFolder();
    const socketPath = `${folder.path}/crypto.sock`;
    const device = startDevice(folder.path, socketPath);
    let said = "";
    const reading = device.stderr.pipeThrough(new TextDecoderStream())
      .pipeTo(new WritableStream({ write: (text) => void (said += text) }));
    const command = async (line: string) => {
      await Deno.writeTextFile(`${folder.path}/new`, `${line}\n`);
      await Deno.rename(`${folder.path}/new`, `${folder.path}/control`);
    };
    const untilSaid = async (text: string) => {
      for (let i = 0; i < 600 && !said.includes(text); i++) await pause(50);
    };
    try {
      await untilSaid("listening at");
      const options: GuestOptions = {
        mode: "generic",
        qemu: "11.1",
        dataQueues: 2,
        tests: ["aes-kat", "aes-random", "threads", "aes-random", "threads"],
        socketPath,
      };
      const booting = bootGuest(options);
      await untilSaid("goes to qat");
      await pause(300);
      await command("fatal 1");
      await untilSaid("backend qat on queue thread 0 failed");
      await pause(300);
      await command("restart 1");
      const report = await booting;
      deepStrictEqual(guestProblems(options, report), [], said);
      match(said, /backend qat on queue thread 0 failed/);
      match(said, /backend qat on queue thread 0 works again/);
    } finally {
      device.kill("SIGTERM");
      strictEqual((await device.status).code, 0, said);
      await reading;
    }
  },
);
