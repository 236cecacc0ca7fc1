/**
 * Sessions with fresh keys, and every number in them that is secret.
 *
 * @module
 */

import { generateKeyPairSync } from "node:crypto";
import { MULTI_PRIME_ANSWERS } from "../conformance/vectors/multi_prime_rsa.ts";
import { algorithmByName } from "../algorithms/catalogue.ts";
import { DerReader, DerTag } from "../algorithms/der.ts";
import {
  type AeadSession,
  type ChainSession,
  type CipherSession,
  keysOf,
  type MacSession,
  type SessionDescription,
} from "../algorithms/session_description.ts";
import { type Secret, secretOf } from "./process_memory.ts";

/** A session and what of it is secret. */
export interface SecretSession {
  readonly name: string;
  readonly description: SessionDescription;
  readonly secrets: readonly Secret[];
}

const random = (lengthBytes: number) =>
  crypto.getRandomValues(new Uint8Array(lengthBytes));

const CIPHERS = [
  ["aes-ecb", 32],
  ["aes-cbc", 16],
  ["aes-cbc", 24],
  ["aes-cbc", 32],
  ["aes-ctr", 32],
  ["aes-f8", 64],
  ["aes-xts", 64],
  ["snow3g-uea2", 16],
  ["zuc-eea3", 16],
  ["kasumi-f8", 16],
] as const;
const MACS = [
  ["hmac-sha256", 32],
  ["hmac-sha512", 100],
  ["hmac-sha1", 20],
  // Longer than the block, so that its digest is the key.
  ["hmac-md5", 200],
  ["cmac-aes", 32],
  ["gmac-aes", 32],
  ["gmac-twofish", 32],
  ["cbcmac-aes", 16],
  ["xcbc-aes", 16],
  ["snow3g-uia2", 16],
  ["zuc-eia3", 16],
  ["kasumi-f9", 16],
] as const;
const AEADS = [["gcm", 32], ["ccm", 32], ["chacha20-poly1305", 32]] as const;
const BOTH = ["encrypt", "decrypt"] as const;
const CURVES = [["p256", "prime256v1"], ["p521", "secp521r1"]] as const;

/** Sessions of every service and of the algorithms whose keys are kept apart. */
export function secretSessions(): SecretSession[] {
  return [
    ...symmetricSessions(),
    ...chains(),
    rsaSession(2048),
    multiPrimeSession(),
    ...ecSessions(),
  ];
}

/** One session of each kind, with keys that session messages have room for. */
export function fewSecretSessions(): SecretSession[] {
  const few = [
    "cipher.aes-cbc/256 encrypt",
    "mac.hmac-sha256/256 ",
    "aead.gcm/256 encrypt",
  ];
  return [
    ...symmetricSessions().filter(({ name }) => few.includes(name)),
    chains()[0]!,
    rsaSession(1024),
    ecSessions()[0]!,
  ];
}

function symmetricSessions(): SecretSession[] {
  const made: SecretSession[] = [];
  const add = (description: CipherSession | MacSession | AeadSession) => {
    const direction = "direction" in description ? description.direction : "";
    const { service, algorithm, key } = description;
    const name = `${service}.${algorithm}/${8 * key.length} ${direction}`;
    made.push({ name, description, secrets: halves(name, algorithm, key) });
  };
  for (const [algorithm, keyBytes] of CIPHERS) {
    for (const direction of BOTH) {
      add({ service: "cipher", algorithm, direction, key: random(keyBytes) });
    }
  }
  for (const [algorithm, keyBytes] of MACS) {
    const { digestBytes } = algorithmByName("mac", algorithm)!;
    const key = random(keyBytes);
    add({ service: "mac", algorithm, key, resultBytes: digestBytes });
  }
  for (const [algorithm, keyBytes] of AEADS) {
    for (const direction of BOTH) {
      const key = random(keyBytes);
      add({ service: "aead", algorithm, direction, key, tagBytes: 16 });
    }
  }
  return made;
}

/** Keys of XTS and F8 are two: libraries keep each for itself. */
function halves(name: string, algorithm: string, key: Uint8Array): Secret[] {
  if (algorithm !== "aes-xts" && algorithm !== "aes-f8") {
    return [secretOf(name, key)];
  }
  const middle = key.length / 2;
  return [
    secretOf(`${name}, first half`, key.subarray(0, middle)),
    secretOf(`${name}, second half`, key.subarray(middle)),
  ];
}

