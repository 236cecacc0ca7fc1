import {
  deepStrictEqual,
  notDeepStrictEqual,
  ok,
  strictEqual,
} from "node:assert/strict";
import { algorithmByName, type Service } from "../../algorithms/catalogue.ts";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import { KNOWN_ANSWERS } from "../../conformance/known_answers.ts";
import type { KnownAnswer } from "../../conformance/vectors/known_answer.ts";
import { Status } from "../../device/wire/status.ts";
import { offeredBy, run, withSession } from "./requests.ts";
import { testWith } from "../../testing/real_parts.ts";
import {
  anywhere,
  type Guest,
  modesOf,
  OTHER_BACKENDS,
  partOf,
  start,
  testOnSetups,
} from "./setups.ts";

/**
 * Algorithms of one backend alone, whose answers are beside it: in
 * backends/ipsec_mb/known_answers_test.ts and libgcrypt/libgcrypt_test.ts.
 */
const ANSWERED_ELSEWHERE = [
  "cipher.kasumi-f8",
  "cipher.snow3g-uea2",
  "cipher.zuc-eea3",
  "mac.kasumi-f9",
  "mac.cbcmac-kasumi-f9",
  "mac.snow3g-uia2",
  "mac.zuc-eia3",
  "mac.gmac-twofish",
];

const EMPTY = new Uint8Array();

function qualifiedNameOf(session: SessionDescription): string {
  if (session.service === "chain") throw new Error("A chain has two names");
  return `${session.service}.${session.algorithm}`;
}

const isDigest = ({ service }: SessionDescription) =>
  service === "hash" || service === "mac";

/** Runs an answer forwards, and where there is a way back, backwards. */
async function checkAnswer(
  guest: Guest,
  answer: KnownAnswer,
  stateless: boolean,
): Promise<void> {
  const { session, standard, source, iv, additionalData } = answer;
  const { destination = EMPTY, digest = EMPTY } = answer;
  await withSession(guest, session, stateless, async (id) => {
    const operation = isDigest(session) ? "digest" : "encrypt";
    const outcome = await run(guest, session, id, {
      operation,
      source,
      iv,
      additionalData,
    });
    strictEqual(outcome.status, Status.Ok, standard);
    deepStrictEqual([...outcome.destination], [...destination], standard);
    deepStrictEqual([...outcome.digest], [...digest], standard);
  });
  if (isDigest(session)) return;
  const back = { ...session, direction: "decrypt" } as SessionDescription;
  await withSession(guest, back, stateless, async (id) => {
    const outcome = await run(guest, back, id, {
      operation: "decrypt",
      source: destination,
      iv,
      additionalData,
      ...(digest.length > 0 ? { tag: digest } : {}),
    });
    strictEqual(outcome.status, Status.Ok, `${standard}, backwards`);
    deepStrictEqual([...outcome.destination], [...source], standard);
  });
}

/**
 * Runs the published answers of one service; all that is offered has some, with
 * one of the key lengths that are offered.
 */
async function checkService(guest: Guest, service: Service): Promise<void> {
  const offered = offeredBy(guest);
  const untried = new Set(
    [...offered].filter((name) => name.startsWith(`${service}.`)),
  );
  for (const answer of KNOWN_ANSWERS) {
    const { session } = answer;
    if (session.service !== service) continue;
    const name = qualifiedNameOf(session);
    if (!offered.has(name)) continue;
    for (const stateless of modesOf(guest.setup)) {
      await checkAnswer(guest, answer, stateless);
    }
    untried.delete(name);
  }
  for (const name of untried) {
    if (!ANSWERED_ELSEWHERE.includes(name)) continue;
    await tryWithoutAnswer(guest, service, name);
    untried.delete(name);
  }
  deepStrictEqual([...untried], []);
}

