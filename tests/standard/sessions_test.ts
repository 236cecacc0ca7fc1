import { ok, strictEqual } from "node:assert/strict";
import type { Service } from "../../algorithms/catalogue.ts";
import { Status } from "../../device/wire/status.ts";
import { createSpoilt, destroy } from "./raw_requests.ts";
import { statusOf } from "./requests.ts";
import { CBC, CHAIN, goodFor, HMAC, SHA256 } from "./samples.ts";
import { anywhere, testOnSetups } from "./setups.ts";
import { unchecked } from "../../testing/unchecked.ts";

const NEVER_GIVEN = 0x7654_3210;

testOnSetups(
  "NOTSUPP: an algorithm number that is not offered creates no session",
  anywhere,
  async (guest) => {
    for (const [session] of goodFor(guest)) {
      if (session.service === "chain") continue;
      const { status, sessionId } = await createSpoilt(
        guest,
        session,
        (view) => {
          view.setUint32(16, 63, true);
        },
      );
      strictEqual(status, Status.NotSupported, session.service);
      strictEqual(sessionId, 0);
    }
    strictEqual(guest.device.sessions.size, 0);
  },
);

testOnSetups(
  "NOTSUPP: a chain whose hash is nested, or of no mode or order",
  anywhere,
  async (guest) => {
    // Both layouts have the order at 16 and the mode at 20; 3 is nested.
    for (const [at, value] of [[20, 3], [20, 0], [20, 4], [16, 0], [16, 3]]) {
      const { status, sessionId } = await createSpoilt(
        guest,
        CHAIN,
        (view) => view.setUint32(at!, value!, true),
      );
      strictEqual(status, Status.NotSupported, `${value} at ${at}`);
      strictEqual(sessionId, 0);
    }
    strictEqual(guest.device.sessions.size, 0);
  },
);

testOnSetups(
  "ERR: a session with a key of a wrong length",
  anywhere,
  async (guest) => {
    for (const [session] of goodFor(guest)) {
      if (!("key" in session) || session.service === "mac") continue;
      const cut = { ...session, key: session.key.subarray(1) };
      const attempt = unchecked(guest.driver).createSession(cut);
      strictEqual(await statusOf(attempt), Status.Error, session.service);
    }
    strictEqual(guest.device.sessions.size, 0);
  },
);

testOnSetups(
  "NOSPC with REVISION_1, ERR without, when all sessions are taken",
  anywhere,
  async (guest) => {
    const { driver, setup } = guest;
    await using first = await unchecked(driver).createSession(SHA256);
    await using second = await unchecked(driver).createSession(CBC);
    ok(first.id !== second.id);
    const revision1 = setup.layout === "REVISION_1" ||
      setup.layout === "stateless";
    strictEqual(
      await statusOf(unchecked(driver).createSession(HMAC)),
      revision1 ? Status.NoSpace : Status.Error,
    );
    await first.close();
    await (await unchecked(driver).createSession(HMAC)).close();
  },
  { maximumSessions: 2 },
);

testOnSetups(
  "a destruction is answered OK once, then ERR",
  anywhere,
  async (guest) => {
    const { driver, setup } = guest;
    const session = await unchecked(driver).createSession(SHA256);
    const statusOfDestroying = async (service: Service, id: number) => {
      const { status, written } = await destroy(guest, service, id);
      strictEqual(written, setup.layout === "draft 9" ? 104 : 1);
      return status;
    };
    strictEqual(await statusOfDestroying("hash", NEVER_GIVEN), Status.Error);
    // Another service does not own it.
    strictEqual(await statusOfDestroying("mac", session.id!), Status.Error);
    strictEqual(await statusOfDestroying("hash", session.id!), Status.Ok);
    strictEqual(await statusOfDestroying("hash", session.id!), Status.Error);
  },
);

testOnSetups(
  "a session identifier comes with OK alone",
  anywhere,
  async (guest) => {
    const good = await createSpoilt(guest, SHA256, () => {});
    strictEqual(good.status, Status.Ok);
    ok(good.sessionId > 0);
    for (const [opcode, algorithm] of [[0x0102, 63], [0x0902, 4]] as const) {
      const { status, sessionId } = await createSpoilt(
        guest,
        SHA256,
        (view) => {
          view.setUint32(0, opcode, true);
          view.setUint32(16, algorithm, true);
        },
      );
      ok(status !== Status.Ok);
      strictEqual(sessionId, 0);
    }
  },
);
