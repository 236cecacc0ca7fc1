import { deepStrictEqual, ok } from "node:assert/strict";
import type { DriverOptions, SessionOptions } from "../../driver/driver.ts";
import {
  Aead,
  Akcipher,
  Chain,
  Cipher,
  Mac,
  type Session,
} from "../../driver/sessions.ts";
import { connectVhostUser, Driver, OperationError } from "../../mod.ts";
import { standIn } from "../qat_stand_in/parts.ts";
import { type RealPart, testWith } from "../real_parts.ts";
import {
  type ServedDevice,
  serveDeviceIn,
} from "../support/command_process.ts";
import { copiesIn } from "../support/process_memory.ts";
import { backendPart } from "../support/ready_backends.ts";
import {
  type SecretSession,
  secretSessions,
} from "../support/secret_sessions.ts";

const MEMORY_BYTES = 8 * 1024 * 1024;
/** Longer than a thread that runs takes to hear of a session's end. */
const PATIENCE_MS = 3000;
const NOT_SUPPORTED = 3;

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

async function attach(
  device: ServedDevice,
  options: DriverOptions = {},
): Promise<Driver> {
  const link = await connectVhostUser(device.socketPath, {
    memoryBytes: MEMORY_BYTES,
  });
  return await Driver.start(link, options);
}

/** Opens `session` and uses it; undefined where the backend does not offer it. */
async function openAndUse(
  driver: Driver,
  { description }: SecretSession,
  options: SessionOptions = {},
): Promise<Session | undefined> {
  const { maxCipherKeyBytes } = driver.config;
  const keyBytes = description.service === "cipher"
    ? description.key.length
    : 0;
  if (keyBytes > maxCipherKeyBytes) return undefined;
  try {
    const session = await driver.createSession(description, options);
    await use(session as Session);
    return session as Session;
  } catch (error) {
    if (error instanceof OperationError && error.status === NOT_SUPPORTED) {
      return undefined;
    }
    throw error;
  }
}

async function use(session: Session): Promise<void> {
  const data = new Uint8Array(64).fill(7);
  if (session instanceof Akcipher) await session.sign(data.subarray(0, 32));
  else if (session instanceof Chain) await session.run(data, ivFor("aes-cbc"));
  else if (session instanceof Cipher) {
    await session.run(data, ivFor(session.description.algorithm));
  } else if (session instanceof Mac) {
    await session.digest(data, ivFor(session.description.algorithm));
  } else if (session instanceof Aead) await useAead(session, data);
}

/** No tag fits these data: a decryption does its work and is refused. */
async function useAead(session: Aead, data: Uint8Array): Promise<void> {
  const run = session.run(data, new Uint8Array(12));
  if (session.description.direction === "encrypt") await run;
  else await run.catch(() => {});
}

function ivFor(algorithm: string): Uint8Array {
  if (algorithm === "kasumi-f8") return new Uint8Array(8);
  if (algorithm.startsWith("gmac")) return new Uint8Array(12);
  const without = ["aes-ecb", "cmac", "hmac", "cbcmac", "xcbc", "kasumi-f9"];
  const hasNone = without.some((name) => algorithm.startsWith(name));
  return new Uint8Array(hasNone ? 0 : 16);
}

const pause = (ms: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Fails with the copies that do not go away. */
async function expectNoCopies(
  device: ServedDevice,
  sessions: readonly SecretSession[],
  when: string,
): Promise<void> {
  const secrets = sessions.flatMap(({ secrets }) => secrets);
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const copies = copiesIn(device.process.pid, secrets);
    if (copies.length === 0) return;
    if (performance.now() > end) deepStrictEqual(copies, [], when);
    await pause(200);
  }
}

/** The sessions of `all` that `driver`'s device takes, open and used. */
async function openAll(
  driver: Driver,
  all: readonly SecretSession[],
  options?: SessionOptions,
): Promise<{ taken: SecretSession[]; open: Session[] }> {
  const taken: SecretSession[] = [];
  const open: Session[] = [];
  for (const one of all) {
    const session = await openAndUse(driver, one, options);
    if (!session) continue;
    taken.push(one);
    open.push(session);
  }
  return { taken, open };
}

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
        await expectNoCopies(device, taken, "after destruction");
        await openAll(driver, taken);
        await driver.link.reset();
        await expectNoCopies(device, taken, "after a reset");
      }
      {
        await using driver = await attach(device);
        await openAll(driver, all);
      }
      await expectNoCopies(device, all, "after the guest");
    },
  );
}
