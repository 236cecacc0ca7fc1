import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { algorithmByName, type Service } from "../../algorithms/catalogue.ts";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import { KNOWN_ANSWERS } from "../../backends/conformance/known_answers.ts";
import type { KnownAnswer } from "../../backends/conformance/vectors/known_answer.ts";
import { Status } from "../../device/wire/status.ts";
import { offeredBy, run, withSession } from "./requests.ts";
import { anywhere, type Guest, modesOf, testOnSetups } from "./setups.ts";

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

/** Runs the published answers of one service; all that is offered has some. */
async function checkService(guest: Guest, service: Service): Promise<void> {
  const offered = offeredBy(guest);
  const untried = new Set(
    [...offered].filter((name) => name.startsWith(`${service}.`)),
  );
  ok(untried.size > 0, `the device offers no ${service}`);
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
  deepStrictEqual([...untried], []);
}

testOnSetups(
  "every offered cipher gives its published answers, both ways",
  anywhere,
  (guest) => checkService(guest, "cipher"),
);

testOnSetups(
  "every offered hash gives its published answers",
  anywhere,
  (guest) => checkService(guest, "hash"),
);

testOnSetups(
  "every offered MAC gives its published answers",
  anywhere,
  (guest) => checkService(guest, "mac"),
);

testOnSetups(
  "every offered AEAD gives its published answers, both ways",
  anywhere,
  (guest) => checkService(guest, "aead"),
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
