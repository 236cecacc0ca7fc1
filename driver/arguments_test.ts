import { ok, rejects, strictEqual, throws } from "node:assert/strict";
import {
  createDevice,
  type DeviceOptions,
  Driver,
  OperationError,
  Status,
} from "../mod.ts";
import {
  EC_PRIVATE_KEY,
  EC_PUBLIC_KEY,
  RSA_PRIVATE_KEY,
  RSA_PUBLIC_KEY,
} from "../testing/keys.ts";
import type { SessionDescription } from "../algorithms/session_description.ts";
import { ToyDevice } from "../testing/toy_device.ts";
import { suggestion } from "./suggestion.ts";

const KEY = Uint8Array.from({ length: 16 }, (_, i) => i);
const LONG_KEY = Uint8Array.from({ length: 32 }, (_, i) => i);
const IV = new Uint8Array(16);
const direction = "encrypt" as const;

/** Strings where the types want names: what JavaScript or a cast lets through. */
const any = <T>(value: unknown): T => value as T;

const startDriver = async (options: DeviceOptions = {}) =>
  await Driver.start(
    await createDevice(options),
    { revision1: true, stateless: true },
  );

/** A call rejects with exactly this, and the device is not asked. */
type Case = readonly [
  call: (driver: Driver) => Promise<unknown>,
  type: typeof TypeError | typeof RangeError,
  message: string,
];

/** Runs all cases on a device that counts how often it is asked. */
async function expectAll(
  cases: readonly Case[],
  options: DeviceOptions = {},
): Promise<void> {
  const link = await createDevice(options);
  await using driver = await Driver.start(link);
  const kick = link.kick.bind(link);
  let kicks = 0;
  link.kick = (index) => {
    kicks++;
    kick(index);
  };
  for (const [call, type, message] of cases) {
    const before = kicks;
    await rejects(call(driver), (error) => {
      ok(error instanceof type, `${error}`);
      strictEqual(error.message, message);
      return true;
    });
    ok(kicks - before <= 1, `${message}: ${kicks - before} kicks`);
  }
}

const ALL_CIPHERS = "arc4, aes-ecb, aes-cbc, aes-ctr, des-ecb, des-cbc, " +
  "3des-ecb, 3des-cbc, 3des-ctr, kasumi-f8, snow3g-uea2, aes-f8, aes-xts or " +
  "zuc-eea3";

const cipher = (driver: Driver, algorithm: string, key: unknown = KEY) =>
  driver.cipher({ algorithm: any(algorithm), key: any(key), direction });

