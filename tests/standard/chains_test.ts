import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createCipheriv, createHash, createHmac } from "node:crypto";
import { CIPHERS, HASHES, MACS } from "../../algorithms/catalogue.ts";
import type { ChainSession } from "../../algorithms/session_description.ts";
import { OperationKind } from "../../backends/backend.ts";
import { compute } from "../../conformance/plain/compute.ts";
import { Status } from "../../device/wire/status.ts";
import { offeredBy, run, withSession } from "./requests.ts";
import {
  anywhere,
  exceptDraft9,
  type Guest,
  modesOf,
  testOnSetups,
} from "./setups.ts";

const pattern = (lengthBytes: number, step: number): Uint8Array =>
  Uint8Array.from({ length: lengthBytes }, (_, i) => i * step + 1);

const KEY = pattern(16, 3);
const AUTH_KEY = pattern(20, 5);
const IV = pattern(16, 7);
const DATA = pattern(192, 11);

const CBC_AND_HMAC: ChainSession = {
  service: "chain",
  order: "cipher-then-hash",
  cipher: { algorithm: "aes-cbc", key: KEY, direction: "encrypt" },
  hashMode: "auth",
  hashAlgorithm: "hmac-sha1",
  authKey: AUTH_KEY,
  resultBytes: 20,
};

function cbc(data: Uint8Array): Uint8Array {
  const cipher = createCipheriv("aes-128-cbc", KEY, IV).setAutoPadding(false);
  return new Uint8Array(cipher.update(data));
}

const hmac = (...parts: Uint8Array[]): number[] => {
  const code = createHmac("sha1", AUTH_KEY);
  for (const part of parts) code.update(part);
  return [...code.digest()];
};

async function check(
  guest: Guest,
  session: ChainSession,
  input: {
    additionalData?: Uint8Array;
    cipherStart?: number;
    cipherBytes?: number;
    hashStart?: number;
    hashBytes?: number;
  },
  destination: Uint8Array,
  digest: readonly number[],
): Promise<void> {
  for (const stateless of modesOf(guest.setup)) {
    await withSession(guest, session, stateless, async (id) => {
      const operation = session.cipher.direction;
      const whole = { operation, source: DATA, iv: IV, ...input };
      const outcome = await run(guest, session, id, whole);
      strictEqual(outcome.status, Status.Ok);
      deepStrictEqual([...outcome.destination], [...destination]);
      deepStrictEqual([...outcome.digest], [...digest]);
      strictEqual(
        outcome.writtenBytes,
        guest.setup.layout === "draft 9"
          ? 104
          : destination.length + digest.length + 1,
      );
    });
  }
}

testOnSetups(
  "a chain enciphers and authenticates in both orders",
  anywhere,
  async (guest) => {
    const secret = cbc(DATA);
    await check(guest, CBC_AND_HMAC, {}, secret, hmac(secret));
    const other = { ...CBC_AND_HMAC, order: "hash-then-cipher" } as const;
    await check(guest, other, {}, secret, hmac(DATA));
  },
);

testOnSetups(
  "a chain with a plain hash needs no second key",
  anywhere,
  async (guest) => {
    const secret = cbc(DATA);
    const digest = [...createHash("sha256").update(secret).digest()];
    await check(
      guest,
      {
        ...CBC_AND_HMAC,
        hashMode: "plain",
        hashAlgorithm: "sha256",
        authKey: new Uint8Array(),
        resultBytes: 32,
      },
      {},
      secret,
      digest,
    );
  },
);

testOnSetups(
  "associated data of a chain is authenticated where there is any",
  anywhere,
  async (guest) => {
    const secret = cbc(DATA);
    for (const lengthBytes of [0, 1, 13, 256]) {
      const additionalData = pattern(lengthBytes, 13);
      const digest = hmac(additionalData, secret);
      await check(guest, CBC_AND_HMAC, { additionalData }, secret, digest);
    }
  },
);

testOnSetups(
  "a chain works on the ranges that its request names",
  exceptDraft9,
  async (guest) => {
    const destination = DATA.slice();
    destination.set(cbc(DATA.subarray(16, 176)), 16);
    const ranges = {
      cipherStart: 16,
      cipherBytes: 160,
      hashStart: 8,
      hashBytes: 180,
    };
    const digest = hmac(destination.subarray(8, 188));
    await check(guest, CBC_AND_HMAC, ranges, destination, digest);
  },
);

testOnSetups(
  "every offered cipher and every offered digest chain",
  anywhere,
  async (guest) => {
    const offered = offeredBy(guest);
    const ciphers = CIPHERS.filter(({ name }) => offered.has(`cipher.${name}`));
    const hashes = HASHES.filter(({ name }) => offered.has(`hash.${name}`));
    const macs = MACS.filter(({ name, ivBytes }) =>
      offered.has(`mac.${name}`) && ivBytes === 0
    );
    ok(ciphers.length > 0 && hashes.length > 0 && macs.length > 0);
    const session = (
      cipher: (typeof ciphers)[number],
      rest: Partial<ChainSession>,
    ): ChainSession => ({
      ...CBC_AND_HMAC,
      cipher: {
        algorithm: cipher.name,
        key: pattern(cipher.keyBytes.maximum, 3),
        direction: "encrypt",
      },
      ...rest,
    });
    const plain = (name: string, resultBytes: number) => ({
      hashMode: "plain" as const,
      hashAlgorithm: name,
      authKey: new Uint8Array(),
      resultBytes,
    });
    const all = [
      ...ciphers.map((cipher) => session(cipher, {})),
      ...hashes.map(({ name, digestBytes }) =>
        session(ciphers[0]!, plain(name, digestBytes))
      ),
      ...macs.map(({ name, keyBytes, digestBytes }) =>
        session(ciphers[0]!, {
          hashAlgorithm: name,
          authKey: pattern(keyBytes.minimum, 5),
          resultBytes: digestBytes,
        })
      ),
    ];
    for (const one of all) await checkAgainstKit(guest, one);
  },
);

async function checkAgainstKit(
  guest: Guest,
  session: ChainSession,
): Promise<void> {
  const { ivBytes } = CIPHERS.find(({ name }) =>
    name === session.cipher.algorithm
  )!;
  const iv = IV.subarray(0, ivBytes);
  const expected = compute(session, {
    kind: OperationKind.Encrypt,
    source: DATA,
    iv,
    destinationBytes: DATA.length,
    digestBytes: session.resultBytes,
    cipherBytes: DATA.length,
    hashBytes: DATA.length,
  })!;
  const what = `${session.cipher.algorithm} and ${session.hashAlgorithm}`;
  await withSession(
    guest,
    session,
    modesOf(guest.setup).at(-1)!,
    async (id) => {
      const input = { operation: "encrypt", source: DATA, iv } as const;
      const outcome = await run(guest, session, id, input);
      strictEqual(outcome.status, Status.Ok, what);
      deepStrictEqual([...outcome.destination], [...expected.destination]);
      deepStrictEqual([...outcome.digest], [...expected.digest], what);
    },
  );
}
