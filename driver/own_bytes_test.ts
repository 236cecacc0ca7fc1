import { Buffer } from "node:buffer";
import { deepStrictEqual, notStrictEqual, ok } from "node:assert/strict";
import { serveDevice } from "../testing/command_process.ts";
import { RSA_PRIVATE_KEY, RSA_PUBLIC_KEY } from "../testing/keys.ts";
import { toyCipher, ToyDevice } from "../testing/toy_device.ts";
import { createDevice } from "../device/transport/in_process/create_device.ts";
import { Driver, insideOf, type SessionOptions } from "./driver.ts";
import { connectVhostUser } from "./vhost_user_front_end.ts";

const ROUNDS = 3;
const KEY = Uint8Array.from({ length: 32 }, (_, i) => i + 1);
const encrypt = "encrypt" as const;

/** Buffers that a caller uses again and again. */
interface Buffers {
  readonly data: Uint8Array;
  readonly iv: Uint8Array;
  readonly additionalData: Uint8Array;
}

type Answer = Promise<readonly Uint8Array[]>;
type Call = (buffers: Buffers) => Answer;

/** Opens a session with a key that the caller wipes at once. */
async function openWithKey<S>(
  key: Uint8Array,
  open: (key: Uint8Array) => Promise<S>,
): Promise<S> {
  const own = key.slice();
  const session = open(own);
  own.fill(0);
  return await session;
}

type Opener = (
  driver: Driver,
  key: Uint8Array,
  options: SessionOptions,
) => Promise<Call>;

const SERVICES: readonly [string, Uint8Array, Opener][] = [
  ["cipher", KEY, async (driver, key, options) => {
    const session = await openWithKey(
      key,
      (own) =>
        driver.cipher(
          { algorithm: "aes-ctr", direction: encrypt, key: own },
          options,
        ),
    );
    return async ({ data, iv }) => [await session.run(data, iv)];
  }],
  ["chain", KEY, async (driver, key, options) => {
    const session = await openWithKey(key, (own) =>
      driver.chain({
        order: "cipher-then-hash",
        cipher: { algorithm: "aes-cbc", direction: encrypt, key: own },
        hashMode: "auth",
        hashAlgorithm: "hmac-sha256",
        authKey: own,
      }, options));
    return async ({ data, iv }) => {
      const { data: result, digest } = await session.run(data, iv);
      return [result, digest];
    };
  }],
  ["hash", KEY, async (driver, _key, options) => {
    const session = await driver.hash({ algorithm: "sha256" }, options);
    return async ({ data }) => [await session.digest(data)];
  }],
  ["mac", KEY, async (driver, key, options) => {
    const session = await openWithKey(
      key,
      (own) => driver.mac({ algorithm: "hmac-sha256", key: own }, options),
    );
    return async ({ data }) => [await session.digest(data)];
  }],
  ["mac with an IV", KEY, async (driver, key, options) => {
    const session = await openWithKey(
      key,
      (own) => driver.mac({ algorithm: "gmac-aes", key: own }, options),
    );
    return async ({ data, iv }) => [
      await session.digest(data, iv.subarray(0, 12)),
    ];
  }],
  ["aead", KEY, async (driver, key, options) => {
    const session = await openWithKey(
      key,
      (own) =>
        driver.aead(
          { algorithm: "gcm", direction: encrypt, key: own },
          options,
        ),
    );
    return async ({ data, iv, additionalData }) => [
      await session.run(data, iv.subarray(0, 12), additionalData),
    ];
  }],
  ["akcipher, sign", RSA_PRIVATE_KEY, async (driver, key, options) => {
    const rsa = { algorithm: "rsa", padding: "pkcs1", hash: "sha256" } as const;
    const session = await openWithKey(
      key,
      (own) =>
        driver.akcipher({ ...rsa, keyType: "private", key: own }, options),
    );
    return async ({ data }) => [await session.sign(data.subarray(0, 32))];
  }],
  ["akcipher, verify", RSA_PUBLIC_KEY, async (driver, key, options) => {
    const rsa = { algorithm: "rsa", padding: "pkcs1", hash: "sha256" } as const;
    const signer = await driver.akcipher({
      ...rsa,
      keyType: "private",
      key: RSA_PRIVATE_KEY,
    }, options);
    const signatures = await Promise.all(
      Array.from({ length: ROUNDS }, (_, i) => signer.sign(contents(i, 32))),
    );
    const session = await openWithKey(
      key,
      (own) =>
        driver.akcipher({ ...rsa, keyType: "public", key: own }, options),
    );
    const signature = new Uint8Array(signatures[0]!.length);
    return async ({ data }) => {
      signature.set(signatures[data[0]!]!);
      await session.verify(signature, data.subarray(0, 32));
      return [];
    };
  }],
];

/** What a buffer holds in round `round`. */
function contents(round: number, lengthBytes: number): Uint8Array {
  return new Uint8Array(lengthBytes).fill(round);
}

function fill(buffers: Buffers, round: number): void {
  for (const buffer of Object.values(buffers)) {
    buffer.set(contents(round, buffer.length));
  }
}

const newBuffers = (): Buffers => ({
  data: new Uint8Array(64),
  iv: new Uint8Array(16),
  additionalData: new Uint8Array(20),
});

