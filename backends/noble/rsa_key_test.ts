import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import {
  constants,
  generateKeyPairSync,
  privateDecrypt,
  publicEncrypt,
  sign,
  verify,
} from "node:crypto";
import { bytesToNumber, numberToBytes } from "../../algorithms/der.ts";
import { parseRsaPrivateKey } from "../../algorithms/rsa_key.ts";
import { padForEncryption } from "../../algorithms/rsa_padding.ts";
import type { RsaSession } from "../../algorithms/session_description.ts";
import { OperationKind, OperationStatus } from "../backend.ts";
import { CONTIGUOUS, Job, runJobs } from "../../conformance/operations.ts";
import { modularPower } from "./modular.ts";
import noble from "./noble.ts";
import { PrivateOperation } from "./rsa.ts";
import { LAYOUTS, random, run } from "../../testing/noble_requests.ts";

const PKCS1 = { padding: constants.RSA_PKCS1_PADDING };

/** 1031 bits: a modulus that does not fill its bytes. */
const PAIRS = [512, 1024, 1031, 2048].map((modulusLength) => {
  const pair = generateKeyPairSync("rsa", { modulusLength });
  const der = { format: "der", type: "pkcs1" } as const;
  return {
    ...pair,
    modulusBytes: Math.ceil(modulusLength / 8),
    privateDer: new Uint8Array(pair.privateKey.export(der)),
    publicDer: new Uint8Array(pair.publicKey.export(der)),
  };
});
const [SMALL, MEDIUM] = PAIRS as [Pair, Pair];
type Pair = (typeof PAIRS)[number];

const session = (
  pair: Pair,
  keyType: "public" | "private",
  padding: "raw" | "pkcs1",
  hash = "none",
): RsaSession => ({
  service: "akcipher",
  algorithm: "rsa",
  keyType,
  key: keyType === "private" ? pair.privateDer : pair.publicDer,
  padding,
  hash,
});

function rsa(
  description: RsaSession,
  kind: OperationKind,
  source: Uint8Array,
  additionalData: Uint8Array = new Uint8Array(0),
  destinationBytes = kind === OperationKind.Verify ? 0 : 512,
) {
  return run(
    description,
    { kind, source, additionalData, destinationBytes },
    random.pick(LAYOUTS),
  );
}

Deno.test("PKCS#1 encryption and decryption agree with node:crypto", () => {
  for (const pair of PAIRS) {
    for (const keyType of ["public", "private"] as const) {
      const longest = pair.modulusBytes - 11;
      for (const length of [0, 1, longest]) {
        const message = random.bytes(length);
        const { status, destination } = rsa(
          session(pair, keyType, "pkcs1", "sha1"),
          OperationKind.Encrypt,
          message,
        );
        strictEqual(status, OperationStatus.Ok);
        strictEqual(destination.length, pair.modulusBytes);
        const opened = privateDecrypt(
          { key: pair.privateKey, ...PKCS1 },
          destination,
        );
        deepStrictEqual(new Uint8Array(opened), message);
      }
    }
    const message = random.bytes(20);
    const sealed = publicEncrypt({ key: pair.publicKey, ...PKCS1 }, message);
    const { destination } = rsa(
      session(pair, "private", "pkcs1"),
      OperationKind.Decrypt,
      new Uint8Array(sealed),
    );
    deepStrictEqual(destination, message);
  }
});

Deno.test("PKCS#1 signatures are node:crypto's, for every hash that it has", () => {
  for (const pair of PAIRS.slice(1)) {
    for (
      const hash of ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"]
    ) {
      const message = random.bytes(50);
      const digest = run(
        { service: "hash", algorithm: hash, resultBytes: digestBytes(hash) },
        {
          kind: OperationKind.Digest,
          source: message,
          digestBytes: digestBytes(hash),
        },
      ).digest;
      const { status, destination } = rsa(
        session(pair, "private", "pkcs1", hash),
        OperationKind.Sign,
        digest,
      );
      strictEqual(status, OperationStatus.Ok);
      strictEqual(
        destination.toHex(),
        sign(hash, message, pair.privateKey).toString("hex"),
      );
      strictEqual(verify(hash, message, pair.publicKey, destination), true);
      for (const keyType of ["public", "private"] as const) {
        const verified = rsa(
          session(pair, keyType, "pkcs1", hash),
          OperationKind.Verify,
          destination,
          digest,
        );
        strictEqual(verified.status, OperationStatus.Ok);
      }
    }
  }
});

const digestBytes = (hash: string): number =>
  ({ md5: 16, sha1: 20, sha224: 28, sha256: 32, sha384: 48, sha512: 64 })[
    hash
  ]!;

