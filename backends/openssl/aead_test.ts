import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { ecb, gcm } from "@noble/ciphers/aes.js";
import { ghash } from "@noble/ciphers/_polyval.js";
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { AEADS } from "../../algorithms/catalogue.ts";
import { OperationStatus } from "../backend.ts";
import {
  counting,
  fromHex,
  type Layout,
  LAYOUTS,
  opensslTest,
  randomBytes,
  runOnce,
  runRequest,
} from "../../testing/openssl_requests.ts";

interface Message {
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
  readonly additionalData: Uint8Array;
  readonly data: Uint8Array;
}

/** Ciphertext and full tag. */
type Reference = (message: Message) => Uint8Array;

const withGcm: Reference = ({ key, iv, additionalData, data }) =>
  gcm(key, iv, additionalData).encrypt(data);

const withChaCha: Reference = ({ key, iv, additionalData, data }) =>
  chacha20poly1305(key, iv, additionalData).encrypt(data);

/** NIST SP 800-38D §7.1 from J0 on, block by block. */
const withJ0: Reference = ({ key, iv, additionalData, data }) => {
  const encipher = (bytes: Uint8Array) =>
    ecb(key, { disablePadding: true }).encrypt(bytes);
  const padded = (bytes: Uint8Array) => {
    const whole = new Uint8Array(Math.ceil(bytes.length / 16) * 16);
    whole.set(bytes);
    return whole;
  };
  const counters = new Uint8Array(16 * (Math.ceil(data.length / 16) + 1));
  for (let at = 0; at < counters.length; at += 16) {
    counters.set(iv, at);
    const view = new DataView(counters.buffer, at);
    view.setUint32(12, (view.getUint32(12) + at / 16) >>> 0);
  }
  const stream = encipher(counters);
  const sealed = data.map((byte, i) => byte ^ stream[16 + i]!);
  const lengths = new Uint8Array(16);
  const view = new DataView(lengths.buffer);
  view.setUint32(4, 8 * additionalData.length);
  view.setUint32(12, 8 * sealed.length);
  const hash = ghash.create(encipher(new Uint8Array(16)));
  if (additionalData.length > 0) hash.update(padded(additionalData));
  if (sealed.length > 0) hash.update(padded(sealed));
  const tag = hash.update(lengths).digest();
  const result = new Uint8Array(sealed.length + 16);
  result.set(sealed);
  result.set(tag.map((byte, i) => byte ^ stream[i]!), sealed.length);
  return result;
};

const CASES: readonly {
  name: string;
  algorithm: string;
  keys: number[];
  iv: () => Uint8Array;
  reference: Reference;
}[] = [
  {
    name: "gcm",
    algorithm: "gcm",
    keys: [16, 24, 32],
    iv: () => randomBytes(12),
    reference: withGcm,
  },
  {
    name: "gcm with J0",
    algorithm: "gcm",
    keys: [16, 24, 32],
    iv: () => randomBytes(16),
    reference: withJ0,
  },
  {
    name: "gcm with a J0 whose counter wraps",
    algorithm: "gcm",
    keys: [16],
    iv: () => fromHex("ff".repeat(15) + "f8"),
    reference: withJ0,
  },
  {
    name: "gcm with a J0 that wraps at once",
    algorithm: "gcm",
    keys: [16],
    iv: () => fromHex("ff".repeat(16)),
    reference: withJ0,
  },
  {
    name: "chacha20-poly1305",
    algorithm: "chacha20-poly1305",
    keys: [32],
    iv: () => randomBytes(12),
    reference: withChaCha,
  },
];

const SIZES = [[0, 0], [0, 20], [1, 0], [16, 16], [63, 13], [700, 1100], [
  16385,
  33,
], [65537, 5000]] as const;

for (const { name, algorithm, keys, iv: makeIv, reference } of CASES) {
  opensslTest(
    `${name} is what another implementation computes, in every layout`,
    (thread) => {
      for (const keyBytes of keys) {
        const key = randomBytes(keyBytes);
        const tagBytes = keyBytes === 24 ? 12 : 16;
        const common = { service: "aead", algorithm, key, tagBytes } as const;
        const encrypt = thread.openSession({ ...common, direction: "encrypt" });
        const decrypt = thread.openSession({ ...common, direction: "decrypt" });
        for (const [length, additionalBytes] of SIZES) {
          const data = randomBytes(length);
          const additionalData = randomBytes(additionalBytes);
          const iv = makeIv();
          const expected = reference({ key, iv, additionalData, data });
          for (const layout of LAYOUTS) {
            const request = { iv, additionalData, layout };
            const sealed = runRequest(thread, encrypt, {
              ...request,
              source: data,
              digestBytes: tagBytes,
            });
            strictEqual(sealed.status, OperationStatus.Ok);
            deepStrictEqual(
              sealed.destination,
              expected.slice(0, length),
              layout,
            );
            const tag = expected.slice(length, length + tagBytes);
            deepStrictEqual(sealed.digest, tag, layout);
            const opened = runRequest(thread, decrypt, {
              ...request,
              source: sealed.destination,
              digest: tag,
            });
            strictEqual(opened.status, OperationStatus.Ok);
            strictEqual(opened.writtenBytes, length);
            deepStrictEqual(opened.destination, data, layout);
          }
        }
      }
    },
  );
}

