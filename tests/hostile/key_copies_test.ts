import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import {
  type ChainSession,
  keysOf,
  type SessionDescription,
} from "../../algorithms/session_description.ts";
import { encodeSessionRecord } from "../../device/session/session_record.ts";
import { encodeCreateRequest } from "../../device/wire/control_encode.ts";
import type { SessionLayout } from "../../device/wire/session_message.ts";
import { encodeSessionMessage } from "../../device/wire/session_message_encode.ts";
import type { Session } from "../../driver/sessions.ts";
import type { DriverOptions } from "../../driver/driver.ts";
import { SessionMessages } from "../../driver/vhost_user/session_messages.ts";
import { connectVhostUser, Driver, OperationError } from "../../mod.ts";
import { standIn } from "../qat_stand_in/parts.ts";
import { type RealPart, testWith } from "../real_parts.ts";
import {
  type ServedDevice,
  serveDeviceIn,
} from "../support/command_process.ts";
import { temporaryFolder } from "../support/files.ts";
import { copiesIn, secretOf } from "../support/process_memory.ts";
import { backendPart } from "../support/ready_backends.ts";
import {
  fewSecretSessions,
  type SecretSession,
  secretSessions,
} from "../support/secret_sessions.ts";
import { expectNoCopies, openAll, use } from "../support/secret_use.ts";

const MEMORY_BYTES = 8 * 1024 * 1024;

/** A backend in a device process of its own, and what it must be able to do. */
interface Subject {
  readonly backend: string;
  readonly part: RealPart;
  readonly env: Readonly<Record<string, string>>;
  readonly services: readonly string[];
}

const SYMMETRIC = ["aead", "chain", "cipher", "mac"];
const ALL = ["aead", "akcipher", "chain", "cipher", "mac"];

async function subject(
  backend: string,
  services: readonly string[],
): Promise<Subject> {
  return { backend, part: await backendPart(backend), env: {}, services };
}

function qatOnStandIn(): Subject {
  const part = standIn();
  const { library, usdm } = part.libraries;
  const env = {
    VHOST_CRYPTO_QAT_LIBRARY: library,
    VHOST_CRYPTO_USDM_LIBRARY: usdm,
  };
  return { backend: "qat", part, env, services: ALL };
}

const SUBJECTS = [
  await subject("openssl", ALL),
  await subject("ipsec-mb", SYMMETRIC),
  await subject("libgcrypt", SYMMETRIC),
  qatOnStandIn(),
];

const serveSubject = ({ backend, env }: Subject, ...words: string[]) =>
  serveDeviceIn(env, "--backend", backend, ...words);

const connect = (device: ServedDevice, configBytes = 56) =>
  connectVhostUser(device.socketPath, {
    memoryBytes: MEMORY_BYTES,
    configBytes,
  });

const attach = async (device: ServedDevice, options: DriverOptions = {}) =>
  await Driver.start(await connect(device), options);

const servicesOf = (sessions: readonly SecretSession[]): string[] =>
  [...new Set(sessions.map(({ description }) => description.service))].sort();

for (const subject of SUBJECTS) {
  testWith(
    subject.part,
    `no key is left when its session is destroyed, after a reset, and when the guest has gone [${subject.backend}]`,
    async () => {
      await using device = await serveSubject(subject);
      const all = secretSessions();
      {
        await using driver = await attach(device);
        const { taken, open } = await openAll(driver, all);
        deepStrictEqual(servicesOf(taken), subject.services);
        const secrets = taken.flatMap(({ secrets }) => secrets);
        const found = copiesIn(device.process.pid, secrets).length;
        ok(
          found > taken.length / 2,
          `${found} copies in use: what is searched?`,
        );
        for (const session of open) await session.close();
        await expectNoCopies(device.process.pid, taken, "after destruction");
        await openAll(driver, taken);
        await driver.link.reset();
        await expectNoCopies(device.process.pid, taken, "after a reset");
      }
      {
        await using driver = await attach(device);
        await openAll(driver, all);
      }
      await expectNoCopies(device.process.pid, all, "after the guest");
    },
  );
}

const openssl = SUBJECTS[0]!;

/** Sessions that a device must refuse, for their keys or before it looks at them. */
function refusedSessions(): SecretSession[] {
  const of = (name: string) =>
    secretSessions().find((one) => one.name.startsWith(name))!;
  const rsa = of("rsa");
  const ec = of("ecdsa p256");
  // The coefficient ends a key, and the point of another.
  for (const { description } of [rsa, ec]) {
    const key = keysOf(description)[0]!;
    key[key.length - 1]! ^= 1;
  }
  const cipher = of("cipher.aes-cbc/256");
  const [key] = keysOf(cipher.description);
  const short = { ...cipher.description, key: key!.subarray(0, 31) };
  const chain = of("chain");
  return [
    { ...rsa, secrets: rsa.secrets.slice(0, -1) },
    ec,
    {
      ...cipher,
      description: short as SessionDescription,
      secrets: [secretOf("short key", short.key)],
    },
    {
      ...chain,
      description: { ...chain.description, resultBytes: 21 } as ChainSession,
    },
  ];
}

