import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign as nodeSign,
  verify as nodeVerify,
} from "node:crypto";
import {
  DerTag,
  encodeElement,
  encodeSequence,
  encodeUnsigned,
} from "../../algorithms/der.ts";
import { type AsymmetricKey, createDevice, Driver } from "../../mod.ts";
import {
  EC_PRIVATE_KEY,
  EC_PUBLIC_KEY,
  RSA_PRIVATE_KEY,
  RSA_PUBLIC_KEY,
} from "../../testing/keys.ts";

const DIGEST = new Uint8Array(32).fill(5);
const MESSAGE = new TextEncoder().encode("of this the digest is signed");
const sha256 = async (data: Uint8Array<ArrayBuffer>) =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", data));

/** A pair in all forms that node:crypto writes. */
interface Forms {
  readonly privateForms: Readonly<Record<string, AsymmetricKey>>;
  readonly publicForms: Readonly<Record<string, AsymmetricKey>>;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

const bytesOf = (text: string) => new TextEncoder().encode(text);

function formsOf(
  privateKey: KeyObject,
  bareType: "pkcs1" | "sec1",
  privateDer: Uint8Array,
  publicDer: Uint8Array,
): Forms {
  const publicKey = createPublicKey(privateKey);
  const pem = (type: "pkcs8" | "pkcs1" | "sec1") =>
    privateKey.export(
      { type, format: "pem" } as { type: "pkcs8"; format: "pem" },
    ) as string;
  const spki = publicKey.export({ type: "spki", format: "pem" }) as string;
  const der = new Uint8Array(
    privateKey.export({ type: "pkcs8", format: "der" }),
  );
  const spkiDer = new Uint8Array(
    publicKey.export({ type: "spki", format: "der" }),
  );
  return {
    privateKey,
    publicKey,
    privateForms: {
      "PKCS#8 in PEM": pem("pkcs8"),
      "PKCS#8 in PEM, as bytes": bytesOf(pem("pkcs8")),
      "the old form in PEM": pem(bareType),
      "a text with other things before it": `subject=me\n\n${pem(bareType)}`,
      "PKCS#8": der,
      "the session's own form": privateDer,
      "a JSON Web Key": privateKey.export({ format: "jwk" }) as JsonWebKey,
    },
    publicForms: {
      "SubjectPublicKeyInfo in PEM": spki,
      "SubjectPublicKeyInfo": spkiDer,
      "the session's own form": publicDer,
      "a JSON Web Key": publicKey.export({ format: "jwk" }) as JsonWebKey,
    },
  };
}

const keyObject = (der: Uint8Array, type: "pkcs1" | "sec1") =>
  createPrivateKey({
    // deno-lint-ignore no-explicit-any
    key: der as any,
    format: "der",
    type,
  });

const RSA = formsOf(
  keyObject(RSA_PRIVATE_KEY, "pkcs1"),
  "pkcs1",
  RSA_PRIVATE_KEY,
  RSA_PUBLIC_KEY,
);
const EC = formsOf(
  keyObject(EC_PRIVATE_KEY, "sec1"),
  "sec1",
  EC_PRIVATE_KEY,
  EC_PUBLIC_KEY,
);

const rsa = { algorithm: "rsa", padding: "pkcs1", hash: "sha256" } as const;
const ecdsa = { algorithm: "ecdsa" } as const;

Deno.test("RSA keys in every form sign and verify, with nothing said of what they are", async (t) => {
  await using driver = await Driver.start(await createDevice());
  const digest = await sha256(MESSAGE);
  for (const [form, key] of Object.entries(RSA.privateForms)) {
    await t.step(`private: ${form}`, async () => {
      await using session = await driver.akcipher({ ...rsa, key });
      const expected = nodeSign("sha256", MESSAGE, RSA.privateKey);
      deepStrictEqual(await session.sign(digest), new Uint8Array(expected));
    });
  }
  const signature = new Uint8Array(nodeSign("sha256", MESSAGE, RSA.privateKey));
  for (const [form, key] of Object.entries(RSA.publicForms)) {
    await t.step(`public: ${form}`, async () => {
      await using session = await driver.akcipher({ ...rsa, key });
      strictEqual(session.description.keyType, "public");
      await session.verify(signature, digest);
      await rejects(session.verify(signature, DIGEST), /KEY_REJECTED/);
    });
  }
});

Deno.test("EC keys in every form sign and verify, and say their curve", async (t) => {
  await using driver = await Driver.start(await createDevice());
  const digest = await sha256(MESSAGE);
  for (const [form, key] of Object.entries(EC.privateForms)) {
    await t.step(`private: ${form}`, async () => {
      await using session = await driver.akcipher({ ...ecdsa, key });
      const signature = await session.sign(digest);
      ok(nodeVerify("sha256", MESSAGE, EC.publicKey, signature));
    });
  }
  const signature = new Uint8Array(nodeSign("sha256", MESSAGE, EC.privateKey));
  for (const [form, key] of Object.entries(EC.publicForms)) {
    await t.step(`public: ${form}`, async () => {
      await using session = await driver.akcipher({ ...ecdsa, key });
      await session.verify(signature, digest);
      await rejects(session.verify(signature, DIGEST), /KEY_REJECTED/);
    });
  }
});

Deno.test("every curve that JSON Web Keys and PKCS#8 have is told from the key", async () => {
  await using driver = await Driver.start(await createDevice());
  const digest = await sha256(MESSAGE);
  for (const namedCurve of ["P-256", "P-384", "P-521"]) {
    const pair = generateKeyPairSync("ec", { namedCurve });
    const pem = pair.privateKey.export({ type: "pkcs8", format: "pem" });
    const jwk = pair.publicKey.export({ format: "jwk" }) as JsonWebKey;
    await using signer = await driver.akcipher({
      ...ecdsa,
      key: pem as string,
    });
    await using verifier = await driver.akcipher({ ...ecdsa, key: jwk });
    await verifier.verify(await signer.sign(digest), digest);
  }
});

Deno.test("Web Crypto's keys are taken where they are extractable", async () => {
  await using driver = await Driver.start(await createDevice());
  const digest = await sha256(MESSAGE);
  const generate = (extractable: boolean) =>
    crypto.subtle.generateKey(
      { name: "ECDSA", namedCurve: "P-256" },
      extractable,
      ["sign", "verify"],
    );
  const pair = await generate(true);
  await using signer = await driver.akcipher({
    ...ecdsa,
    key: pair.privateKey,
  });
  await using verifier = await driver.akcipher({
    ...ecdsa,
    key: pair.publicKey,
  });
  await verifier.verify(await signer.sign(digest), digest);
  const secret = await crypto.subtle.generateKey(
    { name: "AES-CTR", length: 256 },
    true,
    ["encrypt"],
  );
  await using cipher = await driver.cipher({
    algorithm: "aes-ctr",
    direction: "encrypt",
    key: secret,
  });
  const counter = new Uint8Array(16);
  const expected = await crypto.subtle.encrypt(
    { name: "AES-CTR", counter, length: 64 },
    secret,
    MESSAGE,
  );
  deepStrictEqual(
    await cipher.run(MESSAGE, counter),
    new Uint8Array(expected),
  );
  const { privateKey } = await generate(false);
  await rejects(driver.akcipher({ ...ecdsa, key: privateKey }), {
    name: "TypeError",
    message:
      "Cannot open a session of akcipher.ecdsa: key is a CryptoKey that " +
      "is not extractable, expected one that is: the device needs its bytes",
  });
  await rejects(
    driver.akcipher({ ...ecdsa, key: secret }),
    /key is a secret CryptoKey, expected a public or a private one/,
  );
});

Deno.test("symmetric keys are taken as JSON Web Keys", async () => {
  await using driver = await Driver.start(await createDevice());
  const raw = crypto.getRandomValues(new Uint8Array(32));
  const k = raw.toBase64({ alphabet: "base64url", omitPadding: true });
  const open = (key: JsonWebKey | Uint8Array) =>
    driver.mac({ algorithm: "hmac-sha256", key });
  await using ours = await open({ kty: "oct", k });
  await using same = await open(raw);
  deepStrictEqual(await ours.digest(MESSAGE), await same.digest(MESSAGE));
  await rejects(open({ kty: "oct" }), /is a JSON Web Key without "k"/);
  await rejects(open({ kty: "oct", k: "?" }), /whose "k" is not base64url/);
  await rejects(open({ kty: "RSA" }), /of kty "RSA", expected "oct"/);
});

/** A key in a structure that says something else of it. */
function disguised(
  tag: DerTag.BitString | DerTag.OctetString,
  key: Uint8Array,
) {
  const identifier = Uint8Array.fromHex("2a864886f70d010101");
  const isPublic = tag === DerTag.BitString;
  const contents = isPublic ? Uint8Array.of(0, ...key) : key;
  const parts = [
    encodeSequence(
      encodeElement(DerTag.ObjectIdentifier, identifier),
      encodeElement(DerTag.Null, new Uint8Array(0)),
    ),
    encodeElement(tag, contents),
  ];
  return isPublic
    ? encodeSequence(...parts)
    : encodeSequence(encodeUnsigned(0n), ...parts);
}

Deno.test("a structure that says something else than the key within is refused", async () => {
  await using driver = await Driver.start(await createDevice());
  const cases = [
    disguised(DerTag.BitString, RSA_PRIVATE_KEY),
    disguised(DerTag.OctetString, RSA_PUBLIC_KEY),
    disguised(DerTag.OctetString, EC_PRIVATE_KEY),
  ];
  for (const key of cases) {
    await rejects(
      driver.akcipher({ ...rsa, key }),
      /key is broken DER \(what is inside is another key than it says\)/,
    );
  }
  // They are right but for what is inside.
  for (
    const key of [
      disguised(DerTag.BitString, RSA_PUBLIC_KEY),
      disguised(DerTag.OctetString, RSA_PRIVATE_KEY),
    ]
  ) await (await driver.akcipher({ ...rsa, key })).close();
});

Deno.test("keys that cannot be used say why", async () => {
  await using driver = await Driver.start(await createDevice());
  const encrypted = RSA.privateKey.export({
    type: "pkcs8",
    format: "pem",
    cipher: "aes-128-cbc",
    passphrase: "secret",
  }) as string;
  const jwk = RSA.privateKey.export({ format: "jwk" }) as JsonWebKey;
  const pkcs8 = new Uint8Array(
    RSA.privateKey.export({ type: "pkcs8", format: "der" }),
  );
  const ed25519 = generateKeyPairSync("ed25519").privateKey
    .export({ type: "pkcs8", format: "pem" }) as string;
  const certificate = RSA.publicForms["SubjectPublicKeyInfo in PEM"] as string;
  const cases: readonly (readonly [AsymmetricKey, RegExp])[] = [
    [encrypted, /key has a passphrase, expected a key that is decrypted/],
    [ed25519, /key is of another algorithm, expected a key of RSA or ECDSA/],
    [
      certificate.replaceAll("PUBLIC KEY", "CERTIFICATE"),
      /is a text with the PEM blocks CERTIFICATE, expected one key in PEM/,
    ],
    ["my key", /is a text with no PEM block, expected one key in PEM/],
    [certificate.slice(0, -30), /is broken PEM \(a block "PUBLIC KEY" without/],
    [certificate + certificate, /blocks PUBLIC KEY, PUBLIC KEY, expected one/],
    [pkcs8.subarray(0, -1), /key is broken DER \(.*\), expected PKCS#8, Subj/],
    [
      { kty: "RSA", n: jwk.n!, e: jwk.e!, d: jwk.d! },
      /JSON Web Key without "p"/,
    ],
    [{ kty: "OKP" }, /of kty "OKP", expected "RSA" or "EC"/],
    [{ ...jwk, oth: [] }, /of more than two primes/],
    [{ kty: "EC", crv: "secp256k1" }, /of crv "secp256k1", expected "P-256"/],
    [
      { kty: "EC", crv: "P-256", x: "AAAA", y: "AAAA" },
      /whose "x" has 3 bytes, expected 32 for P-256/,
    ],
  ];
  for (const [key, message] of cases) {
    await rejects(driver.akcipher({ ...rsa, key }), (error) => {
      ok(error instanceof TypeError, `${error}`);
      ok(message.test(error.message), error.message);
      return true;
    });
  }
  // Nothing of a key is in a message.
  const secret = jwk.d!.slice(0, 12);
  for (const [key] of cases) {
    await rejects(
      driver.akcipher({ ...rsa, key }),
      (error) => !`${error}`.includes(secret),
    );
  }
});
