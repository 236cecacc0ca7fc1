import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import { OperationKind } from "../../backends/backend.ts";
import { compute } from "../../conformance/plain/compute.ts";
import { Random } from "../../conformance/random.ts";
import { F_REVISION_1, F_VERSION_1 } from "../../device/wire/features.ts";
import { Status } from "../../device/wire/status.ts";
import { cipherHeader, openAesCbc } from "../../testing/requests.ts";
import { RawGuest } from "../../testing/raw_guest.ts";
import { type Input, run, withSession } from "./requests.ts";
import { anywhere, type Guest, testOnSetups } from "./setups.ts";

/** What `openAesCbc` opens. */
const AES_CBC: SessionDescription = {
  service: "cipher",
  algorithm: "aes-cbc",
  direction: "encrypt",
  key: Uint8Array.from({ length: 16 }, (_, i) => i),
};

const REQUESTS = 300;
const SIZES = [16, 32, 48, 4096];

const cipher =
  (direction: "encrypt" | "decrypt", keyBytes: number) => (random: Random) => ({
    service: "cipher",
    algorithm: "aes-cbc",
    direction,
    key: random.bytes(keyBytes),
  } as const);

const hash = (algorithm: string, resultBytes: number) => () =>
  ({ service: "hash", algorithm, resultBytes }) as const;

const gcm = (random: Random) => ({
  service: "aead",
  algorithm: "gcm",
  direction: "encrypt",
  key: random.bytes(16),
  tagBytes: 16,
} as const);

/** Several of one kind, with keys of their own, and some that are like them. */
const KINDS: readonly ((random: Random) => SessionDescription)[] = [
  cipher("encrypt", 16),
  cipher("encrypt", 16),
  cipher("encrypt", 32),
  cipher("decrypt", 16),
  hash("sha256", 32),
  hash("sha256", 32),
  hash("sha512", 64),
  gcm,
  gcm,
];

/** One request with what must come of it. */
async function check(
  guest: Guest,
  session: SessionDescription,
  id: number,
  sourceBytes: number,
  random: Random,
): Promise<void> {
  const source = random.bytes(sourceBytes);
  const isHash = session.service === "hash";
  const decrypts = session.service === "cipher" &&
    session.direction === "decrypt";
  const input: Input = {
    operation: isHash ? "digest" : decrypts ? "decrypt" : "encrypt",
    source,
    iv: isHash ? undefined : random.bytes(session.service === "aead" ? 12 : 16),
  };
  const outcome = await run(guest, session, id, input);
  const expected = compute(session, {
    kind: isHash
      ? OperationKind.Digest
      : decrypts
      ? OperationKind.Decrypt
      : OperationKind.Encrypt,
    source,
    ...(input.iv ? { iv: input.iv } : {}),
    destinationBytes: isHash ? 0 : sourceBytes,
    digestBytes: outcome.digest.length,
  })!;
  strictEqual(outcome.status, Status.Ok);
  deepStrictEqual([...outcome.destination], [...expected.destination]);
  deepStrictEqual([...outcome.digest], [...expected.digest]);
}

/** What is refused must not be taken for a repetition of what was not. */
async function checkRefused(
  guest: Guest,
  session: SessionDescription,
  id: number,
  random: Random,
): Promise<void> {
  const operation = session.service === "hash" ? "digest" : "encrypt";
  const source = random.bytes(32);
  const iv = session.service === "hash" ? undefined : random.bytes(16);
  const nobody = await run(guest, session, id + 1000, {
    operation,
    source,
    iv,
  });
  strictEqual(nobody.status, Status.InvalidSession);
  if (session.service !== "cipher") return;
  const uneven = { operation, source: random.bytes(33), iv } as const;
  strictEqual((await run(guest, session, id, uneven)).status, Status.Error);
}

async function openAll(
  guest: Guest,
  sessions: readonly SessionDescription[],
  use: (ids: readonly number[]) => Promise<void>,
  ids: readonly number[] = [],
): Promise<void> {
  const [next, ...rest] = sessions;
  if (!next) return await use(ids);
  await withSession(
    guest,
    next,
    false,
    (id) => openAll(guest, rest, use, [...ids, id!]),
  );
}

testOnSetups(
  "requests that look like the one before get answers of their own",
  anywhere,
  async (guest) => {
    const random = new Random(20261122);
    const sessions = KINDS.map((make) => make(random));
    await openAll(guest, sessions, async (ids) => {
      let kind = 0;
      let size = SIZES[0]!;
      for (let i = 0; i < REQUESTS; i++) {
        if (random.oneIn(2)) kind = random.integer(KINDS.length);
        if (random.oneIn(3)) size = SIZES[random.integer(SIZES.length)]!;
        if (random.oneIn(8)) {
          await checkRefused(guest, sessions[kind]!, ids[kind]!, random);
        }
        await check(guest, sessions[kind]!, ids[kind]!, size, random);
      }
    });
  },
);