opensslTest("ccm gives the answer of RFC 3610 packet vector 1", (thread) => {
  const plain = counting(23, 8).toHex();
  const sealed = "588c979a61c663d2f066d0c2c0f989806d5f6b61dac384";
  for (const layout of LAYOUTS) {
    const common = {
      service: "aead",
      algorithm: "ccm",
      key: counting(16, 0xc0),
      tagBytes: 8,
    } as const;
    const request = {
      iv: fromHex("00000003020100a0a1a2a3a4a5"),
      additionalData: counting(8),
      layout,
    };
    const encrypted = runOnce(thread, { ...common, direction: "encrypt" }, {
      ...request,
      source: fromHex(plain),
      digestBytes: 8,
    });
    strictEqual(encrypted.destination.toHex(), sealed, layout);
    strictEqual(encrypted.digest.toHex(), "17e8d12cfdf926e0", layout);
    const decrypted = runOnce(thread, { ...common, direction: "decrypt" }, {
      ...request,
      source: fromHex(sealed),
      digest: encrypted.digest,
    });
    strictEqual(decrypted.destination.toHex(), plain, layout);
  }
});

opensslTest(
  "ccm takes nonces of 7 to 13 bytes in any order on one session",
  (thread) => {
    for (const { tagBytes } of AEADS.filter(({ name }) => name === "ccm")) {
      for (const tag of tagBytes) {
        const common = {
          service: "aead",
          algorithm: "ccm",
          key: randomBytes(tag === 16 ? 24 : 32),
          tagBytes: tag,
        } as const;
        const encrypt = thread.openSession({ ...common, direction: "encrypt" });
        const decrypt = thread.openSession({ ...common, direction: "decrypt" });
        for (const nonceBytes of [13, 7, 12, 12, 8, 11, 13]) {
          for (const [length, additionalBytes] of SIZES) {
            if (length > 0xffff) continue;
            const iv = randomBytes(nonceBytes);
            const additionalData = randomBytes(additionalBytes);
            const source = randomBytes(length);
            const layout = LAYOUTS[(length + nonceBytes) % LAYOUTS.length]!;
            const request = { iv, additionalData, layout };
            const digestBytes = tag;
            const sealed = runRequest(thread, encrypt, {
              ...request,
              source,
              digestBytes,
            });
            strictEqual(sealed.status, OperationStatus.Ok);
            const fresh = runOnce(
              thread,
              { ...common, direction: "encrypt" },
              { iv, additionalData, source, digestBytes },
            );
            deepStrictEqual(sealed.destination, fresh.destination);
            deepStrictEqual(sealed.digest, fresh.digest);
            const opened = runRequest(thread, decrypt, {
              ...request,
              source: sealed.destination,
              digest: sealed.digest,
            });
            strictEqual(opened.status, OperationStatus.Ok);
            deepStrictEqual(opened.destination, source);
          }
        }
      }
    }
  },
);

const REFUSALS: readonly [name: string, algorithm: string, ivBytes: number][] =
  [
    ["gcm", "gcm", 12],
    ["gcm with J0", "gcm", 16],
    ["ccm", "ccm", 11],
    ["chacha20-poly1305", "chacha20-poly1305", 12],
  ];

for (const [name, algorithm, ivBytes] of REFUSALS) {
  opensslTest(`${name} leaves no plaintext when the tag is wrong`, (thread) => {
    const key = randomBytes(32);
    const iv = randomBytes(ivBytes);
    const common = { service: "aead", algorithm, key, tagBytes: 16 } as const;
    const encrypt = thread.openSession({ ...common, direction: "encrypt" });
    const decrypt = thread.openSession({ ...common, direction: "decrypt" });
    const additionalData = randomBytes(20);
    for (const length of [0, 1, 64, 4099]) {
      const source = randomBytes(length);
      const sealed = runRequest(thread, encrypt, {
        source,
        iv,
        additionalData,
        digestBytes: 16,
      });
      const open = (digest: Uint8Array, added: Uint8Array, layout: Layout) =>
        runRequest(thread, decrypt, {
          source: sealed.destination,
          iv,
          additionalData: added,
          digest,
          layout,
        });
      for (let at = 0; at < 16; at++) {
        const forged = sealed.digest.slice();
        forged[at]! ^= 0x80;
        const { status } = open(forged, additionalData, "contiguous");
        strictEqual(status, OperationStatus.BadTag, `byte ${at} of the tag`);
      }
      for (const layout of LAYOUTS) {
        // Such results are not the backend's to wipe.
        if (layout.startsWith("overlapping")) continue;
        const wrongTag = sealed.digest.slice();
        wrongTag[15]! ^= 1;
        const refused = open(wrongTag, additionalData, layout);
        strictEqual(refused.status, OperationStatus.BadTag);
        strictEqual(refused.writtenBytes, 0);
        deepStrictEqual(refused.destination, new Uint8Array(length), layout);
        const wrongData = open(sealed.digest, randomBytes(20), layout);
        strictEqual(wrongData.status, OperationStatus.BadTag);
        const right = open(sealed.digest, additionalData, layout);
        strictEqual(right.status, OperationStatus.Ok);
        deepStrictEqual(right.destination, source, layout);
      }
    }
  });
}

opensslTest(
  "ccm fails where the nonce leaves no room for the length",
  (thread) => {
    const session = thread.openSession({
      service: "aead",
      algorithm: "ccm",
      key: randomBytes(16),
      tagBytes: 16,
      direction: "encrypt",
    });
    const run = (length: number) =>
      runRequest(thread, session, {
        source: new Uint8Array(length),
        iv: randomBytes(13),
        digestBytes: 16,
      }).status;
    strictEqual(run(65536), OperationStatus.Failed);
    strictEqual(run(65535), OperationStatus.Ok);
  },
);
