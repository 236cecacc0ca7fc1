import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { algorithmByName } from "../../algorithms/catalogue.ts";
import { RSA_HASHES } from "../../algorithms/public_key.ts";
import type {
  EcdsaSession,
  RsaSession,
} from "../../algorithms/session_description.ts";
import { plainHash } from "../../conformance/plain/digests.ts";
import {
  ECDSA_ANSWERS,
  ECDSA_MESSAGE,
  type EcdsaAnswer,
} from "../../conformance/vectors/ecdsa.ts";
import { hex } from "../../conformance/vectors/known_answer.ts";
import {
  RSA_ANSWERS,
  RSA_MESSAGE,
  type RsaAnswer,
} from "../../conformance/vectors/rsa.ts";
import { Status } from "../../device/wire/status.ts";
import { type Input, run, statusOf, withSession } from "./requests.ts";
import {
  exceptDraft9,
  type Guest,
  modesOf,
  type Setup,
  testOnSetups,
} from "./setups.ts";
import { unchecked } from "../../testing/unchecked.ts";

const ROOM_BYTES = 1024;
const REFUSALS = [Status.Error, Status.NotSupported];

const hashOf = (name: string, message: Uint8Array): Uint8Array =>
  plainHash(name, message, algorithmByName("hash", name)!.digestBytes)!;

const rsaSession = (
  answer: RsaAnswer,
  changes: Partial<RsaSession> = {},
): RsaSession => ({
  service: "akcipher",
  algorithm: "rsa",
  keyType: "private",
  key: changes.keyType === "public" ? answer.publicKey : answer.privateKey,
  padding: "pkcs1",
  hash: "sha256",
  ...changes,
});

/** The result of a request that succeeds, as long as the used length says. */
async function result(
  guest: Guest,
  session: RsaSession | EcdsaSession,
  id: number | undefined,
  input: Input,
): Promise<Uint8Array> {
  const request = { destinationBytes: ROOM_BYTES, ...input };
  const outcome = await run(guest, session, id, request);
  strictEqual(outcome.status, Status.Ok);
  return outcome.destination.subarray(0, outcome.writtenBytes - 1);
}

async function verdict(
  guest: Guest,
  session: RsaSession | EcdsaSession,
  id: number | undefined,
  signature: Uint8Array,
  digest: Uint8Array,
): Promise<Status> {
  const { status } = await run(guest, session, id, {
    operation: "verify",
    source: signature,
    additionalData: digest,
  });
  return status;
}

const flip = (bytes: Uint8Array, at: number): Uint8Array =>
  bytes.with(at, bytes[at]! ^ 1) as Uint8Array;

/** The longest keys take long to use without a native library. */
const fits = ({ backend }: Setup, { bits }: RsaAnswer) =>
  bits <= 2048 || backend === "openssl";

const eachAnswer = async (
  guest: Guest,
  use: (answer: RsaAnswer, stateless: boolean) => Promise<void>,
) => {
  for (const answer of RSA_ANSWERS) {
    if (!fits(guest.setup, answer)) continue;
    for (const stateless of modesOf(guest.setup)) await use(answer, stateless);
  }
};

testOnSetups(
  "RSA signs and verifies as published, with every key length",
  exceptDraft9,
  (guest) =>
    eachAnswer(guest, async (answer, stateless) => {
      for (const hash of ["sha1", "sha256"] as const) {
        const expected = answer[`${hash}Signature`];
        const digest = hashOf(hash, RSA_MESSAGE);
        const signer = rsaSession(answer, { hash });
        await withSession(guest, signer, stateless, async (id) => {
          const input = { operation: "sign", source: digest } as const;
          deepStrictEqual(
            [...await result(guest, signer, id, input)],
            [...expected],
          );
        });
        for (const keyType of ["public", "private"] as const) {
          const verifier = rsaSession(answer, { hash, keyType });
          await withSession(guest, verifier, stateless, async (id) => {
            strictEqual(
              await verdict(guest, verifier, id, expected, digest),
              Status.Ok,
            );
          });
        }
      }
    }),
);