/** Expects that the device answers each with ERR, by the road of `driver`. */
async function expectRefused(
  driver: Driver,
  sessions: readonly SecretSession[],
  stateless = false,
): Promise<void> {
  for (const { name, description } of sessions) {
    const made = driver.createSession(description, { stateless })
      .then((session) => stateless ? use(session as Session) : undefined);
    await rejects(made, OperationError, name);
  }
}

testWith(
  openssl.part,
  "no key is left of sessions that were refused",
  async () => {
    await using device = await serveSubject(openssl, "--max-sessions", "2");
    const { pid } = device.process;
    await using driver = await attach(device);
    const refused = refusedSessions();
    await expectRefused(driver, refused);
    await expectNoCopies(pid, refused, "refused");
    const [first, second, ...tooMany] = fewSecretSessions();
    const open = [];
    for (const { description } of [first!, second!]) {
      open.push(await driver.createSession(description));
    }
    await expectRefused(driver, tooMany);
    await expectNoCopies(pid, tooMany, "too many");
    for (const session of open) await session.close();
    const unanswerable = fewSecretSessions();
    for (const { description } of unanswerable) {
      await createWithoutRoom(driver, description);
    }
    await expectNoCopies(pid, unanswerable, "without room for the answer");
  },
);

/** A creation whose outcome has not enough room in what the guest offers. */
async function createWithoutRoom(
  driver: Driver,
  description: SessionDescription,
): Promise<void> {
  const pieces = encodeCreateRequest(description, driver.mode);
  const lengthBytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const [request, outcome] = await driver.memory.allocate([
    { lengthBytes },
    { lengthBytes: 8 },
  ]);
  let at = 0;
  for (const piece of pieces) {
    request!.segments.write(at, piece);
    at += piece.length;
  }
  const queue = driver.controlQueue!;
  strictEqual(await queue.request(request!.buffers, outcome!.buffers), 0);
}

testWith(
  openssl.part,
  "no key of a stateless request is left when it has been answered",
  async () => {
    await using device = await serveSubject(openssl);
    await using driver = await attach(device, {
      revision1: true,
      stateless: true,
    });
    const options = { stateless: true };
    const { taken } = await openAll(driver, secretSessions(), options);
    deepStrictEqual(servicesOf(taken), ALL);
    await expectNoCopies(device.process.pid, taken, "answered");
    const refused = refusedSessions();
    await expectRefused(driver, refused, true);
    await expectNoCopies(device.process.pid, refused, "refused");
  },
);

testWith(
  openssl.part,
  "no key of a session message is left, whatever becomes of it",
  async () => {
    await using device = await serveSubject(openssl);
    const { pid } = device.process;
    for (const layout of ["A", "B", "C"] as const) {
      const sessions = fewSecretSessions().filter(({ description }) =>
        isCarriedBy(layout, description)
      );
      const link = await connect(device);
      const sessionControl = new SessionMessages(link, layout);
      await using driver = await Driver.start(link, { sessionControl });
      for (const { description } of sessions) {
        const session = await driver.createSession(description);
        await use(session as Session);
        await session.close();
      }
      await expectNoCopies(pid, sessions, `closed, layout ${layout}`);
      const [left, ...refused] = [...sessions.slice(0, 1), ...refusedSessions()]
        .filter(({ description }) => isCarriedBy(layout, description));
      await driver.createSession(left!.description);
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
  openssl.part,
  "no key of a session message is left that never came to its end",
  async () => {
    await using device = await serveSubject(openssl);
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

testWith(
  openssl.part,
  "no key of a session of draft 9 is left",
  async () => {
    await using device = await serveSubject(openssl, "--layout", "draft-9");
    const { pid } = device.process;
    const sessions = secretSessions().filter(({ description }) =>
      description.service !== "akcipher"
    );
    const link = await connect(device, 48);
    await using driver = await Driver.start(link, { layout: "draft-9" });
    const { taken, open } = await openAll(driver, sessions);
    deepStrictEqual(servicesOf(taken), SYMMETRIC);
    for (const session of open) await session.close();
    await expectNoCopies(pid, taken, "destroyed");
    const refused = refusedSessions().filter(({ description }) =>
      description.service !== "akcipher"
    );
    await expectRefused(driver, refused);
    await expectNoCopies(pid, refused, "refused");
    await openAll(driver, taken);
    await driver.close();
    await expectNoCopies(pid, taken, "left");
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
  const program = new URL("../support/secret_user.ts", import.meta.url).href;
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
  openssl.part,
  "no key is left in a program that is driver and device, but for the caller's own",
  () => expectUserKeepsNothing(fewSecretSessions(), "openssl"),
);

testWith(
  openssl.part,
  "a driver keeps no key, whether sessions go by the control queue or by message",
  async () => {
    await using device = await serveSubject(openssl);
    const { socketPath } = device;
    await expectUserKeepsNothing(fewSecretSessions(), "openssl", socketPath);
    const carried = fewSecretSessions().filter(({ description }) =>
      isCarriedBy("C", description)
    );
    await expectUserKeepsNothing(carried, "openssl", socketPath, "C");
  },
);
