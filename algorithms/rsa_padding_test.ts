import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  createHash,
  generateKeyPairSync,
  type KeyObject,
  privateEncrypt,
  sign,
} from "node:crypto";
import {
  padForEncryption,
  padForSignature,
  rsaHashByName,
  signatureMatches,
  unpadEncryption,
} from "./rsa_padding.ts";

/** 00 02, `padding` non-zero bytes, 00, message, as long as `length`. */
function encoding(length: number, messageBytes: number): Uint8Array {
  const encoded = new Uint8Array(length).fill(0xa5);
  encoded[0] = 0;
  encoded[1] = 2;
  encoded[length - messageBytes - 1] = 0;
  return encoded;
}

/** The RSA public operation: signature to encoded message. */
function recover(key: KeyObject, signature: Uint8Array): Uint8Array {
  const { n, e } = key.export({ format: "jwk" });
  const number = (text: string) =>
    BigInt(`0x${Buffer.from(text, "base64url").toString("hex")}`);
  const modulus = number(n!);
  let base = BigInt(`0x${signature.toHex()}`);
  let result = 1n;
  for (let bits = number(e!); bits > 0n; bits >>= 1n) {
    if (bits & 1n) result = result * base % modulus;
    base = base * base % modulus;
  }
  const hex = result.toString(16).padStart(2 * signature.length, "0");
  return Uint8Array.fromHex(hex);
}

Deno.test("padForSignature() encodes what another implementation signs", () => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", {
    modulusLength: 1024,
  });
  const data = Buffer.from("the data");
  for (const name of ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"]) {
    const signature = sign(name, data, privateKey);
    const recovered = recover(publicKey, signature);
    const encoded = new Uint8Array(128);
    const digest = createHash(name).update(data).digest();
    strictEqual(padForSignature(rsaHashByName(name), digest, encoded), true);
    deepStrictEqual(encoded, recovered, name);
  }
});

Deno.test("padForSignature() takes data as it is with no hash", () => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", {
    modulusLength: 512,
  });
  const data = Buffer.from("bare data");
  const recovered = recover(publicKey, privateEncrypt(privateKey, data));
  const encoded = new Uint8Array(64);
  strictEqual(padForSignature(rsaHashByName("none"), data, encoded), true);
  deepStrictEqual(encoded, recovered);
});

Deno.test("padForSignature() refuses what does not fit and wrong digests", () => {
  const none = rsaHashByName("none");
  const at = (bytes: number) =>
    padForSignature(none, new Uint8Array(bytes), new Uint8Array(64));
  strictEqual(at(53), true);
  strictEqual(at(54), false);
  const sha512 = rsaHashByName("sha512");
  const into = (bytes: number, digest = 64) =>
    padForSignature(sha512, new Uint8Array(digest), new Uint8Array(bytes));
  strictEqual(into(64 + 19 + 11), true);
  strictEqual(into(64 + 19 + 10), false);
  strictEqual(into(256, 63), false);
  throws(() => rsaHashByName("md3"), RangeError);
});

Deno.test("signatureMatches() tells any changed byte", () => {
  const hash = rsaHashByName("sha256");
  const digest = new Uint8Array(32).fill(7);
  const recovered = new Uint8Array(128);
  padForSignature(hash, digest, recovered);
  strictEqual(signatureMatches(hash, digest, recovered), true);
  for (let i = 0; i < recovered.length; i++) {
    recovered[i]! ^= 0x10;
    strictEqual(signatureMatches(hash, digest, recovered), false);
    recovered[i]! ^= 0x10;
  }
  strictEqual(signatureMatches(hash, digest.subarray(1), recovered), false);
});

Deno.test("padForEncryption() and unpadEncryption() are inverse", () => {
  for (const messageBytes of [0, 1, 100, 117]) {
    const message = crypto.getRandomValues(new Uint8Array(messageBytes));
    const encoded = new Uint8Array(128);
    strictEqual(padForEncryption(message, encoded), true);
    strictEqual(encoded.subarray(2, 127 - messageBytes).includes(0), false);
    const { ok, start } = unpadEncryption(encoded);
    strictEqual(ok, true);
    deepStrictEqual(encoded.slice(start), message);
  }
  strictEqual(
    padForEncryption(new Uint8Array(118), new Uint8Array(128)),
    false,
  );
});

Deno.test("unpadEncryption() refuses every malformed encoding alike", () => {
  const refused = { ok: false, start: 64 };
  const firstByte = encoding(64, 5);
  firstByte[0] = 1;
  deepStrictEqual(unpadEncryption(firstByte), refused);
  const blockType = encoding(64, 5);
  blockType[1] = 1;
  deepStrictEqual(unpadEncryption(blockType), refused);
  const noSeparator = encoding(64, 5).fill(1, 2);
  deepStrictEqual(unpadEncryption(noSeparator), refused);
  deepStrictEqual(unpadEncryption(encoding(64, 54)), refused);
  deepStrictEqual(unpadEncryption(encoding(64, 61)), refused);
  deepStrictEqual(unpadEncryption(new Uint8Array(64)), refused);
  deepStrictEqual(unpadEncryption(new Uint8Array(10)), {
    ok: false,
    start: 10,
  });
  deepStrictEqual(unpadEncryption(encoding(64, 53)), { ok: true, start: 11 });
  deepStrictEqual(unpadEncryption(encoding(64, 0)), { ok: true, start: 64 });
});

Deno.test("unpadEncryption() takes the first separator", () => {
  const encoded = encoding(64, 20);
  encoded[60] = 0;
  deepStrictEqual(unpadEncryption(encoded), { ok: true, start: 44 });
});

Deno.test("no recovered number matches data that has no encoding, 0 least of all", () => {
  // What signature 0 recovers, and a room that nothing was written to.
  const zeros = new Uint8Array(128);
  const names = ["none", "md5", "sha1", "sha224", "sha256", "sha384", "sha512"];
  for (const name of names) {
    const hash = rsaHashByName(name);
    const { digestBytes, digestInfoPrefix } = hash;
    const tooLong = 128 - 11 - digestInfoPrefix.length + 1;
    const lengths = digestBytes === 0
      ? [tooLong, 128, 500]
      : [0, digestBytes - 1, digestBytes + 1, tooLong, 500];
    for (const lengthBytes of lengths) {
      const digest = new Uint8Array(lengthBytes);
      strictEqual(
        signatureMatches(hash, digest, zeros),
        false,
        `${name} of ${lengthBytes} bytes`,
      );
      // Nor is there one that fits a shorter modulus.
      strictEqual(signatureMatches(hash, digest, new Uint8Array(0)), false);
    }
    // A digest of the right length matches its own encoding alone.
    const digest = new Uint8Array(digestBytes || 20).fill(3);
    const encoded = new Uint8Array(128);
    strictEqual(padForSignature(hash, digest, encoded), true);
    strictEqual(signatureMatches(hash, digest, encoded), true);
    strictEqual(signatureMatches(hash, digest, zeros), false);
    for (let at = 0; at < encoded.length; at++) {
      const forged = encoded.slice();
      forged[at]! ^= 0x40;
      strictEqual(signatureMatches(hash, digest, forged), false, `byte ${at}`);
    }
  }
});