testOnSetups(
  "RSA encrypts and decrypts with both paddings, with exact result lengths",
  exceptDraft9,
  (guest) =>
    eachAnswer(guest, async (answer, stateless) => {
      const modulusBytes = Math.ceil(answer.bits / 8);
      const secret = Uint8Array.from({ length: 20 }, (_, i) => i + 1);
      const raw = new Uint8Array(modulusBytes);
      raw.set(secret, modulusBytes - secret.length);
      for (
        const [padding, source] of [["pkcs1", secret], ["raw", raw]] as const
      ) {
        let sealed = new Uint8Array();
        const pub = rsaSession(answer, { padding, keyType: "public" });
        await withSession(guest, pub, stateless, async (id) => {
          const input = { operation: "encrypt", source } as const;
          sealed = Uint8Array.from(await result(guest, pub, id, input));
          strictEqual(sealed.length, modulusBytes);
        });
        const own = rsaSession(answer, { padding });
        await withSession(guest, own, stateless, async (id) => {
          const input = { operation: "decrypt", source: sealed } as const;
          deepStrictEqual(
            [...await result(guest, own, id, input)],
            [...source],
          );
        });
      }
    }),
);

testOnSetups(
  "RSA signatures name every hash of the standard",
  exceptDraft9,
  async (guest) => {
    const answer = RSA_ANSWERS.find(({ bits }) => bits === 1024)!;
    const stateless = modesOf(guest.setup).at(-1)!;
    for (const { name, digestBytes } of RSA_HASHES) {
      const digest = new Uint8Array(digestBytes || 24).fill(digestBytes);
      const session = rsaSession(answer, { hash: name });
      await withSession(guest, session, stateless, async (id) => {
        const input = { operation: "sign", source: digest } as const;
        const signature = await result(guest, session, id, input);
        strictEqual(signature.length, 128);
        const check = (bytes: Uint8Array) =>
          verdict(guest, session, id, bytes, digest);
        strictEqual(await check(signature), Status.Ok, name);
        strictEqual(await check(flip(signature, 77)), Status.KeyRejected, name);
      });
    }
  },
);

/** ECPrivateKey (RFC 5915) with the scalar alone. */
const ecPrivateKey = ({ privateKey }: EcdsaAnswer): Uint8Array =>
  Uint8Array.of(
    ...[0x30, privateKey.length + 5, 2, 1, 1],
    ...[4, privateKey.length, ...privateKey],
  );

/** DER of a signature's two numbers. */
function signatureOf(r: string, s: string): Uint8Array {
  const integer = (figures: string) => {
    const bytes = [...hex(figures)];
    while (bytes[0] === 0 && bytes[1]! < 0x80) bytes.shift();
    if (bytes[0]! >= 0x80) bytes.unshift(0);
    return [2, bytes.length, ...bytes];
  };
  const body = [...integer(r), ...integer(s)];
  return body.length < 0x80
    ? Uint8Array.of(0x30, body.length, ...body)
    : Uint8Array.of(0x30, 0x81, body.length, ...body);
}

/** The curves that Deno's node:crypto verifies on. */
const JWK_CURVES: Readonly<Record<string, string>> = {
  p256: "P-256",
  p384: "P-384",
};

/** Whether somebody else takes the signature; undefined: nobody else can. */
function othersVerify(
  { curve, publicKey }: EcdsaAnswer,
  signature: Uint8Array,
): boolean | undefined {
  const crv = JWK_CURVES[curve];
  if (!crv) return undefined;
  const half = (publicKey.length - 1) / 2;
  const figure = (start: number) =>
    publicKey.slice(start, start + half).toBase64({
      alphabet: "base64url",
      omitPadding: true,
    });
  const key = createPublicKey({
    key: { kty: "EC", crv, x: figure(1), y: figure(1 + half) },
    format: "jwk",
  });
  return verify("sha256", ECDSA_MESSAGE, key, signature);
}