Deno.test("a session with a wrong parameter is refused with the parameter, its value and what was expected", async () => {
  await expectAll([
    [
      (driver) => cipher(driver, "aes-256-cbc"),
      RangeError,
      `Cannot open a cipher session: algorithm is "aes-256-cbc", expected ` +
      `${ALL_CIPHERS}; did you mean "aes-cbc"?`,
    ],
    [
      (driver) => driver.cipher(any({ key: KEY, direction })),
      TypeError,
      "Cannot open a cipher session: algorithm is missing, expected a name of " +
      "an algorithm",
    ],
    [
      (driver) => cipher(driver, "aes-cbc", new Uint8Array(17)),
      RangeError,
      "Cannot open a session of cipher.aes-cbc: key has 17 bytes, expected 16, " +
      "24 or 32",
    ],
    [
      (driver) => cipher(driver, "aes-cbc", new Uint8Array(0)),
      RangeError,
      "Cannot open a session of cipher.aes-cbc: key has 0 bytes, expected 16, " +
      "24 or 32",
    ],
    [
      (driver) => cipher(driver, "aes-cbc", "secret"),
      TypeError,
      "Cannot open a session of cipher.aes-cbc: key is of no known form, " +
      "expected a Uint8Array, a JSON Web Key or a CryptoKey",
    ],
    [
      (driver) => driver.cipher(any({ algorithm: "aes-cbc", direction })),
      TypeError,
      "Cannot open a session of cipher.aes-cbc: key is missing, expected a " +
      "Uint8Array, a JSON Web Key or a CryptoKey",
    ],
    [
      (driver) => cipher(driver, "aes-xts", new Uint8Array(48)),
      RangeError,
      "Cannot open a session of cipher.aes-xts: key has 48 bytes, expected 32 " +
      "or 64",
    ],
    [
      (driver) => cipher(driver, "aes-xts", new Uint8Array(32)),
      RangeError,
      "Cannot open a session of cipher.aes-xts: aes-xts key whose two halves " +
      "are equal",
    ],
    [
      (driver) =>
        driver.cipher({
          algorithm: "aes-cbc",
          key: KEY,
          direction: any("encrpyt"),
        }),
      RangeError,
      'Cannot open a session of cipher.aes-cbc: direction is "encrpyt", ' +
      'expected encrypt or decrypt; did you mean "encrypt"?',
    ],
    [
      (driver) =>
        driver.aead({ algorithm: "gcm", key: KEY, direction, tagBytes: 3 }),
      RangeError,
      "Cannot open a session of aead.gcm: tagBytes is 3, expected 4, 8, 12, 13, " +
      "14, 15 or 16",
    ],
    [
      (driver) =>
        driver.aead({ algorithm: any("aes-gcm"), key: KEY, direction }),
      RangeError,
      'Cannot open an aead session: algorithm is "aes-gcm", expected gcm, ccm ' +
      'or chacha20-poly1305; did you mean "gcm"?',
    ],
    [
      (driver) => cipher(driver, "aes-128-gcm"),
      RangeError,
      `Cannot open a cipher session: algorithm is "aes-128-gcm", expected ` +
      `${ALL_CIPHERS}; did you mean "gcm" of aead?`,
    ],
    [
      (driver) => driver.hash({ algorithm: any("SHA-256") }),
      RangeError,
      'Cannot open a hash session: algorithm is "SHA-256", expected md5, sha1, ' +
      "sha224, sha256, sha384, sha512, sha3-224, sha3-256, sha3-384, sha3-512, " +
      'shake128 or shake256; did you mean "sha256"?',
    ],
    [
      (driver) => driver.hash({ algorithm: "sha256", resultBytes: 33 }),
      RangeError,
      "Cannot open a session of hash.sha256: resultBytes is 33, expected 1 to 32",
    ],
    [
      (driver) => driver.mac({ algorithm: "cmac-aes", key: new Uint8Array(0) }),
      RangeError,
      "Cannot open a session of mac.cmac-aes: key has 0 bytes, expected 16, 24 " +
      "or 32",
    ],
    [
      (driver) =>
        driver.chain({
          order: any("hash-first"),
          cipher: { algorithm: "aes-cbc", key: KEY, direction },
          hashMode: "plain",
          hashAlgorithm: "sha256",
        }),
      RangeError,
      'Cannot open a chain session: order is "hash-first", expected ' +
      "hash-then-cipher or cipher-then-hash",
    ],
    [
      (driver) =>
        driver.chain(any({
          order: "hash-then-cipher",
          cipher: { algorithm: "aes-cbc", key: KEY, direction },
          hashMode: "nested",
          hashAlgorithm: "sha256",
        })),
      RangeError,
      'Cannot open a chain session: hashMode is "nested", expected plain or ' +
      "auth",
    ],
    [
      (driver) => driver.chain(any({ hashMode: "plain" })),
      TypeError,
      "Cannot open a chain session: cipher is missing, expected the parameters " +
      "of a cipher",
    ],
    [
      (driver) =>
        driver.chain({
          order: "hash-then-cipher",
          cipher: { algorithm: "aes-cbc", key: KEY.subarray(1), direction },
          hashMode: "plain",
          hashAlgorithm: "sha256",
        }),
      RangeError,
      "Cannot open a session of cipher.aes-cbc: cipher.key has 15 bytes, " +
      "expected 16, 24 or 32",
    ],
    [
      (driver) =>
        driver.cipher({ algorithm: "aes-cbc", key: KEY, direction }, {
          dataQueue: 3,
        }),
      RangeError,
      "Cannot open a session: dataQueue is 3, expected 0",
    ],
    [
      (driver) =>
        driver.createSession(
          any<SessionDescription>({ service: "kdf", algorithm: "hkdf" }),
        ),
      RangeError,
      'Cannot open a session: service is "kdf", expected chain, cipher, hash, ' +
      "mac, aead or akcipher",
    ],
  ]);
});

const rsa = { algorithm: "rsa", padding: "pkcs1", hash: "sha256" } as const;

