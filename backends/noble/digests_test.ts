import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { createCipheriv, createHash, createHmac } from "node:crypto";
import { HASHES } from "../../algorithms/catalogue.ts";
import { OperationKind, OperationStatus } from "../backend.ts";
import type { Layout } from "../../conformance/operations.ts";
import {
  hex,
  LAYOUTS,
  ODD_LENGTHS,
  random,
  run,
} from "../../testing/noble_requests.ts";

function hash(
  algorithm: string,
  resultBytes: number,
  source: Uint8Array,
  layout?: Layout,
) {
  return run(
    { service: "hash", algorithm, resultBytes },
    { kind: OperationKind.Digest, source, digestBytes: resultBytes },
    layout,
  ).digest;
}

function mac(
  algorithm: string,
  key: Uint8Array,
  resultBytes: number,
  source: Uint8Array,
  layout?: Layout,
) {
  return run(
    { service: "mac", algorithm, key, resultBytes },
    { kind: OperationKind.Digest, source, digestBytes: resultBytes },
    layout,
  );
}

/** The digests of "abc" (RFC 1321 §A.5, FIPS 180-4 and FIPS 202 examples). */
const ABC: Readonly<Record<string, string>> = {
  "md5": "900150983cd24fb0d6963f7d28e17f72",
  "sha1": "a9993e364706816aba3e25717850c26c9cd0d89d",
  "sha224": "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7",
  "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  "sha3-256":
    "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",
};

Deno.test("hashes of abc are the published ones", () => {
  for (const [name, expected] of Object.entries(ABC)) {
    strictEqual(
      hash(name, expected.length / 2, new TextEncoder().encode("abc")).toHex(),
      expected,
    );
  }
});

for (const { name, digestBytes } of HASHES) {
  Deno.test(`${name} agrees with node:crypto in every layout, cut short too`, () => {
    const lengths = name.startsWith("shake")
      ? [1, digestBytes, 500, 65536]
      : [1, 12, digestBytes];
    for (const length of [...ODD_LENGTHS, 135, 136, 137, 168, 200_000]) {
      const data = random.bytes(length);
      const layout = length > 5000 ? LAYOUTS[1]! : random.pick(LAYOUTS);
      for (const outputLength of lengths) {
        const options = name.startsWith("shake") ? { outputLength } : {};
        strictEqual(
          hash(name, outputLength, data, layout).toHex(),
          createHash(name, options).update(data).digest()
            .subarray(0, outputLength).toString("hex"),
        );
      }
    }
  });
}

Deno.test("HMAC agrees with node:crypto for short, block-long and long keys", () => {
  const names = ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"];
  for (const name of names) {
    for (const keyBytes of [1, 20, 64, 65, 128, 129, 1024]) {
      const key = random.bytes(keyBytes);
      const data = random.bytes(random.pick(ODD_LENGTHS));
      const expected = createHmac(name, key).update(data).digest("hex");
      const full = expected.length / 2;
      const layout = random.pick(LAYOUTS);
      const whole = mac(`hmac-${name}`, key, full, data, layout).digest;
      strictEqual(whole.toHex(), expected);
      const cut = mac(`hmac-${name}`, key, 10, data, layout).digest;
      strictEqual(cut.toHex(), expected.slice(0, 20));
    }
  }
});

/** SP 800-38A's plaintext, which SP 800-38B uses too. */
const TEXT = hex(
  "6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51" +
    "30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710",
);
const COUNT_KEY = hex("000102030405060708090a0b0c0d0e0f");

