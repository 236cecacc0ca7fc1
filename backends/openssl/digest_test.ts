import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { cbc, gcm } from "@noble/ciphers/aes.js";
import { HASHES } from "../../algorithms/catalogue.ts";
import { OperationStatus } from "../backend.ts";
import { CryptoLibrary } from "./library.ts";
import { OpensslPrimitives } from "./openssl.ts";
import { readOpensslOptions } from "./options.ts";
import {
  counting,
  fromHex,
  LAYOUTS,
  opensslTest,
  randomBytes,
  runOnce,
  runRequest,
} from "../../testing/openssl_requests.ts";

const LENGTHS = [0, 1, 55, 64, 111, 136, 1025, 65537];

for (const { name, digestBytes } of HASHES) {
  opensslTest(`${name} is what another implementation computes`, (thread) => {
    const isExtendable = name.startsWith("shake");
    const lengths = isExtendable ? [1, 16, 200, 4999, 65536] : [1, digestBytes];
    for (const resultBytes of lengths) {
      const session = thread.openSession({
        service: "hash",
        algorithm: name,
        resultBytes,
      });
      for (const length of LENGTHS) {
        const source = randomBytes(length);
        const reference = createHash(
          name,
          isExtendable ? { outputLength: resultBytes } : {},
        ).update(source).digest();
        const layout = LAYOUTS[length % LAYOUTS.length]!;
        const answer = runRequest(thread, session, {
          source,
          digestBytes: resultBytes,
          destinationBytes: 0,
          layout,
        });
        strictEqual(answer.status, OperationStatus.Ok);
        strictEqual(answer.writtenBytes, 0);
        strictEqual(
          answer.digest.toHex(),
          reference.subarray(0, resultBytes).toString("hex"),
        );
      }
    }
  });
}

for (const hash of ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"]) {
  opensslTest(
    `hmac-${hash} is what another implementation computes`,
    (thread) => {
      for (const keyBytes of [1, 20, 64, 129, 1024]) {
        const key = randomBytes(keyBytes);
        const session = thread.openSession({
          service: "mac",
          algorithm: `hmac-${hash}`,
          key,
          resultBytes: 12,
        });
        for (const length of LENGTHS) {
          const source = randomBytes(length);
          const layout = LAYOUTS[length % LAYOUTS.length]!;
          const answer = runRequest(thread, session, {
            source,
            digestBytes: 12,
            destinationBytes: 0,
            layout,
          });
          const expected = createHmac(hash, key).update(source).digest("hex");
          strictEqual(answer.digest.toHex(), expected.slice(0, 24));
        }
      }
    },
  );
}

interface KnownMac {
  readonly algorithm: string;
  readonly from: string;
  readonly key: string;
  readonly answers: readonly (readonly [message: string, code: string])[];
}

const SP_800_38_MESSAGE = "6bc1bee22e409f96e93d7e117393172a" +
  "ae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411";

const KNOWN_MACS: readonly KnownMac[] = [
  {
    algorithm: "cmac-aes",
    from: "RFC 4493 §4",
    key: "2b7e151628aed2a6abf7158809cf4f3c",
    answers: [
      ["", "bb1d6929e95937287fa37d129b756746"],
      [SP_800_38_MESSAGE.slice(0, 32), "070a16b46b4d4144f79bdd9dd04a287c"],
      [SP_800_38_MESSAGE, "dfa66747de9ae63030ca32611497c827"],
    ],
  },
  {
    algorithm: "cmac-3des",
    from: "NIST SP 800-38B §D.4",
    key: "8aa83bf8cbda10620bc1bf19fbb6cd58bc313d4a371ca8b5",
    answers: [
      ["", "b7a688e122ffaf95"],
      [SP_800_38_MESSAGE.slice(0, 16), "8e8f293136283797"],
    ],
  },
  {
    algorithm: "xcbc-aes",
    from: "RFC 3566 §4.6",
    key: "000102030405060708090a0b0c0d0e0f",
    answers: [
      ["", "75f0251d528ac01c4573dfd584d79f29"],
      ["000102", "5b376580ae2f19afe7219ceef172756f"],
      [counting(16).toHex(), "d2a246fa349b68a79998a4394ff7a263"],
      [counting(20).toHex(), "47f51b4564966215b8985c63055ed308"],
      [counting(32).toHex(), "f54f0ec8d2b9f3d36807734bd5283fd4"],
    ],
  },
];

