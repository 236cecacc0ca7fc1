/**
 * Sessions with secret keys in use, and the search for what is left of them.
 *
 * @module
 */

import { deepStrictEqual, rejects } from "node:assert/strict";
import type { DriverOptions, SessionOptions } from "../driver/driver.ts";
import { type Session } from "../driver/session.ts";
import { Aead, Akcipher, Chain, Cipher, Mac } from "../driver/sessions.ts";
import { connectVhostUser, Driver, OperationError } from "../mod.ts";
import type { ServedDevice } from "./command_process.ts";
import { copiesIn } from "./process_memory.ts";
import type { SecretSession } from "./secret_sessions.ts";
import { unchecked } from "./unchecked.ts";

/** Longer than a thread that runs takes to hear of a session's end. */
const PATIENCE_MS = 3000;
const NOT_SUPPORTED = 3;

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
    const session = await unchecked(driver).createSession(description, options);
    await use(session as Session);
    return session as Session;
  } catch (error) {
    if (error instanceof OperationError && error.status === NOT_SUPPORTED) {
      return undefined;
    }
    throw error;
  }
}

/** Runs one request. */
export async function use(session: Session): Promise<void> {
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
export async function expectNoCopies(
  pid: number,
  sessions: readonly SecretSession[],
  when: string,
): Promise<void> {
  const secrets = sessions.flatMap(({ secrets }) => secrets);
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const copies = copiesIn(pid, secrets);
    if (copies.length === 0) return;
    if (performance.now() > end) deepStrictEqual(copies, [], when);
    await pause(200);
  }
}

/** The sessions of `all` that `driver`'s device takes, open and used. */
export async function openAll(
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

/** Expects that the device answers each with ERR, by the road of `driver`. */
export async function expectRefused(
  driver: Driver,
  sessions: readonly SecretSession[],
  stateless = false,
): Promise<void> {
  for (const { name, description } of sessions) {
    const made = unchecked(driver).createSession(description, { stateless })
      .then((session) => stateless ? use(session as Session) : undefined);
    await rejects(made, OperationError, name);
  }
}

const MEMORY_BYTES = 8 * 1024 * 1024;

/** Attaches to `device` without a driver. */
export const connect = (device: ServedDevice, configBytes = 56) =>
  connectVhostUser(device.socketPath, {
    memoryBytes: MEMORY_BYTES,
    configBytes,
  });

/** A driver of `device`. */
export const attach = async (
  device: ServedDevice,
  options: DriverOptions = {},
) => await Driver.start(await connect(device), options);

/** Services of which there is a session. */
export const servicesOf = (sessions: readonly SecretSession[]): string[] =>
  [...new Set(sessions.map(({ description }) => description.service))].sort();
