import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  AEADS,
  allowsLength,
  CIPHERS,
  HASHES,
  MACS,
  qualifiedName,
} from "../../algorithms/catalogue.ts";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import { OperationKind } from "../../backends/backend.ts";
import { compute } from "../../conformance/plain/compute.ts";
import { Status } from "../../device/wire/status.ts";
import { type Input, offeredBy, run, withSession } from "./requests.ts";
import { anywhere, type Guest, modesOf, testOnSetups } from "./setups.ts";

const pattern = (lengthBytes: number, step: number): Uint8Array =>
  Uint8Array.from({ length: lengthBytes }, (_, i) => i * step + (i >> 8));

const KIB_64 = 65536;
const AROUND_64_KIB = [KIB_64 - 1, KIB_64, KIB_64 + 1];
const around = (blockBytes: number) => [
  0,
  1,
  blockBytes - 1,
  blockBytes,
  blockBytes + 1,
];

/** A session with the lengths of its data and of its IV. */
interface Case {
  readonly session: SessionDescription;
  readonly ivBytes: number;
  readonly lengths: readonly number[];
}

/** One session of each offered symmetric algorithm. */
function cases(offered: ReadonlySet<string>): Case[] {
  const all: Case[] = [
    ...CIPHERS.map((entry): Case => ({
      session: {
        service: "cipher",
        algorithm: entry.name,
        direction: "encrypt",
        key: pattern(entry.keyBytes.maximum, 5),
      },
      ivBytes: entry.ivBytes,
      lengths: cipherLengths(entry.blockBytes, entry.minimumBytes),
    })),
    ...HASHES.map(({ name, digestBytes, blockBytes }): Case => ({
      session: { service: "hash", algorithm: name, resultBytes: digestBytes },
      ivBytes: 0,
      lengths: [...around(blockBytes), ...AROUND_64_KIB],
    })),
    ...MACS.map((entry): Case => ({
      session: {
        service: "mac",
        algorithm: entry.name,
        key: pattern(entry.keyBytes.maximum, 3),
        resultBytes: entry.digestBytes,
      },
      ivBytes: 0,
      lengths: macLengths(entry.name),
    })),
    ...AEADS.map((entry): Case => ({
      session: {
        service: "aead",
        algorithm: entry.name,
        direction: "encrypt",
        key: pattern(entry.keyBytes.maximum, 7),
        tagBytes: 16,
      },
      ivBytes: 12,
      lengths: [...around(16), ...AROUND_64_KIB],
    })),
  ];
  return all.filter(({ session }) =>
    session.service !== "chain" &&
    offered.has(`${session.service}.${session.algorithm}`)
  );
}

function cipherLengths(blockBytes: number, minimumBytes: number): number[] {
  const legal = (lengthBytes: number) =>
    lengthBytes % blockBytes === 0 &&
    (lengthBytes === 0 || lengthBytes >= minimumBytes);
  const near = [KIB_64 - blockBytes, KIB_64 + blockBytes];
  const block = Math.max(blockBytes, minimumBytes);
  const all = [...around(block), 2 * block, ...AROUND_64_KIB, ...near];
  return [...new Set(all.filter(legal))];
}

/** GMAC's IV opens the data; CBC-MAC is made of whole blocks. */
function macLengths(name: string): number[] {
  if (name === "cbcmac-aes") return [16, 32, KIB_64, KIB_64 + 16];
  const first = name.startsWith("gmac") ? 12 : 0;
  return [...around(16), ...AROUND_64_KIB].map((length) => length + first);
}

interface Expected {
  readonly destination: Uint8Array;
  readonly digest: Uint8Array;
}

const known = new Map<string, Expected>();

