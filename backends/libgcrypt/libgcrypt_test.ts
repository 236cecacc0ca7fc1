import {
  deepStrictEqual,
  match,
  strictEqual,
  throws,
} from "node:assert/strict";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import { OperationKind, OperationStatus } from "../backend.ts";
import { assertWiped } from "../../testing/key_search.ts";
import {
  counting,
  fromHex,
  LAYOUTS,
  randomBytes,
  runOnce,
  testsOf,
} from "../../testing/backend_requests.ts";
import { multiplyInField } from "../primitives/gcm_j0.ts";
import libgcrypt from "./libgcrypt.ts";

const libgcryptTest = testsOf(libgcrypt);

const gmacTwofish = (key: Uint8Array, resultBytes = 16) => ({
  service: "mac" as const,
  algorithm: "gmac-twofish",
  key,
  resultBytes,
});

/**
 * Computed with LibTomCrypt (CryptX 0.077), which shares no code with libgcrypt:
 * GCM over Twofish without data. No standard publishes any.
 */
const GMAC_TWOFISH_ANSWERS = [
  {
    key: "00".repeat(16),
    iv: "00".repeat(12),
    message: "",
    tag: "ca737ff1fd0fe5b8e41e90358a5f2cb1",
  },
  {
    key: counting(16).toHex(),
    iv: counting(12, 0xa0).toHex(),
    message: counting(16).toHex(),
    tag: "cb2d605e47dafec7a4b524ef5a2b764f",
  },
  {
    key: counting(32).toHex(),
    iv: counting(12, 0xb0).toHex(),
    message: counting(45).toHex(),
    tag: "7b20b3183596a234b94e9c57aa272525",
  },
  {
    key: counting(32).toHex(),
    iv: "ff".repeat(12),
    message: "5a".repeat(100),
    tag: "ce6d36b5d0604ed42b89a74e26178b28",
  },
];

libgcryptTest("GMAC-Twofish is as LibTomCrypt computes it", (thread) => {
  for (const { key, iv, message, tag } of GMAC_TWOFISH_ANSWERS) {
    for (const layout of LAYOUTS) {
      const answer = runOnce(thread, gmacTwofish(fromHex(key)), {
        kind: OperationKind.Digest,
        source: fromHex(iv + message),
        destinationBytes: 0,
        digestBytes: 16,
        layout,
      });
      strictEqual(answer.status, OperationStatus.Ok);
      strictEqual(answer.digest.toHex(), tag, layout);
    }
  }
});

libgcryptTest("GMAC-Twofish differs by GHASH alone under one IV", (thread) => {
  const key = randomBytes(32);
  const iv = randomBytes(12);
  const tagOf = (message: Uint8Array) =>
    runOnce(thread, gmacTwofish(key), {
      kind: OperationKind.Digest,
      source: Uint8Array.of(...iv, ...message),
      destinationBytes: 0,
      digestBytes: 16,
    }).digest;
  const xor = (a: Uint8Array, b: Uint8Array) => a.map((n, i) => n ^ b[i]!);
  // With X and Y of one block, T(X) ^ T(Y) = (X ^ Y) * H^2, which is linear.
  const [x, y, z] = [randomBytes(16), randomBytes(16), randomBytes(16)];
  const sum = tagOf(xor(xor(x, y), z));
  deepStrictEqual(sum, xor(xor(tagOf(x), tagOf(y)), tagOf(z)));
  // X * x, a shift in the field, is the same shift of the difference.
  const shift = new Uint8Array(new ArrayBuffer(16));
  shift[0] = 0x40;
  const shifted = xor(x, y) as Uint8Array<ArrayBuffer>;
  multiplyInField(shifted, shift);
  const difference = xor(tagOf(x), tagOf(y)) as Uint8Array<ArrayBuffer>;
  multiplyInField(difference, shift);
  deepStrictEqual(xor(tagOf(shifted), tagOf(new Uint8Array(16))), difference);
});

libgcryptTest("a GMAC request shorter than its IV fails", (thread) => {
  const { status } = runOnce(thread, gmacTwofish(counting(16)), {
    kind: OperationKind.Digest,
    source: counting(11),
    destinationBytes: 0,
    digestBytes: 16,
  });
  strictEqual(status, OperationStatus.Failed);
});

libgcryptTest("keys that DES calls weak are taken", (thread) => {
  const answer = runOnce(thread, {
    service: "cipher",
    algorithm: "des-ecb",
    direction: "encrypt",
    key: new Uint8Array(8),
  }, { source: new Uint8Array(8) });
  strictEqual(answer.destination.toHex(), "8ca64de9c1b123a7");
});

libgcryptTest("probe() offers what libgcrypt has and says why not", () => {
  const probe = libgcrypt.probe({});
  strictEqual(probe.ready, true);
  match(probe.version, /^libgcrypt 1\.\d+\.\d+/);
  match(probe.library!, /^(\/.*\/)?libgcrypt\.so\.20(\.[\d.]+)?$/);
  const offerOf = (name: string) =>
    probe.offers.find(({ algorithm }) => algorithm === name);
  deepStrictEqual(offerOf("mac.gmac-twofish")?.keyBytes, [16, 32]);
  strictEqual(offerOf("cipher.arc4")?.keyBytes?.[0], 5);
  match(probe.notOffered["akcipher.rsa"]!, /only in locked memory/);
});

Deno.test("probe() names a libgcrypt that is missing", () => {
  for (const library of ["/nowhere/libgcrypt.so.20", "libc.so.6"]) {
    const probe = libgcrypt.probe({ library });
    strictEqual(probe.ready, false);
    deepStrictEqual(probe.offers, []);
    match(probe.missing[0]!.what, new RegExp(library));
    match(probe.missing[0]!.remedy, /libgcrypt/);
    throws(() => libgcrypt.open({ library }));
  }
});

libgcryptTest(
  "openSession() throws for key lengths that it lacks",
  (thread) => {
    throws(
      () => thread.openSession(gmacTwofish(counting(24))),
      /key of 24 bytes/,
    );
    throws(() =>
      thread.openSession({
        service: "cipher",
        algorithm: "arc4",
        direction: "encrypt",
        key: counting(4),
      })
    );
  },
);

const encrypt = { direction: "encrypt", tagBytes: 16 } as const;

/** Sessions that keep a key of 32 bytes as it is while they are open. */
const withKey = (key: Uint8Array): SessionDescription[] => [
  { service: "cipher", algorithm: "aes-cbc", ...encrypt, key },
  { service: "cipher", algorithm: "aes-f8", ...encrypt, key },
  { service: "cipher", algorithm: "arc4", ...encrypt, key },
  { service: "aead", algorithm: "gcm", ...encrypt, key },
  { service: "aead", algorithm: "ccm", ...encrypt, key },
  { service: "aead", algorithm: "chacha20-poly1305", ...encrypt, key },
  { service: "mac", algorithm: "hmac-sha256", key, resultBytes: 32 },
  { service: "mac", algorithm: "cmac-aes", key, resultBytes: 16 },
  gmacTwofish(key),
];

libgcryptTest(
  "no key is left in memory when its sessions are closed",
  (thread) => assertWiped(thread, 32, withKey),
);
