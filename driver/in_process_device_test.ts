import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  createCipheriv,
  createHash,
  createHmac,
  generateKeyPairSync,
  verify,
} from "node:crypto";
import { Status } from "../device/wire/status.ts";
import { createDevice } from "../mod.ts";
import { Driver, type DriverOptions, OperationError } from "./driver.ts";

const random = (lengthBytes: number) =>
  crypto.getRandomValues(new Uint8Array(lengthBytes));
const KEY = random(16);
const IV = random(16);
const NONCE = random(12);
const DATA = random(208);

const KINDS: readonly [string, DriverOptions][] = [
  ["split rings", {}],
  ["packed rings, used in order", { packed: true, inOrder: true }],
  ["REVISION_1", { revision1: true }],
  ["stateless requests", { stateless: true }],
  ["draft 9", { layout: "draft-9" }],
  ["one byte in each descriptor", {
    splitBuffers: (lengthBytes) => new Array<number>(lengthBytes).fill(1),
    maxDescriptors: 2500,
    queueSize: 8,
  }],
];

function cbc(data: Uint8Array): Uint8Array {
  const cipher = createCipheriv("aes-128-cbc", KEY, IV);
  cipher.setAutoPadding(false);
  return new Uint8Array(cipher.update(data));
}

/** Ciphertext and tag. */
function gcm(data: Uint8Array, additionalData: Uint8Array): Uint8Array {
  const cipher = createCipheriv("aes-128-gcm", KEY, NONCE);
  cipher.setAAD(additionalData);
  const body = Buffer.concat([cipher.update(data), cipher.final()]);
  return new Uint8Array(Buffer.concat([body, cipher.getAuthTag()]));
}

const hmacSha1 = (data: Uint8Array): Uint8Array =>
  new Uint8Array(createHmac("sha1", KEY).update(data).digest());

async function useCipherAndDigests(driver: Driver, stateless: boolean) {
  const options = { stateless };
  const algorithm = "aes-cbc";
  for (const direction of ["encrypt", "decrypt"] as const) {
    await using cipher = await driver.cipher(
      { algorithm, key: KEY, direction },
      options,
    );
    const [from, to] = direction === "encrypt"
      ? [DATA, cbc(DATA)]
      : [cbc(DATA), DATA];
    assert.deepEqual(await cipher.run(from, IV), to);
  }
  await using hash = await driver.hash({ algorithm: "sha256" }, options);
  const sha256 = createHash("sha256").update(DATA).digest();
  assert.deepEqual(await hash.digest(DATA), new Uint8Array(sha256));
  await using mac = await driver.mac(
    { algorithm: "hmac-sha1", key: KEY },
    options,
  );
  assert.deepEqual(await mac.digest(DATA), hmacSha1(DATA));
  await using gmac = await driver.mac(
    { algorithm: "gmac-aes", key: KEY },
    options,
  );
  assert.deepEqual(
    await gmac.digest(DATA, NONCE),
    gcm(new Uint8Array(0), DATA),
  );
}

async function useAead(driver: Driver, stateless: boolean) {
  const options = { stateless };
  const additionalData = random(21);
  const parameters = { algorithm: "gcm", key: KEY } as const;
  await using seal = await driver.aead(
    { ...parameters, direction: "encrypt" },
    options,
  );
  const sealed = await seal.run(DATA, NONCE, additionalData);
  assert.deepEqual(sealed, gcm(DATA, additionalData));
  await using open = await driver.aead(
    { ...parameters, direction: "decrypt" },
    options,
  );
  assert.deepEqual(await open.run(sealed, NONCE, additionalData), DATA);
  sealed[sealed.length - 1]! ^= 1;
  await assert.rejects(
    open.run(sealed, NONCE, additionalData),
    (error) =>
      error instanceof OperationError && error.status === Status.BadMessage,
  );
}

