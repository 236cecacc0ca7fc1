import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { cbc, ctr, ecb } from "@noble/ciphers/aes.js";
import forge from "node-forge";
import { OperationStatus } from "../backend.ts";
import {
  counting,
  fromHex,
  LAYOUTS,
  opensslTest,
  randomBytes,
  runOnce,
  runRequest,
} from "../../testing/openssl_requests.ts";

const LENGTHS = [0, 1, 15, 16, 17, 31, 48, 511, 512, 1024, 4099, 65536];

type Reference = (
  key: Uint8Array,
  iv: Uint8Array,
  data: Uint8Array,
) => Uint8Array;

/** A cipher of forge, which does no padding here. */
const withForge = (name: string): Reference => (key, iv, data) => {
  const text = (bytes: Uint8Array) => String.fromCharCode(...bytes);
  const cipher = forge.cipher.createCipher(name, text(key));
  cipher.start({ iv: text(iv) });
  for (let at = 0; at < data.length; at += 4096) {
    cipher.update(
      forge.util.createBuffer(text(data.subarray(at, at + 4096))),
    );
  }
  cipher.finish(() => true);
  return Uint8Array.from(
    cipher.output.getBytes(),
    (character: string) => character.charCodeAt(0),
  );
};

/** SP 800-38A §6.5 by hand. */
const tripleDesCtr: Reference = (key, iv, data) => {
  const blocks = Math.ceil(data.length / 8);
  const counters = new DataView(new ArrayBuffer(8 * blocks));
  const first = new DataView(iv.buffer, iv.byteOffset).getBigUint64(0);
  for (let i = 0; i < blocks; i++) {
    counters.setBigUint64(8 * i, BigInt.asUintN(64, first + BigInt(i)));
  }
  const stream = withForge("3DES-ECB")(
    key,
    new Uint8Array(),
    new Uint8Array(counters.buffer),
  );
  return data.map((byte, i) => byte ^ stream[i]!);
};

const noPadding = { disablePadding: true };

const REFERENCES: Record<
  string,
  { keys: number[]; iv: number; block: number; reference: Reference }
> = {
  "aes-ecb": {
    keys: [16, 24, 32],
    iv: 0,
    block: 16,
    reference: (key, _iv, data) => ecb(key, noPadding).encrypt(data),
  },
  "aes-cbc": {
    keys: [16, 24, 32],
    iv: 16,
    block: 16,
    reference: (key, iv, data) => cbc(key, iv, noPadding).encrypt(data),
  },
  "aes-ctr": {
    keys: [16, 24, 32],
    iv: 16,
    block: 1,
    reference: (key, iv, data) => ctr(key, iv).encrypt(data),
  },
  "des-ecb": { keys: [8], iv: 0, block: 8, reference: withForge("DES-ECB") },
  "des-cbc": { keys: [8], iv: 8, block: 8, reference: withForge("DES-CBC") },
  "3des-ecb": { keys: [24], iv: 0, block: 8, reference: withForge("3DES-ECB") },
  "3des-cbc": { keys: [24], iv: 8, block: 8, reference: withForge("3DES-CBC") },
  "3des-ctr": { keys: [24], iv: 8, block: 1, reference: tripleDesCtr },
};

for (const [algorithm, entry] of Object.entries(REFERENCES)) {
  opensslTest(
    `${algorithm} is what another implementation computes, in every layout`,
    (thread) => {
      for (const keyBytes of entry.keys) {
        const key = randomBytes(keyBytes);
        const description = { service: "cipher", algorithm, key } as const;
        const encrypt = thread.openSession({
          ...description,
          direction: "encrypt",
        });
        const decrypt = thread.openSession({
          ...description,
          direction: "decrypt",
        });
        for (const length of LENGTHS) {
          const data = randomBytes(length - length % entry.block);
          const iv = randomBytes(entry.iv);
          // The last 32 bits of a counter carry over into the ones before.
          if (length % 2 === 1 && entry.iv > 4) iv.fill(0xff, entry.iv - 4);
          const expected = data.length === 0
            ? data
            : entry.reference(key, iv, data);
          for (const layout of LAYOUTS) {
            const sealed = runRequest(thread, encrypt, {
              source: data,
              iv,
              layout,
            });
            strictEqual(sealed.status, OperationStatus.Ok);
            strictEqual(sealed.writtenBytes, data.length);
            deepStrictEqual(
              sealed.destination,
              expected,
              `${layout} ${length}`,
            );
            const source = expected;
            const opened = runRequest(thread, decrypt, { source, iv, layout });
            deepStrictEqual(opened.destination, data, `${layout} ${length}`);
          }
        }
      }
    },
  );
}

interface KnownAnswer {
  readonly algorithm: string;
  readonly source: string;
  readonly key: string;
  readonly iv?: string;
  readonly plain: string;
  readonly sealed: string;
}

