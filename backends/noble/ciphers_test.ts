import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import type { Direction } from "../../algorithms/session_description.ts";
import { OperationKind, OperationStatus } from "../backend.ts";
import type { Layout } from "../../conformance/operations.ts";
import {
  hex,
  LAYOUTS,
  ODD_LENGTHS,
  random,
  run,
} from "../../testing/noble_requests.ts";

function crypt(
  algorithm: string,
  direction: Direction,
  key: Uint8Array,
  iv: Uint8Array,
  source: Uint8Array,
  layout?: Layout,
) {
  return run(
    { service: "cipher", algorithm, direction, key },
    {
      kind: direction === "encrypt"
        ? OperationKind.Encrypt
        : OperationKind.Decrypt,
      iv,
      source,
      destinationBytes: source.length,
    },
    layout,
  );
}

/** SP 800-38A appendix F: plaintext and the key of each length. */
const PLAINTEXT = hex(
  "6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51",
);
const KEY_128 = hex("2b7e151628aed2a6abf7158809cf4f3c");
const KEY_192 = hex("8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b");
const KEY_256 = hex(
  "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
);
const IV = hex("000102030405060708090a0b0c0d0e0f");
const COUNTER = hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
const NONE = new Uint8Array(0);

interface KnownAnswer {
  readonly name: string;
  readonly algorithm: string;
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
  readonly plaintext: Uint8Array;
  readonly ciphertext: Uint8Array;
}

const KNOWN_ANSWERS: readonly KnownAnswer[] = [
  {
    name: "AES-128-ECB, SP 800-38A F.1.1",
    algorithm: "aes-ecb",
    key: KEY_128,
    iv: NONE,
    plaintext: PLAINTEXT,
    ciphertext: hex(
      "3ad77bb40d7a3660a89ecaf32466ef97 f5d3d58503b9699de785895a96fdbaaf",
    ),
  },
  {
    name: "AES-192-CBC, SP 800-38A F.2.3",
    algorithm: "aes-cbc",
    key: KEY_192,
    iv: IV,
    plaintext: PLAINTEXT,
    ciphertext: hex(
      "4f021db243bc633d7178183a9fa071e8 b4d9ada9ad7dedf4e5e738763f69145a",
    ),
  },
  {
    name: "AES-256-CTR, SP 800-38A F.5.5",
    algorithm: "aes-ctr",
    key: KEY_256,
    iv: COUNTER,
    plaintext: PLAINTEXT,
    ciphertext: hex(
      "601ec313775789a5b7a7f504bbf3d228 f443e3ca4d62b59aca84e990cacaf5c5",
    ),
  },
  {
    name: "AES-128-XTS, IEEE 1619 vector 2",
    algorithm: "aes-xts",
    key: hex("11".repeat(16) + "22".repeat(16)),
    iv: hex("3333333333" + "00".repeat(11)),
    plaintext: hex("44".repeat(32)),
    ciphertext: hex(
      "c454185e6a16936e39334038acef838bfb186fff7480adc4289382ecd6d394f0",
    ),
  },
  {
    name: "AES-128-XTS with stealing, IEEE 1619 vector 15",
    algorithm: "aes-xts",
    key: hex(
      "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0 bfbebdbcbbbab9b8b7b6b5b4b3b2b1b0",
    ),
    iv: hex("9a78563412" + "00".repeat(11)),
    plaintext: hex("000102030405060708090a0b0c0d0e0f10"),
    ciphertext: hex("6c1625db4671522d3d7599601de7ca09ed"),
  },
  {
    name: "AES-128 in f8 mode, RFC 3711 B.2",
    algorithm: "aes-f8",
    key: hex(
      "234829008467be186c3de14aae72d62c 32f2870d555555555555555555555555",
    ),
    iv: hex("006e5cba50681de55c621599d462564a"),
    plaintext: hex(
      "70736575646f72616e646f6d6e65737320697320746865206e65787420626573" +
        "74207468696e67",
    ),
    ciphertext: hex(
      "019ce7a26e7854014a6366aa95d4eefd1ad4172a14f9faf455b7f1d4b62bd08f" +
        "562c0eef7c4802",
    ),
  },
  {
    name: "3DES-ECB, SP 800-67 B.1",
    algorithm: "3des-ecb",
    key: hex("0123456789abcdef 23456789abcdef01 456789abcdef0123"),
    iv: NONE,
    plaintext: hex("5468652071756663 6b2062726f776e20 666f78206a756d70"),
    ciphertext: hex("a826fd8ce53b855f cce21c8112256fe6 68d5c05dd9b6b900"),
  },
];