for (const { algorithm, from, key, answers } of KNOWN_MACS) {
  opensslTest(`${algorithm} gives the answers of ${from}`, (thread) => {
    for (const [message, code] of answers) {
      for (const layout of LAYOUTS) {
        const digestBytes = code.length / 2;
        const answer = runOnce(thread, {
          service: "mac",
          algorithm,
          key: fromHex(key),
          resultBytes: digestBytes,
        }, {
          source: fromHex(message),
          digestBytes,
          destinationBytes: 0,
          layout,
        });
        strictEqual(answer.digest.toHex(), code, layout);
      }
    }
  });
}

opensslTest(
  "block MACs do not depend on how the message lies in memory",
  (thread) => {
    for (const algorithm of ["xcbc-aes", "cmac-aes", "cbcmac-aes"]) {
      const session = thread.openSession({
        service: "mac",
        algorithm,
        key: randomBytes(16),
        resultBytes: 16,
      });
      for (const length of [16, 512, 4096, 4112, 9600]) {
        const source = randomBytes(length);
        const codes = LAYOUTS.map((layout) =>
          runRequest(thread, session, {
            source,
            digestBytes: 16,
            destinationBytes: 0,
            layout,
          }).digest.toHex()
        );
        strictEqual(new Set(codes).size, 1, `${algorithm} ${length}`);
      }
    }
  },
);

opensslTest(
  "cbcmac-aes is the last block of CBC, over whole blocks only",
  (thread) => {
    for (const keyBytes of [16, 24, 32]) {
      const key = randomBytes(keyBytes);
      const run = (source: Uint8Array) =>
        runOnce(thread, {
          service: "mac",
          algorithm: "cbcmac-aes",
          key,
          resultBytes: 16,
        }, { source, digestBytes: 16, destinationBytes: 0 });
      const source = randomBytes(5120);
      const expected = cbc(key, new Uint8Array(16), { disablePadding: true })
        .encrypt(source).slice(-16);
      deepStrictEqual(run(source).digest, expected);
      strictEqual(run(randomBytes(17)).status, OperationStatus.Failed);
    }
  },
);

opensslTest("gmac-aes takes its IV from the head of the source", (thread) => {
  for (const keyBytes of [16, 24, 32]) {
    const key = randomBytes(keyBytes);
    const session = thread.openSession({
      service: "mac",
      algorithm: "gmac-aes",
      key,
      resultBytes: 16,
    });
    for (const length of [12, 13, 1000, 5000]) {
      const source = randomBytes(length);
      const expected = gcm(key, source.slice(0, 12), source.slice(12))
        .encrypt(new Uint8Array());
      for (const layout of LAYOUTS) {
        const answer = runRequest(thread, session, {
          source,
          digestBytes: 16,
          destinationBytes: 0,
          layout,
        });
        deepStrictEqual(answer.digest, expected, layout);
      }
    }
    const short = { source: randomBytes(11), digestBytes: 16 };
    strictEqual(
      runRequest(thread, session, short).status,
      OperationStatus.Failed,
    );
  }
});

opensslTest("a digest without room for its result fails", (thread) => {
  const answer = runOnce(thread, {
    service: "hash",
    algorithm: "sha256",
    resultBytes: 32,
  }, { source: counting(3), digestBytes: 31 });
  strictEqual(answer.status, OperationStatus.Failed);
});

opensslTest(
  "a MAC is right where libcrypto cannot restart one, as before 3.0.3",
  () => {
    const library = new CryptoLibrary(readOpensslOptions({}));
    Object.defineProperty(library, "restartsMacs", { value: false });
    const key = randomBytes(20);
    const mac = new OpensslPrimitives(library).makeMac("hmac-sha1", key, 20);
    for (const length of [0, 5, 100]) {
      const message = randomBytes(length);
      mac.start();
      mac.update(message);
      strictEqual(
        mac.finish()?.toHex(),
        createHmac("sha1", key).update(message).digest("hex"),
      );
    }
    mac.close();
    library.close();
  },
);