/** What the kit's own implementation makes of it; kept for other setups. */
function expectedOf({ session, ivBytes }: Case, input: Input): Expected {
  const name = JSON.stringify([
    session.service,
    "algorithm" in session && session.algorithm,
    input.source.length,
  ]);
  const before = known.get(name);
  if (before) return before;
  const isDigest = input.operation === "digest";
  const result = compute(session, {
    kind: isDigest ? OperationKind.Digest : OperationKind.Encrypt,
    source: input.source,
    iv: pattern(ivBytes, 11),
    ...(input.additionalData ? { additionalData: input.additionalData } : {}),
    destinationBytes: isDigest ? 0 : input.source.length,
    digestBytes: 16,
  });
  if (!result) throw new Error(`The kit does not know ${name}`);
  const { destination, digest } = result;
  known.set(name, { destination, digest });
  return { destination, digest };
}

const same = (a: Uint8Array, b: Uint8Array) =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);

async function checkCase(
  guest: Guest,
  one: Case,
  stateless: boolean,
): Promise<void> {
  const { session, ivBytes, lengths } = one;
  const operation = session.service === "hash" || session.service === "mac"
    ? "digest"
    : "encrypt";
  await withSession(guest, session, stateless, async (id) => {
    for (const lengthBytes of lengths) {
      const input: Input = {
        operation,
        source: pattern(lengthBytes, 13),
        iv: pattern(ivBytes, 11),
        ...(session.service === "aead"
          ? { additionalData: pattern(20, 17) }
          : {}),
      };
      const what = `${session.service} ${
        "algorithm" in session && session.algorithm
      } over ${lengthBytes} bytes`;
      const outcome = await run(guest, session, id, input);
      strictEqual(outcome.status, Status.Ok, what);
      const expected = expectedOf(one, input);
      ok(same(outcome.destination, expected.destination), what);
      ok(same(outcome.digest, expected.digest), what);
    }
  });
}

testOnSetups(
  "every offered algorithm is right for no data, a byte, around a block and around 64 KiB",
  anywhere,
  async (guest) => {
    const offered = offeredBy(guest);
    const tried = cases(offered);
    strictEqual(
      tried.length,
      [...CIPHERS, ...HASHES, ...MACS, ...AEADS]
        .filter((entry) => offered.has(qualifiedName(entry))).length,
    );
    for (const one of tried) {
      // The way of the data is the same: one mode is enough for so much of it.
      await checkCase(guest, one, modesOf(guest.setup).at(-1)!);
    }
  },
);

const SMALL_SIZE = 128 * 1024;
const SOURCE_BYTES = 33;
const TAG_BYTES = 16;

/** Bytes of the variable parts other than the associated data. */
function otherBytes(guest: Guest, one: Case, stateless: boolean): number {
  const { session, ivBytes } = one;
  if (session.service !== "aead") throw new Error("No AEAD session");
  const isDraft = guest.setup.layout === "draft 9";
  const ivFieldBytes = session.algorithm === "ccm" && !isDraft ? 16 : ivBytes;
  const keyBytes = stateless ? session.key.length : 0;
  return ivFieldBytes + keyBytes + 2 * SOURCE_BYTES + TAG_BYTES;
}

async function checkMaximum(
  guest: Guest,
  one: Case,
  stateless: boolean,
): Promise<void> {
  const { session, ivBytes } = one;
  const most = SMALL_SIZE - otherBytes(guest, one, stateless);
  const input = (additionalDataBytes: number): Input => ({
    operation: "encrypt",
    source: pattern(SOURCE_BYTES, 13),
    iv: pattern(ivBytes, 11),
    additionalData: pattern(additionalDataBytes, 17),
  });
  await withSession(guest, session, stateless, async (id) => {
    const outcome = await run(guest, session, id, input(most));
    strictEqual(outcome.status, Status.Ok);
    const expected = compute(session, {
      kind: OperationKind.Encrypt,
      source: pattern(SOURCE_BYTES, 13),
      iv: pattern(ivBytes, 11),
      additionalData: pattern(most, 17),
      destinationBytes: SOURCE_BYTES,
      digestBytes: TAG_BYTES,
    })!;
    deepStrictEqual([...outcome.destination], [...expected.destination]);
    deepStrictEqual([...outcome.digest], [...expected.digest]);
    const beyond = await run(guest, session, id, input(most + 1));
    strictEqual(beyond.status, Status.Error);
    ok(beyond.destination.every((byte) => byte === 0));
  });
}

