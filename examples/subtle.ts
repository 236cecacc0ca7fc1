/**
 * A device in Web Crypto's shape: `subtle(driver)` has encrypt, decrypt, sign,
 * verify and digest as `crypto.subtle` has them, and a virtio-crypto device does
 * the work. Keys are Web Crypto's own, and have to be extractable.
 *
 *     deno run examples/subtle.ts
 *
 * What the device has of Web Crypto: AES-CBC, AES-CTR, AES-GCM with a nonce of 12
 * bytes, HMAC, RSASSA-PKCS1-v1_5, ECDSA, SHA-1, SHA-256, SHA-384 and SHA-512. For
 * all else there is a NotSupportedError, as in Web Crypto.
 *
 * Each call opens a session and closes it. A program that uses a key often keeps
 * the session, which saves two ways to the device.
 *
 * @module
 */

import { createDevice, Driver, OperationError, Status } from "../mod.ts";

/** The part of `SubtleCrypto` that a device can do. */
export type DeviceSubtle = Pick<
  SubtleCrypto,
  "encrypt" | "decrypt" | "sign" | "verify" | "digest"
>;

type Bytes = Uint8Array<ArrayBuffer>;
type Direction = "encrypt" | "decrypt";
type HashName = "sha1" | "sha256" | "sha384" | "sha512";

/** An algorithm as a caller names it, with what it needs. */
interface Parameters {
  readonly name: string;
  readonly iv?: BufferSource;
  readonly counter?: BufferSource;
  readonly length?: number;
  readonly additionalData?: BufferSource;
  readonly tagLength?: number;
  readonly hash?: AlgorithmIdentifier;
}

/** What keys say of themselves. */
interface KeyFacts {
  readonly name: string;
  readonly hash?: AlgorithmIdentifier;
  readonly namedCurve?: string;
}

const BLOCK_BYTES = 16;
const GCM_NONCE_BYTES = 12;

const HASHES: Readonly<Record<string, HashName>> = {
  "SHA-1": "sha1",
  "SHA-256": "sha256",
  "SHA-384": "sha384",
  "SHA-512": "sha512",
};
/** Length of a coordinate. */
const CURVES: Readonly<Record<string, number>> = {
  "P-256": 32,
  "P-384": 48,
  "P-521": 66,
};

const problem = (name: string, message: string): DOMException =>
  new DOMException(message, name);

/** A copy, so that the caller may change its own at once. */
function bytesOf(source: BufferSource): Bytes {
  const copy = ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source);
  return new Uint8Array(copy);
}

function parametersOf(algorithm: AlgorithmIdentifier): Parameters {
  const own = typeof algorithm === "string" ? { name: algorithm } : algorithm;
  return { ...own, name: own.name.toUpperCase() } as Parameters;
}

function hashOf(algorithm: AlgorithmIdentifier | undefined): HashName {
  const name = algorithm === undefined ? "" : parametersOf(algorithm).name;
  const hash = HASHES[name];
  if (hash) return hash;
  throw problem("NotSupportedError", `The device has no hash "${name}"`);
}

/** The key is for this algorithm and use. */
function factsOf(key: CryptoKey, name: string, usage: KeyUsage): KeyFacts {
  const facts = key.algorithm as KeyFacts;
  if (facts.name.toUpperCase() === name && key.usages.includes(usage)) {
    return facts;
  }
  throw problem(
    "InvalidAccessError",
    `The key is one of ${facts.name} for ${key.usages.join(", ")}, expected ` +
      `one of ${name} for ${usage}`,
  );
}

/** Web Crypto tells no reasons, and one name for what fails. */
async function told<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    throw problem("OperationError", error.message);
  }
}

/** Web Crypto's operations over the device that `driver` runs. */
export function subtle(driver: Driver): DeviceSubtle {
  return {
    encrypt: (algorithm, key, data) =>
      told(() => cipher(driver, "encrypt", parametersOf(algorithm), key, data)),
    decrypt: (algorithm, key, data) =>
      told(() => cipher(driver, "decrypt", parametersOf(algorithm), key, data)),
    sign: (algorithm, key, data) =>
      told(() => sign(driver, parametersOf(algorithm), key, data)),
    verify: (algorithm, key, signature, data) =>
      told(() => verify(driver, parametersOf(algorithm), key, signature, data)),
    digest: (algorithm, data) =>
      told(() =>
        digest(driver, hashOf(algorithm), bytesOf(data)).then(bufferOf)
      ),
  };
}

const bufferOf = ({ buffer }: Bytes): ArrayBuffer => buffer;

async function digest(
  driver: Driver,
  algorithm: HashName,
  data: Bytes,
): Promise<Bytes> {
  await using session = await driver.hash({ algorithm });
  return await session.digest(data);
}