/** Calls with the same buffers, each filled anew right after the call before. */
async function callWithOneSetOfBuffers(call: Call): Promise<unknown[]> {
  const buffers = newBuffers();
  const answers: Answer[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    fill(buffers, round);
    answers.push(call(buffers));
  }
  fill(buffers, 0xee);
  const results = await Promise.all(answers);
  const memories = results.flat().map(({ buffer }) => buffer);
  deepStrictEqual(new Set(memories).size, memories.length, "shared memory");
  for (const memory of memories) {
    for (const buffer of Object.values(buffers)) {
      notStrictEqual(memory, buffer.buffer);
    }
  }
  return results;
}

/** The same one after the other, each with buffers of its own. */
async function callOneByOne(call: Call): Promise<unknown[]> {
  const results = [];
  for (let round = 0; round < ROUNDS; round++) {
    const buffers = newBuffers();
    fill(buffers, round);
    results.push(await call(buffers));
  }
  return results;
}

async function checkServices(t: Deno.TestContext, driver: Driver) {
  for (const [name, key, open] of SERVICES) {
    for (const stateless of [false, true]) {
      await t.step(stateless ? `${name}, stateless` : name, async () => {
        const call = await open(driver, key, { stateless });
        const results = await callWithOneSetOfBuffers(call);
        const known = await open(driver, key, {});
        deepStrictEqual(results, await callOneByOne(known));
      });
    }
  }
}

Deno.test("the bytes of a call are taken when it is made, in process", async (t) => {
  await using driver = await Driver.start(
    await createDevice(),
    { revision1: true, stateless: true },
  );
  await checkServices(t, driver);
});

Deno.test("the bytes of a call are taken when it is made, over vhost-user", async (t) => {
  await using device = await serveDevice("--backend", "noble");
  const link = await connectVhostUser(device.socketPath, {
    memoryBytes: 1 << 20,
  });
  await using driver = await Driver.start(
    link,
    { revision1: true, stateless: true },
  );
  await checkServices(t, driver);
});

Deno.test("so are those of calls that wait for memory, and the keys of stateless ones", async () => {
  const device = new ToyDevice("virtio", 1 << 18);
  await using driver = await Driver.start(device, { stateless: true });
  const cipher = await openWithKey(
    KEY,
    (key) =>
      driver.cipher({ algorithm: "aes-ctr", direction: encrypt, key }, {
        stateless: true,
      }),
  );
  // More at a time than the memory has room for; slice() of a Buffer is no copy.
  const data = Buffer.alloc(20_000);
  const iv = new Uint8Array(16);
  const answers = Array.from({ length: 30 }, (_, round) => {
    data.fill(round);
    iv.fill(round);
    return cipher.run(data, iv);
  });
  data.fill(0xee);
  iv.fill(0xee);
  ok(insideOf(driver).memory.freeBytes < 2 * data.length);
  const closing = cipher.close();
  const description = { ...cipher.description, key: KEY };
  for (const [round, answer] of (await Promise.all(answers)).entries()) {
    const expected = toyCipher({
      description,
      iv: contents(round, iv.length),
      source: contents(round, data.length),
      additionalData: new Uint8Array(0),
    });
    deepStrictEqual(answer, expected);
  }
  await closing;
});

/** An IPv4 packet to nobody in particular, with `fill` for its payload. */
function ipPacket(fill: number): Uint8Array {
  const packet = new Uint8Array(60).fill(fill, 20);
  packet.set([0x45, 0, 0, 60, 0, 0, 0, 0, 64, 253, 0x66, 0x8f]);
  packet.set([10, 0, 0, 1, 10, 0, 0, 2], 12);
  const view = new DataView(packet.buffer);
  view.setUint16(10, 0);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(10, ~sum & 0xffff);
  return packet;
}

Deno.test("the parameters of an association and its packets are taken when they are given", async () => {
  // Room for two packets at a time, so that most of them wait.
  await using driver = await Driver.start(
    await createDevice({ memoryBytes: 1 << 18 }),
    { ipsec: true, queueSize: 4 },
  );
  const key = KEY.slice();
  const salt = new Uint8Array(4).fill(7);
  const parameters = { spi: 0x2001, algorithms: { aead: "gcm", key, salt } };
  const opening = [
    driver.ipsec({
      ...parameters,
      direction: "outbound",
      tunnel: { source: "198.51.100.1", destination: "198.51.100.2" },
    }),
    driver.ipsec({ ...parameters, direction: "inbound", mode: "tunnel" }),
  ] as const;
  key.fill(0);
  salt.fill(0);
  await using outbound = await opening[0];
  await using inbound = await opening[1];
  // With the right key, another driver opens what this one has sealed.
  await using other = await Driver.start(
    await createDevice(),
    { ipsec: true },
  );
  await using known = await other.ipsec({
    spi: 0x2001,
    algorithms: { aead: "gcm", key: KEY, salt: new Uint8Array(4).fill(7) },
    direction: "inbound",
    mode: "tunnel",
  });
  const buffer = Buffer.alloc(60);
  const memory = insideOf(driver).memory;
  const most = memory.freeBytes - 1000;
  const [held] = memory.allocateNow([{ lengthBytes: most }]);
  const sending = Array.from({ length: 20 }, (_, i) => {
    buffer.set(ipPacket(i));
    return outbound.encapsulate(buffer);
  });
  buffer.fill(0xee);
  const sent = await Promise.all(sending);
  memory.free(held!);
  for (const [i, { packet }] of sent.entries()) {
    const received = await known.decapsulate(packet);
    deepStrictEqual(received.packet, ipPacket(i));
    deepStrictEqual((await inbound.decapsulate(packet)).packet, ipPacket(i));
  }
});
