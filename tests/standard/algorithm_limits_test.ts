import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";

import { MACS } from "../../algorithms/catalogue.ts";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import { Device } from "../../device/device.ts";
import { InProcessLink } from "../../device/transport/in_process/in_process.ts";
import { Status } from "../../device/wire/status.ts";
import { Driver } from "../../driver/driver.ts";
import { SessionMessages } from "../../driver/vhost_user/session_messages.ts";
import { connectVhostUser } from "../../driver/vhost_user_front_end.ts";
import { readyBackend, testOnBackends } from "../../testing/ready_backends.ts";
import { run, statusOf, withSession } from "./requests.ts";
import {
  anywhere,
  listen,
  makeDevice,
  modesOf,
  type Setup,
  testOnSetups,
} from "./setups.ts";
import { unchecked } from "../../testing/unchecked.ts";

const NO_KEY = new Uint8Array(0);
const DATA = Uint8Array.from({ length: 300 }, (_, i) => i);
const IV = new Uint8Array(16).fill(5);
const pattern = (lengthBytes: number) =>
  Uint8Array.from({ length: lengthBytes }, (_, i) => 7 * i);

const hmacs = MACS.flatMap(({ hash, name, digestBytes }) =>
  hash === undefined ? [] : [{ hash, name, digestBytes }]
);

const hmacSession = (
  { name, digestBytes }: typeof hmacs[number],
): SessionDescription => ({
  service: "mac",
  algorithm: name,
  key: NO_KEY,
  resultBytes: digestBytes,
});

const hmacChain = (
  { name, digestBytes }: typeof hmacs[number],
): SessionDescription => ({
  service: "chain",
  order: "hash-then-cipher",
  cipher: { algorithm: "aes-cbc", direction: "encrypt", key: pattern(16) },
  hashMode: "auth",
  hashAlgorithm: name,
  authKey: NO_KEY,
  resultBytes: digestBytes,
});

const expected = (hash: string, data: Uint8Array): string =>
  createHmac(hash, NO_KEY).update(data).digest("hex");

testOnSetups(
  "an HMAC key may be empty: alone, in a chain, with a session and without",
  anywhere,
  async (guest) => {
    for (const hmac of hmacs) {
      for (const stateless of modesOf(guest.setup)) {
        const alone = hmacSession(hmac);
        await withSession(guest, alone, stateless, async (id) => {
          for (const source of [DATA, DATA.subarray(0, 1), NO_KEY]) {
            const input = { operation: "digest", source } as const;
            const { status, digest } = await run(guest, alone, id, input);
            strictEqual(status, Status.Ok, hmac.name);
            strictEqual(digest.toHex(), expected(hmac.hash, source), hmac.name);
          }
        });
        const chain = hmacChain(hmac);
        await withSession(guest, chain, stateless, async (id) => {
          const source = DATA.subarray(0, 64);
          const input = { operation: "encrypt", source, iv: IV } as const;
          const { status, digest } = await run(guest, chain, id, input);
          strictEqual(status, Status.Ok, hmac.name);
          strictEqual(digest.toHex(), expected(hmac.hash, source), hmac.name);
        });
      }
    }
  },
);

/** A device on one backend, in process, that takes requests of any size. */
async function startLarge(backend: string): Promise<Driver> {
  const device = new Device({
    backends: [await readyBackend(backend)],
    rules: [],
    fallback: "never",
    dataQueueCount: 1,
    maximumSessions: 8,
    maximumSizeBytes: 40 * 1024 * 1024,
    layout: "virtio",
    allowWeak: true,
  });
  return await Driver.start(new InProcessLink(device, 48 * 1024 * 1024));
}