async function cipher(
  driver: Driver,
  direction: Direction,
  parameters: Parameters,
  key: CryptoKey,
  source: BufferSource,
): Promise<ArrayBuffer> {
  const data = bytesOf(source);
  factsOf(key, parameters.name, direction);
  switch (parameters.name) {
    case "AES-CBC": {
      const iv = bytesOf(parameters.iv!);
      return bufferOf(await cbc(driver, direction, key, data, iv));
    }
    case "AES-CTR":
      return bufferOf(await ctr(driver, direction, key, data, parameters));
    case "AES-GCM":
      return bufferOf(await gcm(driver, direction, key, data, parameters));
    default:
      throw problem(
        "NotSupportedError",
        `The device has no cipher "${parameters.name}"`,
      );
  }
}

/** With the padding of PKCS#7, which Web Crypto always has. */
async function cbc(
  driver: Driver,
  direction: Direction,
  key: CryptoKey,
  data: Bytes,
  iv: Bytes,
): Promise<Bytes> {
  const algorithm = "aes-cbc";
  await using session = await driver.cipher({ algorithm, direction, key });
  if (direction === "encrypt") {
    const padBytes = BLOCK_BYTES - data.length % BLOCK_BYTES;
    const padded = new Uint8Array(data.length + padBytes);
    padded.set(data);
    padded.fill(padBytes, data.length);
    return await session.run(padded, iv);
  }
  const isWhole = data.length > 0 && data.length % BLOCK_BYTES === 0;
  const padded = isWhole ? await session.run(data, iv) : data;
  const padBytes = padded.at(-1) ?? 0;
  const isPadded = isWhole && padBytes >= 1 && padBytes <= BLOCK_BYTES &&
    padded.subarray(-padBytes).every((byte) => byte === padBytes);
  if (isPadded) return padded.slice(0, -padBytes);
  throw problem("OperationError", "Cannot decrypt: the padding is wrong");
}

/**
 * Web Crypto counts in the last `length` bits of the block alone, and the device
 * in all of it: where those overflow, the rest is a request of its own.
 */
async function ctr(
  driver: Driver,
  direction: Direction,
  key: CryptoKey,
  data: Bytes,
  { counter, length: bits = 0 }: Parameters,
): Promise<Bytes> {
  const first = bytesOf(counter!);
  const blocks = BigInt(Math.ceil(data.length / BLOCK_BYTES));
  if (first.length !== BLOCK_BYTES || bits < 1 || bits > 128) {
    throw problem("OperationError", "A counter has 16 bytes and 1 to 128 bits");
  }
  const values = 1n << BigInt(bits);
  if (blocks > values) {
    throw problem("OperationError", `A counter of ${bits} bits repeats`);
  }
  const start = first.reduce((sum, byte) => sum << 8n | BigInt(byte), 0n);
  const untilZero = values - start % values;
  const cut = blocks > untilZero
    ? Number(untilZero) * BLOCK_BYTES
    : data.length;
  await using session = await driver.cipher({
    algorithm: "aes-ctr",
    direction,
    key,
  });
  const result = new Uint8Array(data.length);
  result.set(await session.run(data.subarray(0, cut), first));
  if (cut === data.length) return result;
  const zero = new Uint8Array(BLOCK_BYTES);
  const rest = start - start % values;
  for (let i = 0; i < BLOCK_BYTES; i++) {
    zero[i] = Number(rest >> BigInt(8 * (BLOCK_BYTES - 1 - i)) & 0xffn);
  }
  result.set(await session.run(data.subarray(cut), zero), cut);
  return result;
}

async function gcm(
  driver: Driver,
  direction: Direction,
  key: CryptoKey,
  data: Bytes,
  parameters: Parameters,
): Promise<Bytes> {
  const { tagLength = 128, additionalData = new Uint8Array(0) } = parameters;
  const iv = bytesOf(parameters.iv!);
  // The device takes 16 bytes for the first counter block itself.
  if (iv.length !== GCM_NONCE_BYTES) {
    throw problem(
      "NotSupportedError",
      `The device has a nonce of 12 bytes alone, not of ${iv.length}`,
    );
  }
  const own = bytesOf(additionalData);
  const tagBytes = tagLength / 8;
  if (direction === "decrypt" && data.length < tagBytes) {
    throw problem("OperationError", "Cannot decrypt: the tag is missing");
  }
  await using session = await driver.aead({
    algorithm: "gcm",
    direction,
    key,
    tagBytes,
  });
  return await session.run(data, iv, own);
}