testOnSetups(
  "associated data may fill max_size and not exceed it",
  anywhere,
  async (guest) => {
    const aeads = cases(offeredBy(guest))
      .filter(({ session }) => session.service === "aead");
    ok(aeads.length > 0);
    for (const one of aeads) {
      for (const stateless of modesOf(guest.setup)) {
        await checkMaximum(guest, one, stateless);
      }
    }
  },
  { maximumSizeBytes: SMALL_SIZE },
);

testOnSetups(
  "CCM takes every nonce of 7 to 13 bytes, GCM one of 12 or J0",
  anywhere,
  async (guest) => {
    const offered = offeredBy(guest);
    for (const entry of AEADS) {
      ok(offered.has(qualifiedName(entry)));
      const [one] = cases(new Set([qualifiedName(entry)]));
      const { session } = one!;
      await withSession(guest, session, false, async (id) => {
        // Behind the first byte CCM's field has room for 15.
        const room = entry.ivFieldBytes === undefined ? 16 : 15;
        for (let ivBytes = 1; ivBytes <= room; ivBytes++) {
          const source = pattern(40, 13);
          const iv = pattern(ivBytes, 11);
          const input = { operation: "encrypt", source, iv } as const;
          const { status, destination } = await run(guest, session, id, input);
          if (!allowsLength(entry.ivBytes, ivBytes)) {
            strictEqual(status, Status.Error, `${entry.name}, IV ${ivBytes}`);
            continue;
          }
          strictEqual(status, Status.Ok, `${entry.name}, IV of ${ivBytes}`);
          const expected = compute(session, {
            kind: OperationKind.Encrypt,
            source,
            iv,
            destinationBytes: 40,
            digestBytes: TAG_BYTES,
          })!;
          deepStrictEqual([...destination], [...expected.destination]);
        }
      });
    }
  },
);

testOnSetups(
  "what one algorithm alone demands of lengths is demanded: CBC-MAC, GMAC, CCM",
  anywhere,
  async (guest) => {
    const mac = (algorithm: string): SessionDescription => ({
      service: "mac",
      algorithm,
      key: pattern(16, 3),
      resultBytes: 16,
    });
    const digestOf = async (algorithm: string, lengthBytes: number) => {
      let status = Status.Error;
      await withSession(guest, mac(algorithm), false, async (id) => {
        const source = pattern(lengthBytes, 13);
        const input = { operation: "digest", source } as const;
        ({ status } = await run(guest, mac(algorithm), id, input));
      });
      return status;
    };
    strictEqual(await digestOf("cbcmac-aes", 15), Status.Error);
    strictEqual(await digestOf("cbcmac-aes", 16), Status.Ok);
    strictEqual(await digestOf("gmac-aes", 11), Status.Error);
    strictEqual(await digestOf("gmac-aes", 12), Status.Ok);
    // A nonce of 13 bytes leaves two for the length.
    const { session } = cases(new Set(["aead.ccm"]))[0]!;
    await withSession(guest, session, false, async (id) => {
      const seal = async (lengthBytes: number, ivBytes: number) =>
        (await run(guest, session, id, {
          operation: "encrypt",
          source: pattern(lengthBytes, 13),
          iv: pattern(ivBytes, 11),
        })).status;
      strictEqual(await seal(KIB_64 - 1, 13), Status.Ok);
      strictEqual(await seal(KIB_64, 13), Status.Error);
      strictEqual(await seal(KIB_64, 12), Status.Ok);
    });
  },
);