for (const answer of KNOWN_ANSWERS) {
  Deno.test(`cipher gives the known answer: ${answer.name}`, () => {
    const { algorithm, key, iv, plaintext, ciphertext } = answer;
    const sealed = crypt(algorithm, "encrypt", key, iv, plaintext);
    strictEqual(sealed.status, OperationStatus.Ok);
    strictEqual(sealed.destination.toHex(), ciphertext.toHex());
    const opened = crypt(algorithm, "decrypt", key, iv, ciphertext);
    strictEqual(opened.destination.toHex(), plaintext.toHex());
  });
}

/** Catalogue name, key length, and node:crypto's name. */
const TWINS = [
  ["aes-ecb", 16, "aes-128-ecb"],
  ["aes-cbc", 16, "aes-128-cbc"],
  ["aes-cbc", 32, "aes-256-cbc"],
  ["aes-ctr", 24, "aes-192-ctr"],
  ["aes-ctr", 32, "aes-256-ctr"],
  ["3des-cbc", 24, "des-ede3-cbc"],
] as const;

const ivBytesOf = (algorithm: string) =>
  algorithm.endsWith("ecb") ? 0 : algorithm.startsWith("aes") ? 16 : 8;

for (const [algorithm, keyBytes, twin] of TWINS) {
  Deno.test(`${algorithm} agrees with node:crypto's ${twin} in every layout`, () => {
    for (const length of ODD_LENGTHS) {
      for (const layout of LAYOUTS) {
        const key = random.bytes(keyBytes);
        const iv = random.bytes(ivBytesOf(algorithm));
        const blockBytes = algorithm.endsWith("ctr") ? 1 : 16;
        const data = random.bytes(length - length % blockBytes);
        const cipher = createCipheriv(twin, key, iv.length ? iv : null);
        cipher.setAutoPadding(false);
        const expected = Buffer.concat([cipher.update(data), cipher.final()]);
        const sealed = crypt(algorithm, "encrypt", key, iv, data, layout);
        strictEqual(sealed.destination.toHex(), expected.toString("hex"));
        const opened = crypt(
          algorithm,
          "decrypt",
          key,
          iv,
          sealed.destination,
          layout,
        );
        deepStrictEqual(opened.destination, data);
      }
    }
  });
}

Deno.test("single DES is Triple DES with one key thrice", () => {
  const key = random.bytes(8);
  const data = random.bytes(64);
  const triple = new Uint8Array([...key, ...key, ...key]);
  const iv = random.bytes(8);
  for (const mode of ["ecb", "cbc"]) {
    const used = mode === "ecb" ? NONE : iv;
    deepStrictEqual(
      crypt(`des-${mode}`, "encrypt", key, used, data).destination,
      crypt(`3des-${mode}`, "encrypt", triple, used, data).destination,
    );
  }
});

Deno.test("3des-ctr is the counter's ECB, and its counter wraps", () => {
  const key = random.bytes(24);
  const data = random.bytes(37);
  const counters = hex(
    "fffffffffffffffe ffffffffffffffff 0000000000000000 0000000000000001" +
      "0000000000000002",
  );
  const pad = crypt("3des-ecb", "encrypt", key, NONE, counters).destination;
  const iv = counters.subarray(0, 8);
  deepStrictEqual(
    crypt("3des-ctr", "encrypt", key, iv, data).destination,
    data.map((byte, i) => byte ^ pad[i]!),
  );
});

Deno.test("AES-CTR's counter carries through all sixteen bytes", () => {
  const key = random.bytes(16);
  const iv = new Uint8Array(16).fill(0xff);
  const data = new Uint8Array(32);
  const cipher = createCipheriv("aes-128-ctr", key, iv);
  strictEqual(
    crypt("aes-ctr", "encrypt", key, iv, data).destination.toHex(),
    cipher.update(data).toString("hex"),
  );
});

Deno.test("XTS comes back from ciphertext stealing at every length", () => {
  for (const keyBytes of [32, 64]) {
    const key = random.bytes(keyBytes);
    const iv = random.bytes(16);
    for (let length = 16; length < 66; length++) {
      const data = random.bytes(length);
      const layout = random.pick(LAYOUTS);
      const sealed = crypt("aes-xts", "encrypt", key, iv, data, layout);
      deepStrictEqual(
        crypt("aes-xts", "decrypt", key, iv, sealed.destination, layout)
          .destination,
        data,
      );
    }
  }
});

Deno.test("a length or vector that a cipher cannot have fails, and writes nothing", () => {
  const key = random.bytes(32);
  const wrong = [
    ["aes-cbc", 16, 17],
    ["aes-cbc", 15, 16],
    ["aes-ctr", 8, 16],
    ["aes-xts", 16, 15],
    ["aes-ecb", 0, 1],
  ] as const;
  for (const [algorithm, ivBytes, length] of wrong) {
    const { status, destination } = crypt(
      algorithm,
      "encrypt",
      key,
      random.bytes(ivBytes),
      random.bytes(length),
    );
    strictEqual(status, OperationStatus.Failed, `${algorithm} ${length}`);
    strictEqual(destination.length, 0);
  }
});