Deno.test("the same header for a session of another kind is checked anew", async () => {
  using guest = await RawGuest.start({ backends: ["openssl", "noble"] });
  const encrypting = openAesCbc(guest);
  const decrypting = openAesCbc(guest, "decrypt");
  const iv = new Uint8Array(16);
  const send = (session: number) => {
    alignHeader(guest);
    const header = cipherHeader(session, 16, 16, 16);
    return guest.request(0, [header, iv, iv], [16, 1]).written[1]![0];
  };
  for (let i = 0; i < 3; i++) {
    strictEqual(send(encrypting), Status.Ok);
    strictEqual(send(encrypting), Status.Ok);
    strictEqual(send(decrypting), Status.Error);
  }
});

/** What AES-CBC makes of an IV and the data behind it. */
function encrypted(bytes: Uint8Array): number[] {
  const source = bytes.subarray(16);
  const result = compute(AES_CBC, {
    kind: OperationKind.Encrypt,
    source,
    iv: bytes.subarray(0, 16),
    destinationBytes: source.length,
    digestBytes: 0,
  });
  return [...result!.destination];
}

Deno.test("the same header over other descriptors takes its data from there", async () => {
  using guest = await RawGuest.start();
  const session = openAesCbc(guest);
  const header = cipherHeader(session, 16, 32, 32);
  const random = new Random(7);
  const layouts = [[16, 32], [48], [8, 40], [16, 16, 16], [40, 8], [16, 32]];
  for (const layout of layouts.flatMap((one) => [one, one])) {
    const bytes = random.bytes(48);
    let at = 0;
    const pieces = layout.map((length) => bytes.slice(at, at += length));
    alignHeader(guest, 33 + 2);
    const { written } = guest.request(0, [header, ...pieces], [32, 1]);
    strictEqual(written[1]![0], Status.Ok);
    deepStrictEqual([...written[0]!], encrypted(bytes));
  }
});

/** What a header with one byte changed gets: at, value, status. */
type RefusedHeader = readonly [at: number, value: number, status: Status];

const REFUSALS: readonly RefusedHeader[] = [
  // op_type, which decides how the rest is read.
  [64, 9, Status.NotSupported],
  // An opcode that no data queue has.
  [0, 0x77, Status.NotSupported],
  // iv_len and dst_data_len.
  [24, 15, Status.Error],
  [32, 32, Status.Error],
  [8, 0xee, Status.InvalidSession],
];

/** Bytes that a guest takes for a result and a status, a canary behind each. */
const WRITABLE_BYTES = 17 + 2;

/** Sees to it that the next header is aligned, as only such are compared. */
function alignHeader(guest: RawGuest, writableBytes = WRITABLE_BYTES): void {
  const next = guest.allocate(0) + 1;
  const over = (next + writableBytes) % 4;
  if (over > 0) guest.allocate(3 - over);
}

async function checkRefusals(
  features: bigint,
  flag: number,
  refusals: readonly RefusedHeader[],
): Promise<void> {
  using guest = await RawGuest.start({}, features);
  const good = cipherHeader(openAesCbc(guest), 16, 16, 16);
  // Linux leaves `algo` 0.
  good.fill(0, 4, 8);
  good[16] = flag;
  const iv = new Uint8Array(16);
  const send = (header: Uint8Array) => {
    alignHeader(guest);
    return guest.request(0, [header, iv, iv], [16, 1]).written[1]![0];
  };
  strictEqual(send(good), Status.Ok);
  for (const [at, value, status] of refusals) {
    const bad = good.slice();
    bad[at] = value;
    const expected = [
      [bad, status],
      [good, Status.Ok],
      [good, Status.Ok],
      [bad, status],
      [bad, status],
      [good, Status.Ok],
    ] as const;
    for (const [header, answer] of expected) strictEqual(send(header), answer);
  }
}

Deno.test("a refused header does not stand for the one that comes after it", async () => {
  await checkRefusals(F_VERSION_1, 0, REFUSALS);
  // `flag` says that there is no session.
  const stateless: RefusedHeader = [16, 0, Status.NotSupported];
  await checkRefusals(F_VERSION_1 | F_REVISION_1, 1, [...REFUSALS, stateless]);
});
