import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { createDevice, Driver } from "../mod.ts";
import { subtle } from "./subtle.ts";

const real = crypto.subtle;
const LENGTHS = [0, 1, 15, 16, 17, 100, 4096] as const;
const dataOf = (length: number) =>
  Uint8Array.from({ length }, (_, i) => i * 5 & 0xff);

const start = async () => await Driver.start(await createDevice());

const aes = (name: string, length = 256) =>
  real.generateKey({ name, length }, true, ["encrypt", "decrypt"]);

const filled = (...parts: [number, number][]) =>
  Uint8Array.from(
    parts.flatMap(([count, byte]) => new Array(count).fill(byte)),
  );

Deno.test("ciphers give what Web Crypto gives, and open what it has sealed", async () => {
  await using driver = await start();
  const device = subtle(driver);
  const iv = filled([16, 9]);
  const additionalData = filled([21, 3]);
  const cases: readonly (readonly [string, object])[] = [
    ["AES-CBC", { iv }],
    ["AES-CTR", { counter: iv, length: 64 }],
    // Counters that overflow at once, soon, and in all of the block.
    ["AES-CTR", { counter: filled([8, 9], [8, 0xff]), length: 64 }],
    ["AES-CTR", { counter: filled([15, 0xff], [1, 0xfd]), length: 32 }],
    ["AES-CTR", { counter: filled([16, 0xff]), length: 128 }],
    ["AES-GCM", { iv: iv.subarray(0, 12) }],
    ["AES-GCM", { iv: iv.subarray(0, 12), additionalData, tagLength: 96 }],
  ];
  for (const [name, rest] of cases) {
    const key = await aes(name);
    const algorithm = { name, ...rest };
    for (const length of LENGTHS) {
      const data = dataOf(length);
      const sealed = await device.encrypt(algorithm, key, data);
      const note = `${name} ${length} ${JSON.stringify(rest)}`;
      deepStrictEqual(sealed, await real.encrypt(algorithm, key, data), note);
      const opened = await device.decrypt(algorithm, key, sealed);
      deepStrictEqual(new Uint8Array(opened), data, note);
    }
  }
});

Deno.test("digests are those of Web Crypto", async () => {
  await using driver = await start();
  const device = subtle(driver);
  for (const name of ["SHA-1", "SHA-256", "SHA-384", "SHA-512"]) {
    for (const length of LENGTHS) {
      const data = dataOf(length);
      for (const algorithm of [name, { name }, name.toLowerCase()]) {
        deepStrictEqual(
          await device.digest(algorithm, data),
          await real.digest(name, data),
        );
      }
    }
  }
});

Deno.test("codes and signatures are verified by either", async () => {
  await using driver = await start();
  const device = subtle(driver);
  const usages: KeyUsage[] = ["sign", "verify"];
  const rsa = { modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1) };
  const cases: readonly (readonly [string, object, object])[] = [
    ["HMAC", { hash: "SHA-256" }, {}],
    ["HMAC", { hash: "SHA-512" }, {}],
    ["RSASSA-PKCS1-v1_5", { ...rsa, hash: "SHA-256" }, {}],
    ["RSASSA-PKCS1-v1_5", { ...rsa, hash: "SHA-512" }, {}],
    ["ECDSA", { namedCurve: "P-256" }, { hash: "SHA-256" }],
    ["ECDSA", { namedCurve: "P-384" }, { hash: "SHA-384" }],
    ["ECDSA", { namedCurve: "P-256" }, { hash: "SHA-512" }],
  ];
  for (const [name, of, use] of cases) {
    const generated = await real.generateKey({ name, ...of }, true, usages);
    const pair = generated as CryptoKeyPair | CryptoKey;
    const [signing, verifying] = "privateKey" in pair
      ? [pair.privateKey, pair.publicKey]
      : [pair, pair];
    const algorithm = { name, ...use };
    const note = JSON.stringify([name, of, use]);
    for (const data of [dataOf(0), dataOf(200)]) {
      const ours = await device.sign(algorithm, signing, data);
      ok(await real.verify(algorithm, verifying, ours, data), note);
      const theirs = await real.sign(algorithm, signing, data);
      ok(await device.verify(algorithm, verifying, theirs, data), note);
      const other = dataOf(201);
      strictEqual(
        await device.verify(algorithm, verifying, theirs, other),
        false,
        note,
      );
      const short = theirs.slice(0, -1);
      strictEqual(
        await device.verify(algorithm, verifying, short, data),
        false,
        note,
      );
    }
  }
});

