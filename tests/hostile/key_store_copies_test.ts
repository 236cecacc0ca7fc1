import { deepStrictEqual, ok } from "node:assert/strict";
import { stubOf, writeKeys } from "../../testing/key_store_guest.ts";
import {
  RSA_USUAL_PRIMES,
  rsaPrimeCount,
} from "../../algorithms/rsa_primes.ts";
import type {
  EcdsaSession,
  RsaSession,
} from "../../algorithms/session_description.ts";
import { serveDevice } from "../../testing/command_process.ts";
import { temporaryFolder } from "../../testing/files.ts";
import { writePem } from "../../testing/pem_text.ts";
import { copiesIn, type Secret } from "../../testing/process_memory.ts";
import { testWith } from "../../testing/real_parts.ts";
import { backendPart } from "../../testing/ready_backends.ts";
import { secretSessions } from "../../testing/secret_sessions.ts";
import { attach } from "../../testing/secret_use.ts";
import { unchecked } from "../../testing/unchecked.ts";

const OPENSSL = await backendPart("openssl");
const PATIENCE_MS = 5000;

/** A key whose numbers are in no other place of this machine. */
interface StoredSecret {
  readonly name: string;
  readonly pem: string;
  readonly session: RsaSession | EcdsaSession;
  readonly secrets: readonly Secret[];
}

/** A line in the middle of a text: what a reader of the file may leave. */
function lineOf(name: string, pem: string): Secret {
  const lines = pem.split("\n");
  const line = lines[Math.floor(lines.length / 2)]!;
  const bytes = new TextEncoder().encode(line);
  return { name: `${name} in its file`, forms: [{ name: "text", bytes }] };
}

function storedSecrets(): StoredSecret[] {
  return secretSessions().flatMap(({ description, secrets }, i) => {
    if (description.service !== "akcipher") return [];
    // The store takes keys of two primes.
    if (rsaPrimeCount(description.key) > RSA_USUAL_PRIMES) return [];
    const isRsa = description.algorithm === "rsa";
    const label = isRsa ? "RSA PRIVATE KEY" : "EC PRIVATE KEY";
    const pem = writePem(label, description.key);
    const name = `key${i}`;
    return [{
      name,
      pem,
      session: description,
      secrets: [...secrets, lineOf(name, pem)],
    }];
  });
}

/** What is found of the secrets when it no longer changes to what is expected. */
async function untilFound(
  pid: number,
  secrets: readonly Secret[],
  isExpected: (copies: readonly string[]) => boolean,
): Promise<readonly string[]> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const copies = copiesIn(pid, secrets);
    if (isExpected(copies) || performance.now() > end) return copies;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

testWith(
  OPENSSL,
  "a key of the store lies in one place, and in none when it is gone",
  async () => {
    await using folder = await temporaryFolder();
    const keys = storedSecrets();
    ok(keys.length >= 3);
    await writeKeys(
      folder.path,
      Object.fromEntries(keys.map(({ name, pem }) => [name, pem])),
    );
    await using device = await serveDevice(
      ...["--backend", "openssl", "--queues", "2", "--keys", folder.path],
      ...keys.flatMap(({ name, session }) => [
        "--allow-key",
        `${name}=${session.algorithm === "rsa" ? "raw" : "ecdsa-sign"}`,
      ]),
    );
    const { pid } = device.process;
    const secrets = keys.flatMap(({ secrets }) => secrets);
    await using driver = await attach(device);
    const digest = new Uint8Array(32).fill(5);
    const open = [];
    for (const { session, pem } of keys) {
      const opened = await unchecked(driver).akcipher(
        { ...session, key: stubOf(pem) } as RsaSession,
      );
      // On both queues.
      await Promise.all([opened.sign(digest), opened.sign(digest)]);
      open.push(opened);
    }
    for (const session of open.splice(0, 1)) await session.close();
    // The last sessions are still open when their keys go.
    for (const { name } of keys) {
      await Deno.remove(`${folder.path}/${name}.pem`);
    }
    ok(copiesIn(pid, secrets).length > 0, "the search finds keys in use");
    Deno.kill(pid, "SIGURG");
    await device.process.said("gone, and their sessions end: key");
    const left = await untilFound(pid, secrets, ({ length }) => length === 0);
    deepStrictEqual(left, []);
  },
);

testWith(
  OPENSSL,
  "a session that ends takes its copy of a stored key along",
  async () => {
    await using folder = await temporaryFolder();
    const [key] = storedSecrets();
    await writeKeys(folder.path, { one: key!.pem });
    await using device = await serveDevice(
      ...["--backend", "openssl", "--keys", folder.path],
      ...["--allow-key", "one=raw"],
    );
    const { pid } = device.process;
    await using driver = await attach(device);
    const session = await unchecked(driver).akcipher(
      { ...key!.session, key: stubOf(key!.pem) } as RsaSession,
    );
    await session.sign(new Uint8Array(32));
    const secrets = key!.secrets.slice(0, -1);
    const used = copiesIn(pid, secrets).length;
    ok(used > secrets.length, `${used} copies while it is used`);
    await session.close();
    const left = await untilFound(
      pid,
      secrets,
      ({ length }) => length === secrets.length,
    );
    deepStrictEqual(
      left.map((copy) => copy.split(" (")[0]).sort(),
      secrets.map(({ name }) => name).sort(),
      left.join("\n"),
    );
  },
);