const KNOWN_ANSWERS: readonly KnownAnswer[] = [
  {
    algorithm: "aes-xts",
    source: "IEEE 1619 vector 2",
    key: "11".repeat(16) + "22".repeat(16),
    iv: "33333333330000000000000000000000",
    plain: "44".repeat(32),
    sealed: "c454185e6a16936e39334038acef838bfb186fff7480adc4289382ecd6d394f0",
  },
  {
    algorithm: "arc4",
    source: "RFC 6229 §2, 40-bit key",
    key: "0102030405",
    plain: "00".repeat(32),
    sealed: "b2396305f03dc027ccc3524a0a1118a86982944f18fc82d589c403a47a0d0919",
  },
  {
    algorithm: "des-ecb",
    source: "NIST SP 800-17 table A.1",
    key: "0101010101010101",
    plain: "8000000000000000",
    sealed: "95f8a5e5dd31d900",
  },
  {
    algorithm: "aes-cbc",
    source: "NIST SP 800-38A F.2.1",
    key: "2b7e151628aed2a6abf7158809cf4f3c",
    iv: "000102030405060708090a0b0c0d0e0f",
    plain: "6bc1bee22e409f96e93d7e117393172a",
    sealed: "7649abac8119b246cee98e9b12e9197d",
  },
  {
    algorithm: "aes-f8",
    source: "RFC 3711 §B.1",
    key: "234829008467be186c3de14aae72d62c32f2870d" + "55".repeat(12),
    iv: "006e5cba50681de55c621599d462564a",
    plain: "70736575646f72616e646f6d6e657373206973207468652" +
      "06e6578742062657374207468696e67",
    sealed: "019ce7a26e7854014a6366aa95d4eefd1ad4172a14f9faf" +
      "455b7f1d4b62bd08f562c0eef7c4802",
  },
];

for (const known of KNOWN_ANSWERS) {
  opensslTest(
    `${known.algorithm} gives the answer of ${known.source}`,
    (thread) => {
      const { algorithm } = known;
      const key = fromHex(known.key);
      const iv = fromHex(known.iv ?? "");
      for (const layout of LAYOUTS) {
        const sealed = runOnce(
          thread,
          { service: "cipher", algorithm, key, direction: "encrypt" },
          { source: fromHex(known.plain), iv, layout },
        );
        strictEqual(sealed.destination.toHex(), known.sealed, layout);
        const opened = runOnce(
          thread,
          { service: "cipher", algorithm, key, direction: "decrypt" },
          { source: fromHex(known.sealed), iv, layout },
        );
        strictEqual(opened.destination.toHex(), known.plain, layout);
      }
    },
  );
}

for (
  const [algorithm, keyBytes, ivBytes] of [
    ["aes-xts", 64, 16],
    ["aes-f8", 64, 16],
    ["aes-f8", 48, 16],
    ["arc4", 256, 0],
    ["arc4", 1, 0],
  ] as const
) {
  opensslTest(
    `${algorithm} with ${keyBytes}-byte keys opens what it sealed, over and over`,
    (thread) => {
      const key = randomBytes(keyBytes);
      const encrypt = thread.openSession({
        service: "cipher",
        algorithm,
        key,
        direction: "encrypt",
      });
      const decrypt = thread.openSession({
        service: "cipher",
        algorithm,
        key,
        direction: "decrypt",
      });
      for (const length of [0, 16, 17, 513, 5000]) {
        const data = randomBytes(length);
        const iv = randomBytes(ivBytes);
        const first = runRequest(thread, encrypt, { source: data, iv });
        if (length > 0) {
          strictEqual(first.destination.toHex() === data.toHex(), false);
        }
        for (const layout of LAYOUTS) {
          const sealed = runRequest(thread, encrypt, {
            source: data,
            iv,
            layout,
          });
          deepStrictEqual(sealed.destination, first.destination, layout);
          const source = sealed.destination;
          const opened = runRequest(thread, decrypt, { source, iv, layout });
          deepStrictEqual(opened.destination, data, layout);
        }
      }
    },
  );
}

opensslTest(
  "a cipher fails for lengths and IVs that it cannot have",
  (thread) => {
    const fails = (
      algorithm: string,
      keyBytes: number,
      ivBytes: number,
      length: number,
    ) => {
      const answer = runOnce(
        thread,
        {
          service: "cipher",
          algorithm,
          key: counting(keyBytes),
          direction: "encrypt",
        },
        { source: new Uint8Array(length), iv: new Uint8Array(ivBytes) },
      );
      strictEqual(answer.status, OperationStatus.Failed);
      strictEqual(answer.writtenBytes, 0);
    };
    fails("aes-cbc", 16, 16, 17);
    fails("aes-cbc", 16, 12, 16);
    fails("aes-xts", 32, 16, 15);
    fails("3des-ecb", 24, 0, 12);
    const shorter = runOnce(
      thread,
      {
        service: "cipher",
        algorithm: "aes-ctr",
        key: counting(16),
        direction: "encrypt",
      },
      {
        source: new Uint8Array(16),
        iv: new Uint8Array(16),
        destinationBytes: 15,
      },
    );
    strictEqual(shorter.status, OperationStatus.Failed);
  },
);

opensslTest(
  "openSession() throws for what libcrypto does not have",
  (thread) => {
    throws(() =>
      thread.openSession({
        service: "cipher",
        algorithm: "zuc-eea3",
        key: counting(16),
        direction: "encrypt",
      }), /zuc-eea3/);
  },
);