Deno.test("signatures whose numbers are short keep their length", async () => {
  await using driver = await start();
  const device = subtle(driver);
  const algorithm = { name: "ECDSA", hash: "SHA-256" };
  const { privateKey, publicKey } = await real.generateKey(
    { name: "ECDSA", namedCurve: "P-256" },
    true,
    ["sign", "verify"],
  ) as CryptoKeyPair;
  // One in 256 has a leading zero in either number.
  for (let i = 0; i < 200; i++) {
    const data = dataOf(i);
    const ours = await device.sign(algorithm, privateKey, data);
    strictEqual(ours.byteLength, 64);
    ok(await real.verify(algorithm, publicKey, ours, data));
  }
});

Deno.test("what fails does so as in Web Crypto", async () => {
  await using driver = await start();
  const device = subtle(driver);
  const gcm = await aes("AES-GCM");
  const cbc = await aes("AES-CBC");
  const iv = new Uint8Array(12);
  const sealed = await device.encrypt({ name: "AES-GCM", iv }, gcm, dataOf(9));
  new Uint8Array(sealed)[3]! ^= 1;
  const block = new Uint8Array(16);
  const oaep = await real.generateKey(
    {
      name: "RSA-OAEP",
      modulusLength: 2048,
      publicExponent: Uint8Array.of(1, 0, 1),
      hash: "SHA-256",
    },
    true,
    ["encrypt", "decrypt"],
  ) as CryptoKeyPair;
  const cases: readonly (readonly [string, () => Promise<unknown>])[] = [
    [
      "OperationError",
      () => device.decrypt({ name: "AES-GCM", iv }, gcm, sealed),
    ],
    [
      "OperationError",
      () => device.decrypt({ name: "AES-GCM", iv }, gcm, new Uint8Array(3)),
    ],
    [
      "OperationError",
      () =>
        device.decrypt({ name: "AES-CBC", iv: block }, cbc, new Uint8Array(15)),
    ],
    [
      "OperationError",
      () =>
        device.decrypt({ name: "AES-CBC", iv: block }, cbc, new Uint8Array(0)),
    ],
    [
      "InvalidAccessError",
      () => device.encrypt({ name: "AES-GCM", iv }, cbc, block),
    ],
    [
      "NotSupportedError",
      () => device.encrypt({ name: "AES-GCM", iv: block }, gcm, block),
    ],
    [
      "NotSupportedError",
      () => device.encrypt({ name: "RSA-OAEP" }, oaep.publicKey, block),
    ],
    ["NotSupportedError", () => device.digest("SHA3-256", block)],
  ];
  for (const [name, attempt] of cases) await rejects(attempt(), { name });
  const counter = await aes("AES-CTR");
  const ctr = { name: "AES-CTR", counter: block, length: 1 };
  await rejects(device.encrypt(ctr, counter, dataOf(33)), {
    name: "OperationError",
  });
  await device.encrypt(ctr, counter, dataOf(32));
});

Deno.test("the bytes of a call are taken when it is made, as in Web Crypto", async () => {
  await using driver = await start();
  const device = subtle(driver);
  const key = await aes("AES-GCM");
  const iv = new Uint8Array(12);
  const data = dataOf(20);
  const expected = await real.encrypt({ name: "AES-GCM", iv }, key, data);
  const sealing = device.encrypt({ name: "AES-GCM", iv }, key, data);
  iv.fill(1);
  data.fill(1);
  deepStrictEqual(await sealing, expected);
});