Deno.test("a wrong signature is rejected, whatever is wrong with it", () => {
  const digest = random.bytes(32);
  const secret = session(MEDIUM, "private", "pkcs1", "sha256");
  const { destination } = rsa(secret, OperationKind.Sign, digest);
  const flipped = destination.slice();
  flipped[60]! ^= 1;
  const cases: [Uint8Array, Uint8Array][] = [
    [flipped, digest],
    [destination, random.bytes(32)],
    [destination, digest.subarray(1)],
    [destination.subarray(1), digest],
    [new Uint8Array([0, ...destination]), digest],
    [new Uint8Array(0), digest],
    [new Uint8Array(128).fill(0xff), digest],
    [new Uint8Array(128), digest],
  ];
  const open = session(MEDIUM, "public", "pkcs1", "sha256");
  for (const [signature, data] of cases) {
    const { status } = rsa(open, OperationKind.Verify, signature, data);
    strictEqual(status, OperationStatus.KeyRejected);
  }
});

Deno.test("a signature plus the modulus is no signature", () => {
  const pair = PAIRS.find(({ modulusBytes }) => modulusBytes === 129)!;
  const { modulus } = parseRsaPrivateKey(pair.privateDer);
  const digest = random.bytes(32);
  const secret = session(pair, "private", "pkcs1", "sha256");
  const { destination } = rsa(secret, OperationKind.Sign, digest);
  const sum = numberToBytes(bytesToNumber(destination) + modulus, 129);
  strictEqual(
    rsa(secret, OperationKind.Verify, sum, digest).status,
    OperationStatus.KeyRejected,
  );
});

Deno.test("a padded ciphertext without its leading zero byte fails", () => {
  const { modulus, publicExponent } = parseRsaPrivateKey(SMALL.privateDer);
  const encoded = new Uint8Array(64);
  let number: bigint;
  do {
    padForEncryption(random.bytes(4), encoded);
    number = modularPower(bytesToNumber(encoded), publicExponent, modulus);
  } while (number >= 2n ** 504n);
  const secret = session(SMALL, "private", "pkcs1");
  const statusOf = (lengthBytes: number) =>
    rsa(secret, OperationKind.Decrypt, numberToBytes(number, lengthBytes))
      .status;
  strictEqual(statusOf(64), OperationStatus.Ok);
  strictEqual(statusOf(63), OperationStatus.Failed);
});

Deno.test("a message without room leaves nothing of itself", () => {
  const message = random.bytes(20);
  const secret = session(SMALL, "private", "pkcs1");
  const sealed = rsa(secret, OperationKind.Encrypt, message).destination;
  const thread = noble.open({});
  const request = {
    kind: OperationKind.Decrypt,
    source: sealed,
    destinationBytes: 19,
    digestBytes: 0,
  };
  const job = new Job(request, thread.openSession(secret), CONTIGUOUS, random);
  const before = job.operation.destination.copy();
  runJobs(thread, [job]);
  strictEqual(job.operation.status, OperationStatus.Failed);
  deepStrictEqual(job.operation.destination.copy(), before);
  thread.close();
});

Deno.test("RAW pads short data on the left and fills results with zeros", () => {
  const { modulus, publicExponent } = parseRsaPrivateKey(SMALL.privateDer);
  const secret = session(SMALL, "private", "raw");
  for (const data of [Uint8Array.of(0), Uint8Array.of(1), random.bytes(31)]) {
    const sealed = rsa(secret, OperationKind.Encrypt, data);
    const expected = modularPower(bytesToNumber(data), publicExponent, modulus);
    strictEqual(
      sealed.destination.toHex(),
      numberToBytes(expected, 64).toHex(),
    );
    const opened = rsa(secret, OperationKind.Decrypt, sealed.destination);
    strictEqual(opened.destination.length, 64);
    deepStrictEqual(
      opened.destination.subarray(64 - data.length),
      data,
    );
  }
});

Deno.test("RAW refuses numbers from the modulus on, and does not sign", () => {
  const { modulus } = parseRsaPrivateKey(SMALL.privateDer);
  const secret = session(SMALL, "private", "raw");
  const statusOf = (kind: OperationKind, data: Uint8Array) =>
    rsa(secret, kind, data).status;
  const largest = numberToBytes(modulus - 1n, 64);
  for (const kind of [OperationKind.Encrypt, OperationKind.Decrypt]) {
    strictEqual(statusOf(kind, largest), OperationStatus.Ok);
    strictEqual(
      statusOf(kind, numberToBytes(modulus, 64)),
      OperationStatus.Failed,
    );
    strictEqual(statusOf(kind, new Uint8Array(65)), OperationStatus.Failed);
  }
  for (const kind of [OperationKind.Sign, OperationKind.Verify]) {
    strictEqual(statusOf(kind, largest), OperationStatus.Unsupported);
  }
});