Deno.test("a key that is none, or the wrong one, is named before the device sees it", async () => {
  await expectAll([
    [
      (driver) =>
        driver.akcipher({ ...rsa, key: RSA_PUBLIC_KEY, keyType: "private" }),
      RangeError,
      "Cannot open a session of akcipher.rsa: key is a public key, expected a " +
      'private one, since keyType is "private"',
    ],
    [
      (driver) => driver.akcipher({ ...rsa, key: EC_PRIVATE_KEY }),
      RangeError,
      "Cannot open a session of akcipher.rsa: key is of ECDSA, expected a key " +
      "of RSA",
    ],
    [
      (driver) =>
        driver.akcipher({
          algorithm: "ecdsa",
          key: EC_PUBLIC_KEY,
          curve: "p384",
        }),
      RangeError,
      "Cannot open a session of akcipher.ecdsa: key is of p256, expected a key " +
      "of p384",
    ],
    [
      (driver) => driver.akcipher({ ...rsa, key: new Uint8Array(0) }),
      TypeError,
      "Cannot open a session of akcipher.rsa: key has 0 bytes, expected a key",
    ],
    [
      (driver) => driver.akcipher({ ...rsa, key: RSA_PRIVATE_KEY.subarray(1) }),
      TypeError,
      "Cannot open a session of akcipher.rsa: key has 606 bytes of no known " +
      "form, expected PEM, DER or a point of a curve",
    ],
    [
      (driver) =>
        driver.akcipher({ ...rsa, key: RSA_PRIVATE_KEY, hash: any("SHA-256") }),
      RangeError,
      'Cannot open a session of akcipher.rsa: hash is "SHA-256", expected none, ' +
      "md2, md4, md5, sha1, sha256, sha384, sha512 or sha224; did you mean " +
      '"sha256"?',
    ],
    [
      async (driver) => {
        const key = await driver.akcipher({ ...rsa, key: RSA_PUBLIC_KEY });
        await key.sign(new Uint8Array(32));
      },
      RangeError,
      "Cannot sign with akcipher.rsa: key is a public key, expected a private " +
      "one",
    ],
    [
      async (driver) => {
        const key = await driver.akcipher({ ...rsa, key: RSA_PRIVATE_KEY });
        await key.sign(new Uint8Array(20));
      },
      RangeError,
      "Cannot sign with akcipher.rsa: data has 20 bytes, expected 32, a digest " +
      "of the session's hash",
    ],
    [
      async (driver) => {
        const key = await driver.akcipher({ ...rsa, key: RSA_PUBLIC_KEY });
        await key.encrypt(new Uint8Array(118));
      },
      RangeError,
      "Cannot encrypt with akcipher.rsa: data has 118 bytes, expected at most " +
      "117 with this key",
    ],
    [
      async (driver) => {
        const key = await driver.akcipher({
          algorithm: "rsa",
          padding: "raw",
          key: RSA_PRIVATE_KEY,
        });
        await key.sign(new Uint8Array(20));
      },
      RangeError,
      'Cannot sign with akcipher.rsa: padding is "raw", expected "pkcs1"',
    ],
    [
      async (driver) => {
        const key = await driver.akcipher({
          algorithm: "ecdsa",
          key: EC_PRIVATE_KEY,
        });
        await key.encrypt(new Uint8Array(20));
      },
      RangeError,
      "Cannot encrypt with akcipher.ecdsa: the algorithm is ECDSA, expected RSA",
    ],
  ]);
});

/** Opens with good parameters, then calls. */
const withCipher =
  (algorithm: string, key: Uint8Array, data: unknown, iv?: unknown) =>
  async (driver: Driver) => {
    const session = await cipher(driver, algorithm, key);
    await session.run(any(data), any(iv));
  };

const withAead =
  (way: "encrypt" | "decrypt", data: unknown, iv: unknown) =>
  async (driver: Driver) => {
    const session = await driver.aead({
      algorithm: "gcm",
      key: KEY,
      direction: way,
    });
    await session.run(any(data), any(iv));
  };