testOnSetups(
  "ECDSA verifies what is published and signs what others verify, on every curve",
  exceptDraft9,
  async (guest) => {
    for (const answer of ECDSA_ANSWERS) {
      const { curve, publicKey, signatures } = answer;
      const own: EcdsaSession = {
        service: "akcipher",
        algorithm: "ecdsa",
        keyType: "private",
        key: ecPrivateKey(answer),
        curve,
      };
      const other = { ...own, keyType: "public", key: publicKey } as const;
      const digest = hashOf("sha256", ECDSA_MESSAGE);
      for (const stateless of modesOf(guest.setup)) {
        let signature = new Uint8Array();
        await withSession(guest, own, stateless, async (id) => {
          const input = { operation: "sign", source: digest } as const;
          signature = Uint8Array.from(await result(guest, own, id, input));
        });
        ok(othersVerify(answer, signature) ?? true, curve);
        await withSession(guest, other, stateless, async (id) => {
          const check = (bytes: Uint8Array, hashed = digest) =>
            verdict(guest, other, id, bytes, hashed);
          strictEqual(await check(signature), Status.Ok, curve);
          strictEqual(
            await check(signature, flip(digest, 3)),
            Status.KeyRejected,
          );
          for (const { hash, r, s } of signatures) {
            const hashed = hashOf(hash, ECDSA_MESSAGE);
            strictEqual(await check(signatureOf(r, s), hashed), Status.Ok);
          }
        });
      }
    }
  },
);

testOnSetups(
  "a broken public key is refused when the session is created",
  exceptDraft9,
  async (guest) => {
    const [answer] = RSA_ANSWERS;
    const cut = answer!.privateKey.slice(0, -1);
    strictEqual(
      await statusOf(
        unchecked(guest.driver).createSession(
          rsaSession(answer!, { key: cut }),
        ),
      ),
      Status.Error,
    );
    const offCurve = flip(ECDSA_ANSWERS[2]!.publicKey, 40);
    strictEqual(
      await statusOf(
        unchecked(guest.driver).akcipher({
          algorithm: "ecdsa",
          keyType: "public",
          key: offCurve,
          curve: ECDSA_ANSWERS[2]!.curve,
        }),
      ),
      Status.Error,
    );
  },
);

testOnSetups(
  "RAW sessions ignore the hash, and neither sign nor verify",
  exceptDraft9,
  async (guest) => {
    const answer = RSA_ANSWERS.find(({ bits }) => bits === 1024)!;
    const block = new Uint8Array(128).fill(1, 1);
    for (const stateless of modesOf(guest.setup)) {
      const session = rsaSession(answer, { padding: "raw", hash: "sha512" });
      await withSession(guest, session, stateless, async (id) => {
        const input = { operation: "encrypt", source: block } as const;
        strictEqual((await result(guest, session, id, input)).length, 128);
        const sign = await run(guest, session, id, {
          operation: "sign",
          source: block,
          destinationBytes: ROOM_BYTES,
        });
        ok(REFUSALS.includes(sign.status), `status ${sign.status}`);
        ok(sign.destination.every((byte) => byte === 0));
        const verified = await verdict(guest, session, id, block, block);
        ok(REFUSALS.includes(verified), `status ${verified}`);
      });
    }
  },
);

testOnSetups(
  "PKCS#1 sessions ignore the hash when they encrypt and decrypt",
  exceptDraft9,
  async (guest) => {
    const answer = RSA_ANSWERS.find(({ bits }) => bits === 1024)!;
    const secret = Uint8Array.from({ length: 20 }, (_, i) => i + 1);
    for (const hash of ["none", "md5", "sha1", "sha384", "sha512"]) {
      const pub = rsaSession(answer, { keyType: "public", hash });
      let sealed = new Uint8Array();
      await withSession(guest, pub, false, async (id) => {
        const input = { operation: "encrypt", source: secret } as const;
        sealed = Uint8Array.from(await result(guest, pub, id, input));
      });
      const own = rsaSession(answer, { hash: "sha256" });
      await withSession(guest, own, false, async (id) => {
        const input = { operation: "decrypt", source: sealed } as const;
        deepStrictEqual([...await result(guest, own, id, input)], [...secret]);
      });
    }
  },
);
