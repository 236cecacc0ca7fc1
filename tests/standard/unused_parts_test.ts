import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import { Status } from "../../device/wire/status.ts";
import { legalRequest } from "../../testing/valid_requests.ts";
import { createSpoilt, send } from "./raw_requests.ts";
import { CBC, CHAIN, ECDSA, GCM, HMAC, SHA256 } from "./samples.ts";
import {
  exceptDraft9,
  type Guest,
  type LayoutName,
  testOnSetups,
} from "./setups.ts";
import { insideOf } from "../../driver/driver.ts";
import { unchecked } from "../../testing/unchecked.ts";

const NOISE = 0xdb;

const PLAIN_CHAIN: SessionDescription = {
  service: "chain",
  order: "hash-then-cipher",
  cipher: { algorithm: "aes-cbc", direction: "encrypt", key: key16() },
  hashMode: "plain",
  hashAlgorithm: "sha256",
  authKey: new Uint8Array(),
  resultBytes: 32,
};

function key16(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: 16 }, (_, i) => 3 * i);
}

type Range = readonly [start: number, end: number];

/** Where a session's requests mean nothing (virtio 1.4 §5.9.9.2 to §5.9.9.8). */
interface Unused {
  readonly session: SessionDescription;
  /** Of a creation: paddings, and rests of unions and of legacy padding. */
  readonly create: readonly Range[];
  readonly legacyCreate?: readonly Range[];
  /** Of a request in session mode. */
  readonly data: readonly Range[];
  readonly legacyData?: readonly Range[];
  /** Where stateless mode is negotiated: `sess_para` and what else is unused. */
  readonly statelessData: readonly Range[];
}

const UNUSED: readonly Unused[] = [
  {
    session: CBC,
    create: [[12, 16], [28, 64], [68, 72]],
    data: [[20, 24], [36, 64], [68, 72]],
    statelessData: [[20, 24], [24, 36], [48, 96]],
  },
  {
    session: CHAIN,
    create: [[12, 16], [36, 40], [52, 64], [68, 72]],
    data: [[20, 24], [60, 64], [68, 72]],
    statelessData: [[20, 24], [24, 56], [92, 96]],
  },
  {
    session: PLAIN_CHAIN,
    create: [[12, 16], [36, 40], [48, 64], [68, 72]],
    data: [[20, 24], [60, 64], [68, 72]],
    statelessData: [[20, 24], [24, 56], [92, 96]],
  },
  {
    session: SHA256,
    create: [[12, 16]],
    legacyCreate: [[24, 72]],
    data: [[20, 24]],
    legacyData: [[32, 72]],
    statelessData: [[20, 24], [24, 28], [36, 40]],
  },
  {
    session: HMAC,
    create: [[12, 16], [28, 32]],
    legacyCreate: [[32, 72]],
    data: [[20, 24]],
    legacyData: [[32, 72]],
    statelessData: [[20, 24], [24, 32]],
  },
  {
    session: GCM,
    create: [[12, 16], [36, 40]],
    legacyCreate: [[40, 72]],
    data: [[20, 24], [44, 48]],
    legacyData: [[48, 72]],
    statelessData: [[20, 24], [24, 36]],
  },
  {
    session: ECDSA,
    create: [[12, 16], [32, 72]],
    data: [[20, 24]],
    legacyData: [[32, 72]],
    statelessData: [[20, 24], [24, 44]],
  },
];

function fill(bytes: Uint8Array, ranges: readonly Range[]): void {
  for (const [start, end] of ranges) bytes.fill(NOISE, start, end);
}

function createRanges(unused: Unused, layout: LayoutName): readonly Range[] {
  const legacy = layout === "legacy" ? unused.legacyCreate ?? [] : [];
  return [...unused.create, ...legacy];
}

function dataRanges(unused: Unused, layout: LayoutName): readonly Range[] {
  if (layout === "stateless") return unused.statelessData;
  const legacy = layout === "legacy" ? unused.legacyData ?? [] : [];
  return [...unused.data, ...legacy];
}

/** The whole answer to a request of `session`, all of whose data is zeros. */
async function answerOf(
  guest: Guest,
  session: SessionDescription,
  id: number,
  unused: readonly Range[],
): Promise<{ written: number; answer: Uint8Array }> {
  const { readable, writableBytes } = legalRequest(
    guest.driver.mode,
    session,
    id,
    {
      operation: session.service === "akcipher" ? 3 : 0,
      sourceBytes: 64,
      additionalDataBytes: session.service === "hash" ? 0 : 16,
      destinationBytes: 0,
    },
  );
  fill(readable, unused);
  const queue = insideOf(guest.driver).dataQueues[0]!;
  return await send(guest, queue, readable, writableBytes + 1);
}

testOnSetups(
  "unused parts of requests are ignored, of sessions and of data",
  exceptDraft9,
  async (guest) => {
    const { driver, device, setup } = guest;
    for (const unused of UNUSED) {
      const { session } = unused;
      const what = session.service;
      await using clean = await unchecked(driver).createSession(session);
      const made = await createSpoilt(guest, session, (view) => {
        const bytes = new Uint8Array(view.buffer);
        fill(bytes, createRanges(unused, setup.layout));
      });
      strictEqual(made.status, Status.Ok, what);
      const expected = await answerOf(guest, session, clean.id!, []);
      ok(
        session.service === "akcipher" ||
          expected.answer.at(-1) === Status.Ok,
        what,
      );
      const noise = dataRanges(unused, setup.layout);
      const got = await answerOf(guest, session, made.sessionId, noise);
      deepStrictEqual(got, expected, what);
      device.sessions.destroy(made.sessionId);
    }
  },
);