/** RFC 3610 §8, packet vector 1: a nonce of 13 bytes. */
async function useCcm(driver: Driver, stateless: boolean) {
  await using ccm = await driver.aead({
    algorithm: "ccm",
    key: Uint8Array.fromHex("c0c1c2c3c4c5c6c7c8c9cacbcccdcecf"),
    direction: "encrypt",
    tagBytes: 8,
  }, { stateless });
  const sealed = await ccm.run(
    Uint8Array.from({ length: 23 }, (_, i) => i + 8),
    Uint8Array.fromHex("00000003020100a0a1a2a3a4a5"),
    Uint8Array.from({ length: 8 }, (_, i) => i),
  );
  assert.equal(
    sealed.toHex(),
    "588c979a61c663d2f066d0c2c0f989806d5f6b61dac38417e8d12cfdf926e0",
  );
}

async function useChain(driver: Driver, stateless: boolean) {
  const draft = driver.mode.layout === "draft-9";
  await using chain = await driver.chain({
    order: "cipher-then-hash",
    cipher: { algorithm: "aes-cbc", key: KEY, direction: "encrypt" },
    hashMode: "auth",
    hashAlgorithm: "hmac-sha1",
    authKey: KEY,
    resultBytes: 12,
  }, { stateless });
  const start = draft ? 0 : 16;
  const ranges = draft ? {} : { cipherStart: start, cipherBytes: 160 };
  const result = await chain.run(DATA, IV, ranges);
  const end = draft ? DATA.length : start + 160;
  const middle = cbc(DATA.subarray(start, end));
  assert.deepEqual(result.data.subarray(start, end), middle);
  const hashed = DATA.slice();
  hashed.set(middle, start);
  assert.deepEqual(result.digest, hmacSha1(hashed).subarray(0, 12));
}

for (const [name, options] of KINDS) {
  Deno.test(`a real device agrees with node:crypto over ${name}`, async () => {
    const link = await createDevice(
      options.layout ? { layout: options.layout } : {},
    );
    await using driver = await Driver.start(link, options);
    for (const stateless of options.stateless ? [false, true] : [false]) {
      await useCipherAndDigests(driver, stateless);
      await useAead(driver, stateless);
      await useCcm(driver, stateless);
      await useChain(driver, stateless);
    }
  });
}

for (const stateless of [false, true]) {
  const mode = stateless ? "stateless" : "session";
  Deno.test(`RSA signatures of the device verify elsewhere, in ${mode} mode`, async () => {
    const pair = generateKeyPairSync("rsa", { modulusLength: 1024 });
    const key = new Uint8Array(
      pair.privateKey.export({ type: "pkcs1", format: "der" }),
    );
    await using driver = await Driver.start(
      await createDevice(),
      stateless ? { stateless: true } : {},
    );
    await using rsa = await driver.akcipher({
      algorithm: "rsa",
      keyType: "private",
      key,
      padding: "pkcs1",
      hash: "sha256",
    }, { stateless });
    const digest = createHash("sha256").update(DATA).digest();
    const signature = await rsa.sign(new Uint8Array(digest));
    assert.equal(signature.length, 128);
    assert.ok(verify("sha256", DATA, pair.publicKey, signature));
    await rsa.verify(signature, new Uint8Array(digest));
    signature[5]! ^= 1;
    await assert.rejects(
      rsa.verify(signature, new Uint8Array(digest)),
      (error) =>
        error instanceof OperationError && error.status === Status.KeyRejected,
    );
    const secret = random(20);
    assert.deepEqual(await rsa.decrypt(await rsa.encrypt(secret)), secret);
  });
}

Deno.test("a session is made without a structured clone, whose bytes nobody can wipe", async () => {
  await using driver = await Driver.start(await createDevice());
  const { structuredClone } = globalThis;
  globalThis.structuredClone = () => {
    throw new Error("A key would be serialised");
  };
  try {
    await using session = await driver.cipher({
      algorithm: "aes-ctr",
      direction: "encrypt",
      key: new Uint8Array(16),
    });
    const [data, iv] = [new Uint8Array(5), new Uint8Array(16)];
    assert.equal((await session.run(data, iv)).length, 5);
  } finally {
    globalThis.structuredClone = structuredClone;
  }
});
