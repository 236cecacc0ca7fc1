/**
 * A use of every service with answers that others published, in plain JavaScript
 * for any runtime. The library comes as an argument, from wherever it was
 * installed.
 *
 * @module
 */

const bytes = (hex) =>
  Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const text = (words) => new TextEncoder().encode(words);

/** RFC 6979 §A.2.5: a P-256 key, as ECPrivateKey and as a point. */
const SCALAR =
  "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";
const POINT =
  "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6" +
  "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";
const EC_PRIVATE_KEY = `30310201010420${SCALAR}a00a06082a8648ce3d030107`;
/** SHA-256 of "sample", and the signature that the RFC has of it. */
const SAMPLE_DIGEST =
  "af2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf";
const SAMPLE_SIGNATURE = "3046" +
  "022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716" +
  "022100f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8";

function expectBytes(name, found, expected) {
  const same = found.length === expected.length &&
    found.every((byte, i) => byte === expected[i]);
  if (!same) throw new Error(`${name}: ${found}, expected ${expected}`);
}

/** NIST SP 800-38A §F.2.1, FIPS 180-4's "abc", RFC 4231 §4.3. */
async function useCipherHashAndMac(driver) {
  const cipher = await driver.cipher({
    algorithm: "aes-cbc",
    key: bytes("2b7e151628aed2a6abf7158809cf4f3c"),
    direction: "encrypt",
  });
  const block = await cipher.run(
    bytes("6bc1bee22e409f96e93d7e117393172a"),
    bytes("000102030405060708090a0b0c0d0e0f"),
  );
  expectBytes("AES-CBC", block, bytes("7649abac8119b246cee98e9b12e9197d"));
  const hash = await driver.hash({ algorithm: "sha256" });
  const digest = await hash.digest(text("abc"));
  expectBytes("SHA-256", digest.subarray(0, 4), bytes("ba7816bf"));
  const mac = await driver.mac({
    algorithm: "hmac-sha256",
    key: text("Jefe"),
  });
  const code = await mac.digest(text("what do ya want for nothing?"));
  expectBytes("HMAC", code.subarray(0, 4), bytes("5bdcc146"));
}

/** McGrew and Viega, test case 2. */
async function useAead(driver) {
  const parameters = { algorithm: "gcm", key: new Uint8Array(16) };
  const seal = await driver.aead({ ...parameters, direction: "encrypt" });
  const sealed = await seal.run(new Uint8Array(16), new Uint8Array(12));
  const expected = "0388dace60b6a392f328c2b971b2fe78" +
    "ab6e47d42cec13bdf53a67b21257bddf";
  expectBytes("GCM", sealed, bytes(expected));
  const open = await driver.aead({ ...parameters, direction: "decrypt" });
  const opened = await open.run(sealed, new Uint8Array(12));
  expectBytes("GCM opened", opened, new Uint8Array(16));
  sealed[0] ^= 1;
  const refused = await open.run(sealed, new Uint8Array(12))
    .then(() => undefined, (error) => error);
  if (!refused) throw new Error("a forged message was opened");
}

async function useChain(driver) {
  const key = new Uint8Array(16);
  const chain = await driver.chain({
    order: "cipher-then-hash",
    cipher: { algorithm: "aes-cbc", key, direction: "encrypt" },
    hashMode: "auth",
    hashAlgorithm: "hmac-sha256",
    authKey: key,
    resultBytes: 32,
  });
  const result = await chain.run(new Uint8Array(32), new Uint8Array(16));
  const mac = await driver.mac({ algorithm: "hmac-sha256", key });
  expectBytes("chain", result.digest, await mac.digest(result.data));
}

async function useSignatures(driver) {
  const parameters = { algorithm: "ecdsa", curve: "p256" };
  const signer = await driver.akcipher({
    ...parameters,
    keyType: "private",
    key: bytes(EC_PRIVATE_KEY),
  });
  const verifier = await driver.akcipher({
    ...parameters,
    keyType: "public",
    key: bytes(POINT),
  });
  const digest = bytes(SAMPLE_DIGEST);
  await verifier.verify(bytes(SAMPLE_SIGNATURE), digest);
  await verifier.verify(await signer.sign(digest), digest);
}

const KINDS = [{}, { packed: true, revision1: true, stateless: true }];

/** Uses every service on `backends`; throws where an answer is wrong. */
export async function useEveryService({ createDevice, Driver }, backends) {
  for (const options of KINDS) {
    const link = await createDevice({ backends });
    const driver = await Driver.start(link, options);
    for (
      const use of [useCipherHashAndMac, useAead, useChain, useSignatures]
    ) await use(driver);
    await driver.close();
  }
}
