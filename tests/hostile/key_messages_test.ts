import { strictEqual } from "node:assert/strict";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import { encodeSessionRecord } from "../../device/session/session_record.ts";
import type { SessionLayout } from "../../device/wire/session_message.ts";
import { encodeSessionMessage } from "../../device/wire/session_message_encode.ts";
import type { Session } from "../../driver/session.ts";
import { SessionMessages } from "../../driver/vhost_user/session_messages.ts";
import { Driver } from "../../mod.ts";
import { testWith } from "../../testing/real_parts.ts";
import { serveDevice } from "../../testing/command_process.ts";
import { temporaryFolder } from "../../testing/files.ts";
import { backendPart } from "../../testing/ready_backends.ts";
import {
  fewSecretSessions,
  refusedSessions,
  type SecretSession,
} from "../../testing/secret_sessions.ts";
import {
  connect,
  expectNoCopies,
  expectRefused,
  use,
} from "../../testing/secret_use.ts";
import { unchecked } from "../../testing/unchecked.ts";

const OPENSSL = await backendPart("openssl");

testWith(
  OPENSSL,
  "no key of a session message is left, whatever becomes of it",
  async () => {
    await using device = await serveDevice("--backend", "openssl");
    const { pid } = device.process;
    for (const layout of ["A", "B", "C"] as const) {
      const sessions = fewSecretSessions().filter(({ description }) =>
        isCarriedBy(layout, description)
      );
      const link = await connect(device);
      const sessionControl = new SessionMessages(link, layout);
      await using driver = await Driver.start(link, { sessionControl });
      for (const { description } of sessions) {
        const session = await unchecked(driver).createSession(description);
        await use(session as Session);
        await session.close();
      }
      await expectNoCopies(pid, sessions, `closed, layout ${layout}`);
      const [left, ...refused] = [...sessions.slice(0, 1), ...refusedSessions()]
        .filter(({ description }) => isCarriedBy(layout, description));
      await unchecked(driver).createSession(left!.description);
      await expectRefused(driver, refused);
      await expectNoCopies(pid, refused, `refused, layout ${layout}`);
      await driver.close();
      await expectNoCopies(pid, [left!], `left, layout ${layout}`);
    }
  },
);

/** Layouts A and B carry ciphers and chains, C short public-key keys as well. */
function isCarriedBy(
  layout: SessionLayout,
  description: SessionDescription,
): boolean {
  try {
    encodeSessionMessage(description, layout).fill(0);
    return true;
  } catch {
    return false;
  }
}

testWith(
  OPENSSL,
  "no key of a session message is left that never came to its end",
  async () => {
    await using device = await serveDevice("--backend", "openssl");
    const sessions = fewSecretSessions().filter(({ description }) =>
      isCarriedBy("C", description)
    );
    for (const { description } of sessions) {
      const payload = encodeSessionMessage(description, "C");
      const message = new Uint8Array(12 + payload.length);
      new Uint32Array(message.buffer).set([26, 1, payload.length]);
      message.set(payload, 12);
      using socket = await Deno.connect({
        transport: "unix",
        path: device.socketPath,
      });
      await socket.write(message.subarray(0, message.length - 1));
      // The device has read it, and waits for the last byte.
      await device.process.said(/front-end connected/, 1);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await expectNoCopies(device.process.pid, sessions, "hung up");
  },
);

/** Runs `secret_user.ts` over `sessions` and searches it when it is done. */
async function expectUserKeepsNothing(
  sessions: readonly SecretSession[],
  backend: string,
  ...words: string[]
): Promise<void> {
  await using folder = await temporaryFolder();
  const records = `${folder.path}/records`;
  writeRecords(records, sessions);
  const program = new URL("../../testing/secret_user.ts", import.meta.url).href;
  await using user = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", program, records, backend, ...words],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const output = user.stdout.getReader();
  const { value } = await output.read();
  try {
    strictEqual(new TextDecoder().decode(value), "done\n");
    await expectNoCopies(user.pid, sessions, `${backend} ${words.join(" ")}`);
  } finally {
    await user.stdin.close();
    await output.cancel();
    await user.status;
  }
}

function writeRecords(path: string, sessions: readonly SecretSession[]): void {
  const records = sessions.flatMap(({ description }) => [
    ...encodeSessionRecord({ id: 1, description }, (n) => new Uint8Array(n)),
  ]);
  Deno.writeFileSync(path, Uint8Array.from(records));
}

testWith(
  OPENSSL,
  "no key is left in a program that is driver and device, but for the caller's own",
  () => expectUserKeepsNothing(fewSecretSessions(), "openssl"),
);

testWith(
  OPENSSL,
  "a driver keeps no key, whether sessions go by the control queue or by message",
  async () => {
    await using device = await serveDevice("--backend", "openssl");
    const { socketPath } = device;
    await expectUserKeepsNothing(fewSecretSessions(), "openssl", socketPath);
    const carried = fewSecretSessions().filter(({ description }) =>
      isCarriedBy("C", description)
    );
    await expectUserKeepsNothing(carried, "openssl", socketPath, "C");
  },
);