/** A cipher finds its way back; a code tells two messages apart. */
async function tryWithoutAnswer(
  guest: Guest,
  service: Service,
  name: string,
): Promise<void> {
  const algorithm = name.slice(name.indexOf(".") + 1);
  const key = Uint8Array.from({ length: 16 }, (_, i) => 3 * i + 1);
  const source = Uint8Array.from({ length: 64 }, (_, i) => i);
  for (const stateless of modesOf(guest.setup)) {
    const use = async (
      session: SessionDescription,
      input: Parameters<typeof run>[3],
    ) => {
      let bytes: number[] = [];
      await withSession(guest, session, stateless, async (id) => {
        const outcome = await run(guest, session, id, input);
        strictEqual(outcome.status, Status.Ok, name);
        bytes = [...outcome.destination, ...outcome.digest];
      });
      return Uint8Array.from(bytes);
    };
    if (service === "cipher") {
      const iv = new Uint8Array(algorithmByName(service, algorithm)!.ivBytes);
      const session = { service, algorithm, key } as const;
      const direction = "encrypt";
      const operation = direction;
      const there = { ...session, direction } as const;
      const sealed = await use(there, { operation, source, iv });
      notDeepStrictEqual(sealed, source, name);
      const back = { ...session, direction: "decrypt" } as const;
      const input = { operation: "decrypt", source: sealed, iv } as const;
      deepStrictEqual(await use(back, input), source, name);
    } else {
      const session: SessionDescription = {
        service: "mac",
        algorithm,
        key,
        resultBytes: 4,
      };
      const operation = "digest";
      const one = await use(session, { operation, source });
      deepStrictEqual(await use(session, { operation, source }), one);
      const other = source.with(40, 0xff) as Uint8Array<ArrayBuffer>;
      const two = await use(session, { operation, source: other });
      notDeepStrictEqual(two, one, name);
    }
  }
}

async function checkOffered(guest: Guest, service: Service): Promise<void> {
  const names = [...offeredBy(guest)];
  ok(names.some((name) => name.startsWith(`${service}.`)), service);
  await checkService(guest, service);
}

for (const other of OTHER_BACKENDS) {
  const { name } = other.backend;
  testWith(
    partOf([other]),
    `all that an optional backend offers is right over packed rings, with sessions and without: ${name}`,
    async () => {
      await using guest = await start({
        rings: "packed",
        layout: "stateless",
        transport: "in process",
        backend: name,
      });
      for (const service of ["cipher", "hash", "mac", "aead"] as const) {
        await checkService(guest, service);
      }
    },
  );
}

testOnSetups(
  "every offered cipher gives its published answers, both ways",
  anywhere,
  (guest) => checkOffered(guest, "cipher"),
);

testOnSetups(
  "every offered hash gives its published answers",
  anywhere,
  (guest) => checkOffered(guest, "hash"),
);

testOnSetups(
  "every offered MAC gives its published answers",
  anywhere,
  (guest) => checkOffered(guest, "mac"),
);

testOnSetups(
  "every offered AEAD gives its published answers, both ways",
  anywhere,
  (guest) => checkOffered(guest, "aead"),
);

testOnSetups(
  "a result is as short as the session says",
  anywhere,
  async (guest) => {
    const { digestBytes } = algorithmByName("mac", "hmac-sha256")!;
    const key = new Uint8Array(32).fill(7);
    const source = new Uint8Array(100).fill(9);
    const whole: SessionDescription = {
      service: "mac",
      algorithm: "hmac-sha256",
      key,
      resultBytes: digestBytes,
    };
    for (const stateless of modesOf(guest.setup)) {
      let expected: number[] = [];
      await withSession(guest, whole, stateless, async (id) => {
        const input = { operation: "digest", source } as const;
        expected = [...(await run(guest, whole, id, input)).digest];
      });
      const short = { ...whole, resultBytes: 12 };
      await withSession(guest, short, stateless, async (id) => {
        const input = { operation: "digest", source } as const;
        const outcome = await run(guest, short, id, input);
        strictEqual(outcome.status, Status.Ok);
        deepStrictEqual([...outcome.digest], expected.slice(0, 12));
      });
    }
  },
);
