import assert from "node:assert/strict";
import { Status } from "../device/wire/status.ts";
import {
  Driver,
  type DriverOptions,
  insideOf,
  OperationError,
} from "./driver.ts";
import type { SplitBuffers } from "./shared_memory.ts";
import { EC_PRIVATE_KEY, RSA_PRIVATE_KEY } from "../testing/keys.ts";
import { toyCipher, ToyDevice, toyDigest } from "../testing/toy_device.ts";

const bytes = (lengthBytes: number, seed: number) =>
  Uint8Array.from({ length: lengthBytes }, (_, i) => (i * 7 + seed) & 0xff);

const KEY = bytes(16, 3);
const NOTHING = new Uint8Array(0);

/** One byte at a time at first, then a zero-length piece and the rest. */
const scattered: SplitBuffers = (lengthBytes) => {
  const single = Math.min(lengthBytes, 5);
  const rest = lengthBytes - single;
  const pieces = new Array<number>(single).fill(1);
  return rest > 0 ? [...pieces, 0, rest >> 1, rest - (rest >> 1)] : pieces;
};

const KINDS: readonly [string, "virtio" | "draft-9", DriverOptions][] = [
  ["split rings", "virtio", {}],
  ["direct descriptors", "virtio", { indirect: false, eventIndex: false }],
  ["packed rings", "virtio", { packed: true }],
  ["used in order", "virtio", { packed: true, inOrder: true }],
  ["REVISION_1", "virtio", { revision1: true }],
  ["stateless negotiated", "virtio", { stateless: true }],
  ["scattered buffers", "virtio", {
    splitBuffers: scattered,
    maxDescriptors: 32,
  }],
  ["draft 9", "draft-9", { layout: "draft-9" }],
];

/** A way of using sessions that every kind of device must serve. */
async function useAllServices(driver: Driver, stateless: boolean) {
  const data = bytes(100, 11);
  const iv = bytes(16, 5);
  const options = { stateless };

  await using cipher = await driver.cipher({
    algorithm: "aes-ctr",
    key: KEY,
    direction: "encrypt",
  }, options);
  const input = { iv, source: data, additionalData: NOTHING };
  assert.deepEqual(
    await cipher.run(data, iv),
    toyCipher({ ...input, description: cipher.description }),
  );

  await using hash = await driver.hash({ algorithm: "sha256" }, options);
  const hashed = { iv: NOTHING, source: data, additionalData: NOTHING };
  assert.deepEqual(
    await hash.digest(data),
    toyDigest({ ...hashed, description: hash.description }, 32),
  );

  await using mac = await driver.mac(
    { algorithm: "hmac-sha1", key: KEY, resultBytes: 12 },
    options,
  );
  assert.deepEqual(
    await mac.digest(data),
    toyDigest({ ...hashed, description: mac.description }, 12),
  );
  await useChain(driver, stateless);
  await useAead(driver, stateless, "gcm", bytes(12, 9));
  await useAead(driver, stateless, "ccm", bytes(11, 9));
}

async function useChain(driver: Driver, stateless: boolean) {
  const data = bytes(96, 13);
  const iv = bytes(16, 17);
  const additionalData = bytes(9, 19);
  await using chain = await driver.chain({
    order: "cipher-then-hash",
    cipher: { algorithm: "aes-cbc", key: KEY, direction: "encrypt" },
    hashMode: "auth",
    hashAlgorithm: "hmac-sha256",
    authKey: bytes(20, 23),
  }, { stateless });
  const result = await chain.run(data, iv, {}, additionalData);
  const { description } = chain;
  const input = { description, iv, source: data, additionalData };
  assert.deepEqual(result.data, toyCipher(input));
  assert.deepEqual(result.digest, toyDigest(input, 32));
}

async function useAead(
  driver: Driver,
  stateless: boolean,
  algorithm: "gcm" | "ccm",
  nonce: Uint8Array,
) {
  const data = bytes(61, 29);
  const additionalData = bytes(13, 31);
  const parameters = { algorithm, key: KEY, tagBytes: 12 };
  await using encrypt = await driver.aead(
    { ...parameters, direction: "encrypt" },
    { stateless },
  );
  const sealed = await encrypt.run(data, nonce, additionalData);
  const { description } = encrypt;
  const input = { description, iv: nonce, source: data, additionalData };
  assert.deepEqual(sealed.subarray(0, 61), toyCipher(input));
  assert.deepEqual(sealed.subarray(61), toyDigest(input, 12));
  await using decrypt = await driver.aead(
    { ...parameters, direction: "decrypt" },
    { stateless },
  );
  assert.deepEqual(await decrypt.run(sealed, nonce, additionalData), data);
  sealed[70]! ^= 1;
  await assert.rejects(
    decrypt.run(sealed, nonce, additionalData),
    (error) =>
      error instanceof OperationError && error.status === Status.BadMessage,
  );
}

for (const [name, layout, options] of KINDS) {
  Deno.test(`all services answer over ${name}`, async () => {
    const device = new ToyDevice(layout);
    await using driver = await Driver.start(device, options);
    const free = insideOf(driver).memory.freeBytes;
    await useAllServices(driver, false);
    if (options.stateless) await useAllServices(driver, true);
    assert.equal(device.sessions.size, 0, "sessions are destroyed");
    assert.equal(
      insideOf(driver).memory.freeBytes,
      free,
      "all memory came back",
    );
  });
}

Deno.test("public-key sessions take the result's length from the device", async () => {
  await using driver = await Driver.start(new ToyDevice());
  await using rsa = await driver.akcipher({
    algorithm: "rsa",
    key: RSA_PRIVATE_KEY,
    keyType: "private",
    padding: "pkcs1",
    hash: "sha256",
  });
  const signature = await rsa.sign(bytes(32, 1));
  assert.equal(signature.length, 32);
  await rsa.verify(signature, bytes(32, 1));
});