Deno.test("a call with a wrong argument is refused with the argument, its value and what was expected", async () => {
  await expectAll([
    [
      withCipher("aes-cbc", KEY, new Uint8Array(16)),
      RangeError,
      "Cannot encrypt with cipher.aes-cbc: iv has 0 bytes, expected 16",
    ],
    [
      withCipher("aes-cbc", KEY, new Uint8Array(16), new Uint8Array(12)),
      RangeError,
      "Cannot encrypt with cipher.aes-cbc: iv has 12 bytes, expected 16",
    ],
    [
      withCipher("aes-cbc", KEY, new Uint8Array(15), IV),
      RangeError,
      "Cannot encrypt with cipher.aes-cbc: data has 15 bytes, expected a " +
      "multiple of 16",
    ],
    [
      withCipher("aes-xts", LONG_KEY, new Uint8Array(1), IV),
      RangeError,
      "Cannot encrypt with cipher.aes-xts: data has 1 byte, expected none, or " +
      "at least 16",
    ],
    [
      withCipher("aes-ecb", KEY, new Uint8Array(16), IV),
      RangeError,
      "Cannot encrypt with cipher.aes-ecb: iv has 16 bytes, expected 0",
    ],
    [
      withCipher("aes-cbc", KEY, "attack at dawn", IV),
      TypeError,
      "Cannot encrypt with cipher.aes-cbc: data is a string, expected a " +
      "Uint8Array",
    ],
    [
      withCipher("aes-cbc", KEY, new ArrayBuffer(16), IV),
      TypeError,
      "Cannot encrypt with cipher.aes-cbc: data is of type ArrayBuffer, " +
      "expected a Uint8Array",
    ],
    [
      withAead("encrypt", new Uint8Array(5), new Uint8Array(8)),
      RangeError,
      "Cannot encrypt with aead.gcm: iv has 8 bytes, expected 12 or 16",
    ],
    [
      withAead("encrypt", new Uint8Array(5), undefined),
      TypeError,
      "Cannot encrypt with aead.gcm: iv is missing, expected a Uint8Array",
    ],
    [
      withAead("decrypt", new Uint8Array(5), new Uint8Array(12)),
      RangeError,
      "Cannot decrypt with aead.gcm: data has 5 bytes, expected at least 16, " +
      "the length of the tag",
    ],
    [
      async (driver) => {
        const mac = await driver.mac({ algorithm: "gmac-aes", key: KEY });
        await mac.digest(new Uint8Array(5));
      },
      RangeError,
      "Cannot digest with mac.gmac-aes: iv has 0 bytes, expected 12",
    ],
    [
      async (driver) => {
        const chain = await driver.chain({
          order: "hash-then-cipher",
          cipher: { algorithm: "aes-cbc", key: KEY, direction },
          hashMode: "plain",
          hashAlgorithm: "sha256",
        });
        await chain.run(new Uint8Array(32), IV, { cipherStart: 48 });
      },
      RangeError,
      "Cannot encrypt with chain.aes-cbc+sha256: cipherStart and cipherBytes " +
      "are 48 and -16, expected a part of the data, which has 32 bytes",
    ],
    [
      async (driver) => {
        const hash = await driver.hash({ algorithm: "sha256" });
        await hash.digest(any(null));
      },
      TypeError,
      "Cannot digest with hash.sha256: data is null, expected a Uint8Array",
    ],
  ]);
});

Deno.test("what is too large for the device is told with its limit", async () => {
  await expectAll([
    [
      withCipher("aes-ctr", KEY, new Uint8Array(5000), IV),
      RangeError,
      "Cannot encrypt with cipher.aes-ctr: data has 5000 bytes, and the whole " +
      "request 10016, expected at most 8192, the device's maxSizeBytes; " +
      "`stream` takes any length",
    ],
    [
      withAead("encrypt", new Uint8Array(5000), new Uint8Array(12)),
      RangeError,
      "Cannot encrypt with aead.gcm: data has 5000 bytes, and the whole " +
      "request 10028, expected at most 8192, the device's maxSizeBytes; it " +
      "cannot be cut into several requests",
    ],
  ], { maxSizeBytes: 8192 });
  await using driver = await startDriver({ maxSizeBytes: 8192 });
  const session = await cipher(driver, "aes-ctr");
  // Exactly as much as fits.
  const most = new Uint8Array((8192 - 16) / 2);
  strictEqual((await session.run(most, IV)).length, most.length);
  await using single = await driver.cipher(
    { algorithm: "aes-ctr", key: KEY, direction },
    { stateless: true },
  );
  await rejects(single.run(most, IV), /the whole request 8208/);
  const less = most.subarray(0, most.length - KEY.length / 2);
  strictEqual((await single.run(less, IV)).length, less.length);
});

Deno.test("what the device does not offer is told with what it does", async () => {
  const without = ["aead"];
  await expectAll([
    [
      (driver) => cipher(driver, "arc4"),
      RangeError,
      "Cannot open a session of cipher.arc4: the device does not offer it; of " +
      "cipher it offers aes-ecb, aes-cbc, aes-ctr, aes-f8, aes-xts",
    ],
    [
      (driver) => driver.aead({ algorithm: "gcm", key: KEY, direction }),
      RangeError,
      "Cannot open a session of aead.gcm: the device does not offer it; of " +
      "aead it offers nothing",
    ],
  ], { without });
});

