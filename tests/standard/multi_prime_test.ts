import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";

import type { RsaSession } from "../../algorithms/session_description.ts";
import {
  element,
  integerElement,
  readSequence,
  SEQUENCE,
} from "../../conformance/plain/der.ts";
import { MULTI_PRIME_ANSWERS } from "../../conformance/vectors/multi_prime_rsa.ts";
import { RSA_MESSAGE } from "../../conformance/vectors/rsa.ts";
import openssl from "../../backends/openssl/openssl.ts";
import { Device } from "../../device/device.ts";
import type { Fallback } from "../../device/session/placement.ts";
import { InProcessLink } from "../../device/transport/in_process/in_process.ts";
import { Status } from "../../device/wire/status.ts";
import { Driver } from "../../driver/driver.ts";
import { testWith } from "../../testing/real_parts.ts";
import { readyBackend } from "../../testing/ready_backends.ts";
import { statusOf } from "./requests.ts";
import { unchecked } from "../../testing/unchecked.ts";

const LIBCRYPTO = {
  present: openssl.probe({}).ready,
  name: "libcrypto 3",
  remedy: "install Debian's libssl3",
};
const DIGEST = new Uint8Array(
  createHash("sha256").update(RSA_MESSAGE).digest(),
);

async function startOn(
  names: readonly string[],
  fallback: Fallback,
): Promise<Driver> {
  const device = new Device({
    backends: await Promise.all(names.map(readyBackend)),
    rules: [],
    fallback,
    dataQueueCount: 1,
    maximumSessions: 8,
    maximumSizeBytes: 65536,
    layout: "virtio",
    allowWeak: false,
  });
  const link = new InProcessLink(device, 4 * 1024 * 1024);
  return await Driver.start(link, { revision1: true, stateless: true });
}

const rsa = (key: Uint8Array): Omit<RsaSession, "service"> => ({
  algorithm: "rsa",
  keyType: "private",
  key,
  padding: "pkcs1",
  hash: "sha256",
});

/** A key of one number more, as a prime that divides nothing. */
function withAnotherPrime(key: Uint8Array, value: bigint): Uint8Array {
  const elements = readSequence(key)
    .map(({ tag, content }) => element(tag, content));
  const primes = readSequence(elements.at(-1)!)
    .map(({ tag, content }) => element(tag, content));
  const [prime, one] = [value, 1n].map(integerElement);
  const another = element(SEQUENCE, prime!, one!, one!);
  return element(
    SEQUENCE,
    ...elements.slice(0, -1),
    element(SEQUENCE, ...primes, another),
  );
}

/** The key with other numbers at some places of RSAPrivateKey. */
function withNumbers(
  key: Uint8Array,
  numbers: Readonly<Record<number, bigint>>,
): Uint8Array {
  const elements = readSequence(key)
    .map(({ tag, content }) => element(tag, content));
  for (const [at, number] of Object.entries(numbers)) {
    elements[Number(at)] = integerElement(number);
  }
  return element(SEQUENCE, ...elements);
}

const [THREE, FIVE] = MULTI_PRIME_ANSWERS;

testWith(
  LIBCRYPTO,
  "RSA keys of more than two primes sign where the library has them",
  async () => {
    await using driver = await startOn(["openssl"], "never");
    for (const { privateKey, sha256Signature } of [THREE!, FIVE!]) {
      for (const stateless of [false, true]) {
        const parameters = rsa(privateKey.slice());
        await using session = await unchecked(driver).akcipher(parameters, {
          stateless,
        });
        deepStrictEqual(
          [...await session.sign(DIGEST)],
          [...sha256Signature],
        );
      }
    }
  },
);

testWith(
  LIBCRYPTO,
  "RSA keys of more than two primes go on to a backend that has them, unless nothing falls back",
  async () => {
    const order = ["noble", "openssl"];
    const { privateKey, sha256Signature } = THREE!;
    for (const stateless of [false, true]) {
      await using driver = await startOn(order, "unsupported");
      const parameters = rsa(privateKey.slice());
      await using session = await unchecked(driver).akcipher(parameters, {
        stateless,
      });
      deepStrictEqual([...await session.sign(DIGEST)], [...sha256Signature]);
    }
    await using driver = await startOn(order, "never");
    const attempt = unchecked(driver).akcipher(rsa(privateKey.slice()));
    strictEqual(await statusOf(attempt), Status.NotSupported);
  },
);

Deno.test("NOTSUPP: RSA keys of more primes than any backend has", async () => {
  await using driver = await startOn(["noble"], "unsupported");
  const { privateKey } = THREE!;
  const attempt = unchecked(driver).akcipher(rsa(privateKey.slice()));
  strictEqual(await statusOf(attempt), Status.NotSupported);
  const parameters = rsa(privateKey.slice());
  await using session = await unchecked(driver).akcipher(parameters, {
    stateless: true,
  });
  strictEqual(await statusOf(session.sign(DIGEST)), Status.NotSupported);
  // What is cut off is no key of many primes: it is no key.
  const broken = unchecked(driver).akcipher(rsa(privateKey.slice(0, -1)));
  strictEqual(await statusOf(broken), Status.Error);
});

testWith(
  LIBCRYPTO,
  "openssl has five primes and no sixth, and no key that is not one",
  async () => {
    await using driver = await startOn(["openssl"], "unsupported");
    const create = (key: Uint8Array, prime: bigint) =>
      statusOf(unchecked(driver).akcipher(rsa(withAnotherPrime(key, prime))));
    const six = await create(FIVE!.privateKey, 65537n);
    strictEqual(six, Status.NotSupported);
    for (const number of [0n, 1n, 2n, 65536n]) {
      const four = await create(THREE!.privateKey, number);
      strictEqual(four, Status.Error, `${number}`);
    }
    // Another private exponent, and a prime that leaves no other way.
    const foreign = withNumbers(THREE!.privateKey, { 3: 65539n, 4: 65537n });
    strictEqual(
      await statusOf(unchecked(driver).akcipher(rsa(foreign))),
      Status.Error,
    );
    const { probe } = await readyBackend("openssl");
    const offer = probe.offers.find(({ algorithm }) =>
      algorithm === "akcipher.rsa"
    );
    ok(offer);
    strictEqual(offer.rsaPrimes, 5);
  },
);