function chains(): SecretSession[] {
  return (["cipher-then-hash", "hash-then-cipher"] as const).map((order) => {
    const key = random(32);
    const authKey = random(20);
    const name = `chain ${order}`;
    return {
      name,
      description: {
        service: "chain",
        order,
        cipher: { algorithm: "aes-cbc", direction: "encrypt", key },
        hashMode: "auth",
        hashAlgorithm: "hmac-sha1",
        authKey,
        resultBytes: 20,
      },
      secrets: [
        secretOf(`${name}, cipher key`, key),
        secretOf(`${name}, MAC key`, authKey),
      ],
    };
  });
}

/** RFC 8017 §A.1.2, behind the modulus and the public exponent. */
const RSA_SECRETS = ["d", "p", "q", "dP", "dQ", "qInv"];

function rsaSession(bits: number): SecretSession {
  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: bits,
    publicKeyEncoding: { type: "pkcs1", format: "der" },
    privateKeyEncoding: { type: "pkcs1", format: "der" },
  });
  return describeRsa("rsa", new Uint8Array(privateKey));
}

function multiPrimeSession(): SecretSession {
  const { privateKey } = MULTI_PRIME_ANSWERS[0]!;
  return describeRsa("multi-prime rsa", privateKey.slice());
}

function describeRsa(name: string, key: Uint8Array): SecretSession {
  const fields = new DerReader(key).enter(DerTag.Sequence);
  for (let i = 0; i < 3; i++) fields.contents(DerTag.Integer);
  const number = (what: string, from = fields) =>
    secretOf(`${name} ${what}`, from.contents(DerTag.Integer));
  const secrets = RSA_SECRETS.map((what) => number(what));
  if (!fields.isAtEnd) {
    const others = fields.enter(DerTag.Sequence);
    while (!others.isAtEnd) {
      const other = others.enter(DerTag.Sequence);
      for (const what of ["r", "d", "t"]) secrets.push(number(what, other));
    }
  }
  return {
    name,
    description: {
      service: "akcipher",
      algorithm: "rsa",
      keyType: "private",
      key,
      padding: "pkcs1",
      hash: "sha256",
    },
    secrets,
  };
}

function ecSessions(): SecretSession[] {
  return CURVES.map(([curve, namedCurve]) => {
    const { privateKey } = generateKeyPairSync("ec", {
      namedCurve,
      publicKeyEncoding: { type: "spki", format: "der" },
      privateKeyEncoding: { type: "sec1", format: "der" },
    });
    const key = new Uint8Array(privateKey);
    const fields = new DerReader(key).enter(DerTag.Sequence);
    fields.contents(DerTag.Integer);
    const name = `ecdsa ${curve}`;
    return {
      name,
      description: {
        service: "akcipher",
        algorithm: "ecdsa",
        keyType: "private",
        key,
        curve,
      },
      secrets: [secretOf(name, fields.contents(DerTag.OctetString))],
    };
  });
}

/** Sessions that a device must refuse, for their keys or before it looks at them. */
export function refusedSessions(): SecretSession[] {
  const all = fewSecretSessions();
  const of = (name: string) => all.find((one) => one.name.startsWith(name))!;
  const rsa = of("rsa");
  const ec = of("ecdsa p256");
  // The coefficient ends a key, and the point of another.
  for (const { description } of [rsa, ec]) {
    const key = keysOf(description)[0]!;
    key[key.length - 1]! ^= 1;
  }
  const cipher = of("cipher.aes-cbc/256");
  const [key] = keysOf(cipher.description);
  const short = { ...cipher.description, key: key!.subarray(0, 31) };
  const chain = of("chain");
  return [
    { ...rsa, secrets: rsa.secrets.slice(0, -1) },
    ec,
    {
      ...cipher,
      description: short as SessionDescription,
      secrets: [secretOf("short key", short.key)],
    },
    {
      ...chain,
      description: { ...chain.description, resultBytes: 21 } as ChainSession,
    },
  ];
}