Deno.test("stateless requests that are not negotiated are told when the session is made", async () => {
  await using driver = await Driver.start(await createDevice());
  await rejects(
    driver.hash({ algorithm: "sha256" }, { stateless: true }),
    /hash\.sha256: stateless is true, expected false: stateless requests of/,
  );
});

Deno.test("too many sessions: the error says how many this driver has", async () => {
  for (const [revision1, status] of [[true, 5], [false, 1]] as const) {
    await using driver = await Driver.start(
      await createDevice({ maxSessions: 2 }),
      { revision1 },
    );
    const open = () => driver.hash({ algorithm: "sha256" });
    const [first] = [await open(), await open()];
    await rejects(open(), (error) => {
      ok(error instanceof OperationError);
      strictEqual<Status>(error.status, status);
      ok(error.message.includes("this driver has 2 sessions open"));
      return true;
    });
    await first.close();
    await open();
  }
});

Deno.test("a burst's options are checked as a call's arguments are", async () => {
  await using driver = await Driver.start(new ToyDevice());
  await using cbc = await cipher(driver, "aes-cbc");
  const burst = (options: object) => () =>
    driver.burst(
      cbc,
      any({ depth: 1, dataBytes: 16, ivBytes: 16, ...options }),
    );
  throws(
    burst({ depth: 0 }),
    /Cannot make a burst: depth is 0, expected an int/,
  );
  throws(
    burst({ dataBytes: -16 }),
    /dataBytes is -16, expected an integer from/,
  );
  throws(burst({ dataBytes: 15 }), /data has 15 bytes, expected a multiple of/);
  throws(burst({ ivBytes: undefined }), /iv has 0 bytes, expected 16/);
});

Deno.test("a device that shows no config space leaves the checks of the catalogue", async () => {
  await using driver = await Driver.start(new ToyDevice(), {
    sessionControl: {
      create: () => Promise.resolve(1),
      destroy: () => Promise.resolve(),
    },
  });
  await cipher(driver, "arc4");
  await rejects(cipher(driver, "aes-ecb", new Uint8Array(3)), RangeError);
});

Deno.test("a feature that the device lacks is named", async () => {
  const link = await createDevice({ without: ["aead", "ring-packed"] });
  await rejects(
    Driver.start(link, { stateless: true, packed: true }),
    /^Error: Cannot start: the device does not offer ring-packed, aead-stateless \(features 0x400000010\)/,
  );
  await link.close();
});

Deno.test("what a name is meant to be", () => {
  const cases = [
    ["cipher", "AES-CBC", '"aes-cbc"'],
    ["cipher", "aes-cbs", '"aes-cbc"'],
    ["cipher", "AES128_XTS", '"aes-xts"'],
    ["cipher", "chacha20-poly1305", '"chacha20-poly1305" of aead'],
    ["cipher", "sha256", '"sha256" of hash'],
    ["aead", "aes-256-gcm", '"gcm"'],
    ["aead", "chacha20poly1305", '"chacha20-poly1305"'],
    ["hash", "sha2-512", '"sha512"'],
    ["hash", "SHA3-256", '"sha3-256"'],
    ["mac", "sha256", '"sha256" of hash'],
    ["mac", "HMAC-SHA256", '"hmac-sha256"'],
    ["akcipher", "RSA-2048", '"rsa"'],
    ["cipher", "blowfish", undefined],
    ["hash", "", undefined],
  ] as const;
  for (const [service, name, expected] of cases) {
    const text = expected === undefined ? "" : `; did you mean ${expected}?`;
    strictEqual(suggestion(service, name), text, `${service} ${name}`);
  }
});

Deno.test("options of queues are checked before the device is started", async () => {
  const cases = [
    [
      { queueSize: 100 },
      "queueSize is 100, expected a power of two up to 32768",
    ],
    [{ queueSize: -4 }, "queueSize is -4, expected a power of two up to 32768"],
    [{ dataQueues: 0 }, "dataQueues is 0, expected a whole number from 1 on"],
    [
      { dataQueues: 2 },
      "dataQueues is 2, expected at most 1, as the device has",
    ],
    [
      { maxDescriptors: 0 },
      "maxDescriptors is 0, expected a whole number from",
    ],
  ] as const;
  for (const [options, message] of cases) {
    await rejects(Driver.start(new ToyDevice(), options), (error) => {
      ok(error instanceof RangeError);
      ok(error.message.startsWith(`Cannot start: ${message}`), error.message);
      return true;
    });
  }
});