await testOnBackends(
  "an HMAC key may be empty on every backend, alone and in a chain",
  async (backend) => {
    await using driver = await startLarge(backend);
    const found = await readyBackend(backend);
    const offers = found.probe.offers.map(({ algorithm }) => algorithm);
    const offered = hmacs.filter(({ name }) => offers.includes(`mac.${name}`));
    ok(offered.length > 0);
    for (const { name, hash, digestBytes } of offered) {
      await using mac = await unchecked(driver).mac({
        algorithm: name,
        key: NO_KEY,
        resultBytes: digestBytes,
      });
      for (const data of [NO_KEY, DATA, new Uint8Array(70_000)]) {
        const digest = await mac.digest(data);
        strictEqual(digest.toHex(), expected(hash, data), name);
      }
      await using chain = await unchecked(driver).chain({
        order: "hash-then-cipher",
        cipher: {
          algorithm: "aes-cbc",
          direction: "encrypt",
          key: pattern(16),
        },
        hashMode: "auth",
        hashAlgorithm: name,
        authKey: NO_KEY,
        resultBytes: digestBytes,
      });
      const data = DATA.subarray(0, 64);
      const { digest } = await chain.run(data, IV);
      strictEqual(digest.toHex(), expected(hash, data), name);
    }
  },
  ["mac.hmac-sha256", "cipher.aes-cbc"],
);

const XTS_UNIT_BYTES = 2 ** 20 * 16;
/** What AES-128-XTS makes of 2^20 blocks of zeros under these keys and tweak. */
let sealedUnit: string | undefined;

await testOnBackends(
  "XTS takes a data unit of 2^20 blocks and not a byte more",
  async (backend) => {
    await using driver = await startLarge(backend);
    await using cipher = await unchecked(driver).cipher({
      algorithm: "aes-xts",
      direction: "encrypt",
      key: pattern(32),
    });
    const sealed = await cipher.run(new Uint8Array(XTS_UNIT_BYTES), IV);
    const digest = createHash("sha256").update(sealed).digest("hex");
    sealedUnit ??= digest;
    strictEqual(digest, sealedUnit, "two backends differ");
    for (const beyond of [1, 16]) {
      const attempt = cipher.run(new Uint8Array(XTS_UNIT_BYTES + beyond), IV);
      strictEqual(await statusOf(attempt), Status.Error, `${beyond} more`);
    }
    await using chain = await unchecked(driver).chain({
      order: "hash-then-cipher",
      cipher: { algorithm: "aes-xts", direction: "encrypt", key: pattern(32) },
      hashMode: "plain",
      hashAlgorithm: "sha256",
      authKey: NO_KEY,
      resultBytes: 32,
    });
    // The limit is of what is enciphered, not of what is hashed.
    const data = new Uint8Array(XTS_UNIT_BYTES + 32);
    const ranges = { cipherStart: 32 };
    const { digest: whole } = await chain.run(data, IV, ranges);
    strictEqual(
      whole.toHex(),
      createHash("sha256").update(data).digest("hex"),
    );
    strictEqual(await statusOf(chain.run(data, IV)), Status.Error);
  },
  ["cipher.aes-xts", "hash.sha256"],
);

await testOnBackends(
  "the wireless algorithms take as many bits as 3GPP has it",
  async (backend) => {
    await using driver = await startLarge(backend);
    for (
      const [algorithm, ivBytes, longest] of [
        ["kasumi-f8", 8, 2500],
        ["zuc-eea3", 16, 8188],
      ] as const
    ) {
      await using cipher = await unchecked(driver).cipher({
        algorithm,
        direction: "encrypt",
        key: pattern(16),
      });
      const iv = IV.subarray(0, ivBytes);
      const sealed = await cipher.run(new Uint8Array(longest), iv);
      strictEqual(sealed.length, longest);
      const beyond = cipher.run(new Uint8Array(longest + 1), iv);
      strictEqual(await statusOf(beyond), Status.Error, algorithm);
    }
    await using mac = await unchecked(driver).mac({
      algorithm: "zuc-eia3",
      key: pattern(16),
      resultBytes: 4,
    });
    // The IV that opens the source is no part of the message.
    strictEqual((await mac.digest(new Uint8Array(8188), IV)).length, 4);
    const beyond = mac.digest(new Uint8Array(8189), IV);
    strictEqual(await statusOf(beyond), Status.Error);
  },
  ["cipher.kasumi-f8", "cipher.zuc-eea3", "mac.zuc-eia3"],
);