/** What a signature is of: the digest, and the session that signs it. */
async function openSigning(
  driver: Driver,
  parameters: Parameters,
  key: CryptoKey,
  usage: "sign" | "verify",
) {
  const facts = factsOf(key, parameters.name, usage);
  if (parameters.name === "ECDSA") {
    const session = await driver.akcipher({ algorithm: "ecdsa", key });
    const fieldBytes = CURVES[facts.namedCurve!]!;
    return { session, hash: hashOf(parameters.hash), fieldBytes };
  }
  if (parameters.name !== "RSASSA-PKCS1-V1_5") {
    throw problem(
      "NotSupportedError",
      `The device has no signatures of "${parameters.name}"`,
    );
  }
  const hash = hashOf(facts.hash);
  const session = await driver.akcipher({
    algorithm: "rsa",
    padding: "pkcs1",
    key,
    hash,
  });
  return { session, hash, fieldBytes: 0 };
}

async function code(
  driver: Driver,
  key: CryptoKey,
  usage: KeyUsage,
  data: Bytes,
) {
  const hash = hashOf(factsOf(key, "HMAC", usage).hash);
  await using session = await driver.mac({ algorithm: `hmac-${hash}`, key });
  return await session.digest(data);
}

async function sign(
  driver: Driver,
  parameters: Parameters,
  key: CryptoKey,
  source: BufferSource,
): Promise<ArrayBuffer> {
  const data = bytesOf(source);
  if (parameters.name === "HMAC") {
    return bufferOf(await code(driver, key, "sign", data));
  }
  const { session, hash, fieldBytes } = await openSigning(
    ...[driver, parameters, key, "sign"] as const,
  );
  await using signer = session;
  const signature = await signer.sign(await digest(driver, hash, data));
  return bufferOf(fieldBytes > 0 ? pairOf(signature, fieldBytes) : signature);
}

async function verify(
  driver: Driver,
  parameters: Parameters,
  key: CryptoKey,
  given: BufferSource,
  source: BufferSource,
): Promise<boolean> {
  const data = bytesOf(source);
  const signature = bytesOf(given);
  if (parameters.name === "HMAC") {
    const right = await code(driver, key, "verify", data);
    return isSame(right, signature);
  }
  const { session, hash, fieldBytes } = await openSigning(
    ...[driver, parameters, key, "verify"] as const,
  );
  await using verifier = session;
  if (fieldBytes > 0 && signature.length !== 2 * fieldBytes) return false;
  try {
    await verifier.verify(
      fieldBytes > 0 ? derOf(signature) : signature,
      await digest(driver, hash, data),
    );
    return true;
  } catch (error) {
    const isWrong = error instanceof OperationError &&
      (error.status === Status.KeyRejected || error.status === Status.Error);
    if (isWrong) return false;
    throw error;
  }
}

/** Without telling by its time where two codes differ. */
function isSame(a: Bytes, b: Bytes): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ (b[i] ?? 0);
  return difference === 0;
}

/** The numbers of ECDSA-Sig-Value (RFC 3279 §2.2.3), each as long as a coordinate. */
function pairOf(der: Bytes, fieldBytes: number): Bytes {
  const pair = new Uint8Array(2 * fieldBytes);
  // Behind the header of the SEQUENCE, whose length may take two bytes.
  let at = der[1]! < 0x80 ? 2 : 3;
  for (const end of [fieldBytes, 2 * fieldBytes]) {
    const length = der[at + 1]!;
    const number = der.subarray(at + 2, at + 2 + length);
    const rest = number[0] === 0 ? number.subarray(1) : number;
    pair.set(rest, end - rest.length);
    at += 2 + length;
  }
  return pair;
}

/** ECDSA-Sig-Value of two numbers of equal length. */
function derOf(pair: Bytes): Bytes {
  const half = pair.length / 2;
  const numbers = [pair.subarray(0, half), pair.subarray(half)].flatMap(
    (number) => {
      const start = number.findIndex((byte) => byte !== 0);
      const rest = start < 0 ? [0] : [...number.subarray(start)];
      const unsigned = rest[0]! < 0x80 ? rest : [0, ...rest];
      return [0x02, unsigned.length, ...unsigned];
    },
  );
  const length = numbers.length < 0x80
    ? [numbers.length]
    : [0x81, numbers.length];
  return Uint8Array.of(0x30, ...length, ...numbers);
}

if (import.meta.main) {
  await using driver = await Driver.start(await createDevice());
  const device = subtle(driver);
  const name = "AES-GCM";
  const key = await crypto.subtle.generateKey(
    { name, length: 256 },
    true,
    ["encrypt", "decrypt"],
  );
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const text = new TextEncoder().encode("attack at dawn");
  const sealed = await device.encrypt({ name, iv }, key, text);
  // What one of them has sealed, the other opens.
  const opened = await crypto.subtle.decrypt({ name, iv }, key, sealed);
  console.log(new TextDecoder().decode(opened));
}