Deno.test("stateless public-key requests carry key and parameters", async () => {
  const device = new ToyDevice();
  await using driver = await Driver.start(device, { stateless: true });
  const ecdsa = await driver.akcipher({
    algorithm: "ecdsa",
    key: EC_PRIVATE_KEY,
    keyType: "private",
    curve: "p256",
  }, { stateless: true });
  assert.equal((await ecdsa.sign(bytes(20, 1))).length, 20);
  assert.equal(device.sessions.size, 0);
});

Deno.test("keys do not stay in shared memory", async () => {
  const device = new ToyDevice();
  await using driver = await Driver.start(device, { stateless: true });
  const key = bytes(32, 201);
  const isShared = () => device.memory.bytes.toHex().includes(key.toHex());
  for (const stateless of [false, true]) {
    await using cipher = await driver.cipher(
      { algorithm: "aes-cbc", key, direction: "encrypt" },
      { stateless },
    );
    assert.equal(isShared(), false, "after the session was opened");
    await cipher.run(bytes(16, 0), bytes(16, 1));
    assert.equal(isShared(), false, "after a request");
  }
});

Deno.test("another status than OK rejects and says what was asked", async () => {
  const device = new ToyDevice();
  await using driver = await Driver.start(device);
  await using cipher = await driver.cipher({
    algorithm: "aes-cbc",
    key: KEY,
    direction: "decrypt",
  });
  device.forcedStatus = Status.NotSupported;
  await assert.rejects(cipher.run(bytes(16, 0), bytes(16, 1)), (error) => {
    assert.ok(error instanceof OperationError);
    assert.equal(error.status, Status.NotSupported);
    assert.match(error.message, /decrypt with cipher\.aes-cbc.*NOTSUPP/);
    return true;
  });
});

Deno.test("a closed session says so, and the device is not asked", async () => {
  const device = new ToyDevice();
  await using driver = await Driver.start(device);
  const hash = await driver.hash({ algorithm: "md5" });
  await hash.close();
  const { kicks } = device;
  await assert.rejects(
    hash.digest(bytes(3, 0)),
    /Cannot digest: the session of hash\.md5 is closed/,
  );
  assert.equal(device.kicks, kicks);
});

Deno.test("more requests than ring and memory hold wait their turn", async () => {
  const device = new ToyDevice("virtio", 1 << 18);
  await using driver = await Driver.start(device, { queueSize: 4 });
  await using hash = await driver.hash({ algorithm: "sha1" });
  const { description } = hash;
  const sources = Array.from({ length: 300 }, (_, i) => bytes(2000, i));
  const digests = await Promise.all(sources.map((one) => hash.digest(one)));
  digests.forEach((digest, i) => {
    const input = { iv: NOTHING, source: sources[i]!, additionalData: NOTHING };
    assert.deepEqual(digest, toyDigest({ ...input, description }, 20));
  });
});

Deno.test("a request larger than the memory is refused at once", async () => {
  await using driver = await Driver.start(new ToyDevice("virtio", 1 << 18));
  await using hash = await driver.hash({ algorithm: "sha1" });
  await assert.rejects(hash.digest(new Uint8Array(1 << 18)), RangeError);
});

Deno.test("requests of one turn share one kick", async () => {
  const device = new ToyDevice();
  await using driver = await Driver.start(device);
  await using hash = await driver.hash({ algorithm: "sha1" });
  device.kicks = 0;
  await Promise.all(
    Array.from({ length: 20 }, (_, i) => hash.digest(bytes(10, i))),
  );
  assert.equal(device.kicks, 1);
});

Deno.test("buffers are cut as the options say", async () => {
  const device = new ToyDevice();
  await using driver = await Driver.start(device, {
    splitBuffers: (lengthBytes) => new Array<number>(lengthBytes).fill(1),
    maxDescriptors: 400,
    queueSize: 8,
  });
  await using hash = await driver.hash({ algorithm: "sha256" });
  await hash.digest(bytes(40, 0));
  // Header of 72 bytes, source, digest and status, each byte by itself.
  assert.equal(device.chainLengths[0], 72 + 40 + 32 + 1);
});

Deno.test("a driver insists on what its options ask for", async () => {
  const device = new ToyDevice();
  device.offeredFeatures = 1n << 32n;
  await assert.rejects(Driver.start(device, { packed: true }), /not offer/);
  await assert.rejects(Driver.start(device, { stateless: true }), /not offer/);
  await (await Driver.start(device)).close();
  assert.equal(device.closed, true);
});

Deno.test("a device that is not ready is not used", async () => {
  const device = new ToyDevice();
  device.configStatus = 0;
  await assert.rejects(Driver.start(device), /not ready/);
});

Deno.test("closing the driver fails what is under way", async () => {
  const driver = await Driver.start(new ToyDevice());
  const hash = await driver.hash({ algorithm: "sha1" });
  const digest = hash.digest(bytes(10, 0));
  const later = driver.close();
  await assert.rejects(digest, /closed/);
  await later;
  await assert.rejects(hash.digest(bytes(10, 0)), /closed/);
});

Deno.test("draft 9 has no stateless requests and no public keys", async () => {
  await using driver = await Driver.start(new ToyDevice("draft-9"), {
    layout: "draft-9",
  });
  await assert.rejects(
    driver.akcipher({
      algorithm: "rsa",
      key: RSA_PRIVATE_KEY,
      padding: "raw",
    }),
    /akcipher\.rsa: the device does not offer it/,
  );
  await assert.rejects(
    driver.hash({ algorithm: "sha1" }, { stateless: true }),
    /stateless is true, expected false/,
  );
});