/** Algorithm, key, first bytes of a text, code. */
const KNOWN_MACS: readonly [string, string, Uint8Array, string][] = [
  // RFC 4493 §4
  [
    "cmac-aes",
    "2b7e151628aed2a6abf7158809cf4f3c",
    TEXT.subarray(0, 0),
    "bb1d6929e95937287fa37d129b756746",
  ],
  [
    "cmac-aes",
    "2b7e151628aed2a6abf7158809cf4f3c",
    TEXT.subarray(0, 16),
    "070a16b46b4d4144f79bdd9dd04a287c",
  ],
  [
    "cmac-aes",
    "2b7e151628aed2a6abf7158809cf4f3c",
    TEXT.subarray(0, 40),
    "dfa66747de9ae63030ca32611497c827",
  ],
  // SP 800-38B §D.3
  [
    "cmac-aes",
    "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
    TEXT,
    "e1992190549f6ed5696a2c056c315410",
  ],
  // SP 800-38B §D.4
  [
    "cmac-3des",
    "8aa83bf8cbda10620bc1bf19fbb6cd58bc313d4a371ca8b5",
    TEXT.subarray(0, 0),
    "b7a688e122ffaf95",
  ],
  [
    "cmac-3des",
    "8aa83bf8cbda10620bc1bf19fbb6cd58bc313d4a371ca8b5",
    TEXT.subarray(0, 8),
    "8e8f293136283797",
  ],
  [
    "cmac-3des",
    "8aa83bf8cbda10620bc1bf19fbb6cd58bc313d4a371ca8b5",
    TEXT.subarray(0, 20),
    "743ddbe0ce2dc2ed",
  ],
  // RFC 3566 §4.6
  [
    "xcbc-aes",
    COUNT_KEY.toHex(),
    COUNT_KEY.subarray(0, 0),
    "75f0251d528ac01c4573dfd584d79f29",
  ],
  [
    "xcbc-aes",
    COUNT_KEY.toHex(),
    COUNT_KEY.subarray(0, 3),
    "5b376580ae2f19afe7219ceef172756f",
  ],
  [
    "xcbc-aes",
    COUNT_KEY.toHex(),
    COUNT_KEY,
    "d2a246fa349b68a79998a4394ff7a263",
  ],
];

Deno.test("block-cipher MACs give the known answers in every layout", () => {
  for (const [algorithm, key, text, expected] of KNOWN_MACS) {
    for (const layout of LAYOUTS) {
      const { status, digest } = mac(
        algorithm,
        hex(key),
        expected.length / 2,
        text,
        layout,
      );
      strictEqual(status, OperationStatus.Ok);
      strictEqual(digest.toHex(), expected, `${algorithm} ${text.length}`);
    }
  }
});

Deno.test("CBC-MAC is the last block of CBC, and takes whole blocks only", () => {
  const key = random.bytes(32);
  for (const blocks of [1, 2, 7]) {
    const data = random.bytes(16 * blocks);
    const cipher = createCipheriv("aes-256-cbc", key, new Uint8Array(16));
    const expected = cipher.update(data).subarray(-16).toString("hex");
    strictEqual(
      mac("cbcmac-aes", key, 16, data, LAYOUTS[2]).digest.toHex(),
      expected,
    );
  }
  for (const length of [1, 15, 17]) {
    const { status } = mac("cbcmac-aes", key, 16, random.bytes(length));
    strictEqual(status, OperationStatus.Failed);
  }
  deepStrictEqual(
    mac("cbcmac-aes", key, 16, new Uint8Array(0)).digest,
    new Uint8Array(16),
  );
});

Deno.test("GMAC is GCM's tag over what follows the vector", () => {
  const key = random.bytes(16);
  for (const length of ODD_LENGTHS) {
    const iv = random.bytes(12);
    const data = random.bytes(length);
    const cipher = createCipheriv("aes-128-gcm", key, iv);
    cipher.setAAD(data);
    cipher.final();
    const { digest } = mac(
      "gmac-aes",
      key,
      16,
      new Uint8Array([...iv, ...data]),
      random.pick(LAYOUTS),
    );
    strictEqual(digest.toHex(), cipher.getAuthTag().toString("hex"));
  }
  const { status } = mac("gmac-aes", key, 16, random.bytes(11));
  strictEqual(status, OperationStatus.Failed);
});