Deno.test("a public key neither decrypts nor signs", () => {
  const open = session(SMALL, "public", "pkcs1");
  for (const kind of [OperationKind.Decrypt, OperationKind.Sign]) {
    const { status } = rsa(open, kind, random.bytes(20));
    strictEqual(status, OperationStatus.Unsupported);
  }
});

Deno.test("every malformed PKCS#1 ciphertext fails alike and leaves nothing", () => {
  const { modulus, publicExponent } = parseRsaPrivateKey(SMALL.privateDer);
  const encodings = [
    "0001" + "ff".repeat(40) + "00" + "41".repeat(21),
    "0102" + "ff".repeat(40) + "00" + "41".repeat(21),
    "0002" + "ff".repeat(7) + "00" + "41".repeat(54),
    "0002" + "ff".repeat(62),
    "00".repeat(64),
  ];
  const ciphertexts = encodings.map((encoding) =>
    numberToBytes(
      modularPower(BigInt(`0x${encoding}`), publicExponent, modulus),
      64,
    )
  );
  ciphertexts.push(
    new Uint8Array(63),
    new Uint8Array(65),
    numberToBytes(modulus, 64),
    new Uint8Array(0),
  );
  const thread = noble.open({});
  const own = thread.openSession(session(SMALL, "private", "pkcs1"));
  for (const source of ciphertexts) {
    const request = {
      kind: OperationKind.Decrypt,
      source,
      destinationBytes: 64,
      digestBytes: 0,
    };
    const job = new Job(request, own, CONTIGUOUS, random);
    const before = job.operation.destination.copy();
    runJobs(thread, [job]);
    strictEqual(job.operation.status, OperationStatus.Failed);
    strictEqual(job.operation.writtenBytes, 0);
    deepStrictEqual(job.operation.destination.copy(), before);
  }
  thread.close();
});

Deno.test("data that does not fit the padding, or a result its room, fails", () => {
  const secret = session(SMALL, "private", "pkcs1", "sha256");
  const statusOf = (kind: OperationKind, data: Uint8Array, room?: number) =>
    rsa(secret, kind, data, undefined, room).status;
  const encrypt = OperationKind.Encrypt;
  const decrypt = OperationKind.Decrypt;
  const signing = OperationKind.Sign;
  const failed = OperationStatus.Failed;
  const fine = OperationStatus.Ok;
  strictEqual(statusOf(encrypt, random.bytes(54)), failed);
  strictEqual(statusOf(encrypt, random.bytes(53), 63), failed);
  strictEqual(statusOf(encrypt, random.bytes(53), 64), fine);
  strictEqual(statusOf(signing, random.bytes(31)), failed);
  strictEqual(statusOf(signing, random.bytes(32), 63), failed);
  const sealed = rsa(secret, encrypt, random.bytes(10)).destination;
  strictEqual(statusOf(decrypt, sealed, 9), failed);
  strictEqual(statusOf(decrypt, sealed, 10), fine);
});

Deno.test("a private session serves more operations than one blinding lasts", () => {
  const thread = noble.open({});
  const own = thread.openSession(session(SMALL, "private", "raw"));
  const { modulus, privateExponent } = parseRsaPrivateKey(SMALL.privateDer);
  for (let i = 0; i < 70; i++) {
    const source = random.bytes(40);
    const request = {
      kind: OperationKind.Decrypt,
      source,
      destinationBytes: 64,
      digestBytes: 0,
    };
    const job = new Job(request, own, CONTIGUOUS, random);
    runJobs(thread, [job]);
    strictEqual(
      bytesToNumber(job.result().destination),
      modularPower(
        bytesToNumber(source),
        bytesToNumber(privateExponent),
        modulus,
      ),
    );
  }
  thread.closeSession(own);
  thread.close();
});

Deno.test("a broken key is an error when the session is opened", () => {
  const thread = noble.open({});
  const broken = SMALL.privateDer.slice();
  broken[30]! ^= 4;
  const description = session(SMALL, "private", "raw");
  throws(() => thread.openSession({ ...description, key: broken }));
  throws(() => thread.openSession({ ...description, key: SMALL.publicDer }));
  thread.close();
});

Deno.test("a private operation that went wrong gives nothing away", () => {
  const key = parseRsaPrivateKey(SMALL.privateDer);
  const value = bytesToNumber(random.bytes(63));
  const right = new PrivateOperation(key).run(value)!;
  strictEqual(
    modularPower(right, key.publicExponent, key.modulus),
    value,
  );
  // A fault in one half: a result that differs from the right one there only
  // would have a prime in common with the modulus.
  for (const name of ["exponent1", "exponent2", "coefficient"] as const) {
    const faulty = key[name].slice();
    faulty[faulty.length - 1]! ^= 2;
    const operation = new PrivateOperation({ ...key, [name]: faulty });
    strictEqual(operation.run(value), undefined, name);
  }
});