testOnSetups(
  "XTS with two 192-bit keys is NOTSUPP; with any other wrong key it is ERR",
  anywhere,
  async (guest) => {
    const xts = (key: Uint8Array): SessionDescription => ({
      service: "cipher",
      algorithm: "aes-xts",
      direction: "encrypt",
      key,
    });
    const chained = (key: Uint8Array): SessionDescription => ({
      service: "chain",
      order: "hash-then-cipher",
      cipher: { algorithm: "aes-xts", direction: "encrypt", key },
      hashMode: "plain",
      hashAlgorithm: "sha256",
      authKey: NO_KEY,
      resultBytes: 32,
    });
    const wanted = new Map<Uint8Array, Status>([
      [pattern(48), Status.NotSupported],
      [pattern(16), Status.Error],
      [pattern(47), Status.Error],
      [pattern(49), Status.Error],
      [new Uint8Array(32), Status.Error],
      [new Uint8Array(64), Status.Error],
    ]);
    for (const [key, status] of wanted) {
      for (const session of [xts(key), chained(key)]) {
        const what = `${session.service}, key of ${key.length}`;
        const attempt = unchecked(guest.driver).createSession(session);
        strictEqual(await statusOf(attempt), status, what);
        if (!modesOf(guest.setup).includes(true)) continue;
        const input = { operation: "encrypt", source: DATA, iv: IV } as const;
        const outcome = await run(guest, session, undefined, input);
        strictEqual(outcome.status, status, `${what}, stateless`);
      }
    }
    strictEqual(guest.device.sessions.size, 0);
  },
);

testOnSetups(
  "CCM's length field holds the data without its tag, both ways",
  anywhere,
  async (guest) => {
    const iv = pattern(13);
    const ccm = (direction: "encrypt" | "decrypt"): SessionDescription => ({
      service: "aead",
      algorithm: "ccm",
      direction,
      key: pattern(16),
      tagBytes: 16,
    });
    for (const stateless of modesOf(guest.setup)) {
      const seal = ccm("encrypt");
      const source = pattern(65535);
      await withSession(guest, seal, stateless, async (id) => {
        const input = { operation: "encrypt", source, iv } as const;
        const sealed = await run(guest, seal, id, input);
        strictEqual(sealed.status, Status.Ok);
        const open = ccm("decrypt");
        await withSession(guest, open, stateless, async (other) => {
          const back = {
            operation: "decrypt",
            iv,
            tag: sealed.digest,
          } as const;
          const opened = await run(guest, open, other, {
            ...back,
            source: sealed.destination,
          });
          strictEqual(opened.status, Status.Ok);
          deepStrictEqual(opened.destination, source);
          // Not BADMSG, with which a backend would answer that looked at it.
          for (const lengthBytes of [65536, 65540]) {
            const { status } = await run(guest, open, other, {
              ...back,
              source: pattern(lengthBytes),
            });
            strictEqual(status, Status.Error, `${lengthBytes} bytes`);
          }
        });
      });
    }
  },
);

const BY_MESSAGE: Setup = {
  rings: "split",
  layout: "legacy",
  transport: "vhost-user",
  backend: "noble",
};

Deno.test("sessions by message have the same limits", async () => {
  await using stack = new AsyncDisposableStack();
  const path = await listen(makeDevice(BY_MESSAGE), stack);
  for (const layout of ["A", "B", "C"] as const) {
    const link = await connectVhostUser(path, { memoryBytes: 4 * 1024 * 1024 });
    const sessionControl = new SessionMessages(link, layout);
    await using driver = await Driver.start(link, { sessionControl });
    await using chain = await unchecked(driver).chain({
      order: "hash-then-cipher",
      cipher: { algorithm: "aes-cbc", direction: "encrypt", key: pattern(16) },
      hashMode: "auth",
      hashAlgorithm: "hmac-sha256",
      authKey: NO_KEY,
      resultBytes: 32,
    });
    const data = DATA.subarray(0, 64);
    const { digest } = await chain.run(data, IV);
    strictEqual(digest.toHex(), expected("sha256", data));
    const xts = unchecked(driver).cipher({
      algorithm: "aes-xts",
      direction: "encrypt",
      key: pattern(48),
    });
    // A message's answer has no status but success and failure.
    strictEqual(await statusOf(xts), Status.Error);
  }
});
