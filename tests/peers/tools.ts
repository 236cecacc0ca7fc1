/**
 * Programs that use the kernel's driver: openssl's afalg engine, kcapi-tools,
 * cryptsetup, stress-ng and keyctl.
 *
 * @module
 */

import { generateKeyPairSync } from "node:crypto";
import type { Peer } from "./peer.ts";

const RSA_BITS = [1024, 2048, 4096];

function privateKey(modulusLength: number): Uint8Array<ArrayBuffer> {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength });
  const der = privateKey.export({ type: "pkcs8", format: "der" });
  return Uint8Array.from(der as Uint8Array);
}

export const TOOLS: Peer = {
  name: "tools",
  folder: "tools",
  image: {
    files: [
      "usr/bin/openssl",
      "usr/lib/x86_64-linux-gnu/engines-3/afalg.so",
      "usr/bin/kcapi-enc",
      "sbin/cryptsetup",
      "usr/bin/stress-ng",
      "bin/keyctl",
    ],
    get data() {
      return {
        "key.bin": Uint8Array.from({ length: 16 }, (_, index) => index),
        ...Object.fromEntries(
          RSA_BITS.map((bits) => [`keys/${bits}.der`, privateKey(bits)]),
        ),
      };
    },
    modules: [
      ...["virtio_crypto", "af_alg", "algif_skcipher", "algif_hash"],
      ...["algif_aead", "algif_rng", "pkcs8_key_parser", "crypto_user", "cbc"],
    ],
    script: "tools.sh",
  },
  deviceOptions: [],
  kernelWords: [],
  memoryMebibytes: 512,
  timeoutMs: 240_000,
  // stress-ng does not come to the device's algorithm each time.
  reaching: ["openssl", "kcapi", "cryptsetup", "keyctl"],
  passes: [
    ...["encrypt", "encrypt.right", "decrypt", "decrypt.right"]
      .flatMap((name) => [`openssl.${name}`, `kcapi.${name}`]),
    ...["openssl.speed", "openssl.speed.async", "stress-ng.af-alg"],
    ...[128, 256].map((bits) => `cryptsetup.benchmark.${bits}`),
    ...RSA_BITS.flatMap((bits) =>
      [
        ...["query", "decrypts", "encrypts-for-openssl"],
        ...["verifies", "signs-for-openssl", "rejects"],
      ].map((name) => `keyctl.${bits}.${name}`)
    ),
  ],
  ownFailures: {},
  // The script says everything in the harness's own form.
  read: () => new Map(),
};
