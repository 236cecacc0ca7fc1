import { ok, strictEqual } from "node:assert/strict";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import { ECDSA_ANSWERS } from "../../backends/conformance/vectors/ecdsa.ts";
import { RSA_ANSWERS } from "../../backends/conformance/vectors/rsa.ts";
import {
  decodeCreateOutcome,
  decodeDestroyOutcome,
  encodeCreateRequest,
  encodeDestroyRequest,
} from "../../device/wire/control_encode.ts";
import { Status } from "../../device/wire/status.ts";
import type { RequestQueue } from "../../driver/request_queue.ts";
import { type Input, run, statusOf, withSession } from "./requests.ts";
import {
  anywhere,
  exceptDraft9,
  type Guest,
  modesOf,
  type Setup,
  testOnSetups,
} from "./setups.ts";

const UNTOUCHED = 0xee;
const NEVER_GIVEN = 0x7654_3210;
const KEY = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
const DATA = new Uint8Array(64).fill(3);
const IV = new Uint8Array(16).fill(5);
const NONCE = new Uint8Array(12).fill(6);

const CBC: SessionDescription = {
  service: "cipher",
  algorithm: "aes-cbc",
  direction: "encrypt",
  key: KEY,
};
const CHAIN: SessionDescription = {
  service: "chain",
  order: "cipher-then-hash",
  cipher: { algorithm: "aes-cbc", direction: "encrypt", key: KEY },
  hashMode: "auth",
  hashAlgorithm: "hmac-sha1",
  authKey: KEY,
  resultBytes: 20,
};
const SHA256: SessionDescription = {
  service: "hash",
  algorithm: "sha256",
  resultBytes: 32,
};
const HMAC: SessionDescription = {
  service: "mac",
  algorithm: "hmac-sha256",
  key: KEY,
  resultBytes: 32,
};
const GCM: SessionDescription = {
  service: "aead",
  algorithm: "gcm",
  direction: "encrypt",
  key: KEY,
  tagBytes: 16,
};
const ECDSA: SessionDescription = {
  service: "akcipher",
  algorithm: "ecdsa",
  keyType: "public",
  key: ECDSA_ANSWERS[2]!.publicKey,
  curve: ECDSA_ANSWERS[2]!.curve,
};

/** A request that a session of each service takes. */
const GOOD: readonly (readonly [SessionDescription, Input])[] = [
  [CBC, { operation: "encrypt", source: DATA, iv: IV }],
  [CHAIN, { operation: "encrypt", source: DATA, iv: IV }],
  [SHA256, { operation: "digest", source: DATA }],
  [HMAC, { operation: "digest", source: DATA }],
  [GCM, { operation: "encrypt", source: DATA, iv: NONCE }],
  [ECDSA, { operation: "verify", source: DATA, additionalData: DATA }],
];

/** Of what the layout of `guest` can carry. */
const goodFor = ({ setup }: Guest) =>
  GOOD.filter(([{ service }]) =>
    setup.layout !== "draft 9" || service !== "akcipher"
  );

/** Sends bytes as they are; the writable part comes back as it is. */
async function send(
  { driver }: Guest,
  queue: RequestQueue,
  request: Uint8Array,
  writableBytes: number,
): Promise<{ written: number; answer: Uint8Array }> {
  const [readable, writable] = await driver.memory.allocate([
    { lengthBytes: request.length },
    { lengthBytes: writableBytes },
  ]);
  readable!.segments.write(0, request);
  writable!.segments.fill(0, writableBytes, UNTOUCHED);
  const written = await queue.request(readable!.buffers, writable!.buffers);
  const answer = writable!.segments.copy();
  driver.memory.free(readable!);
  driver.memory.free(writable!);
  return { written, answer };
}

const join = (pieces: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from(pieces.flatMap((piece) => [...piece]));

/** A creation whose bytes `spoil` has changed. */
async function createSpoilt(
  guest: Guest,
  description: SessionDescription,
  spoil: (view: DataView) => void,
) {
  const { driver } = guest;
  const bytes = join(encodeCreateRequest(description, driver.mode));
  spoil(new DataView(bytes.buffer));
  const { answer } = await send(guest, driver.controlQueue!, bytes, 16);
  return decodeCreateOutcome(answer);
}

testOnSetups(
  "INVSESS: no service takes a request of a session that does not exist",
  anywhere,
  async (guest) => {
    for (const [session, input] of goodFor(guest)) {
      const { status, destination, digest } = await run(
        guest,
        session,
        NEVER_GIVEN,
        input,
      );
      strictEqual(status, Status.InvalidSession, session.service);
      ok([...destination, ...digest].every((byte) => byte === 0));
    }
  },
);

testOnSetups(
  "a destroyed session is INVSESS, and its number never comes again",
  anywhere,
  async (guest) => {
    const seen = new Set<number>();
    for (const [session, input] of goodFor(guest)) {
      let gone = NaN;
      await withSession(guest, session, false, (id) => {
        gone = id!;
        return Promise.resolve();
      });
      ok(!seen.has(gone));
      seen.add(gone);
      const { status } = await run(guest, session, gone, input);
      strictEqual(status, Status.InvalidSession, session.service);
    }
  },
);

testOnSetups(
  "NOTSUPP: an algorithm number that is not offered creates no session",
  exceptDraft9,
  async (guest) => {
    for (const [session] of GOOD) {
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
  "NOTSUPP: an opcode that the standard does not have",
  exceptDraft9,
  async (guest) => {
    const unknown = await createSpoilt(
      guest,
      SHA256,
      (view) => view.setUint32(0, 0x0902, true),
    );
    strictEqual(unknown.status, Status.NotSupported);
    const bytes = new Uint8Array(100);
    new DataView(bytes.buffer).setUint32(0, 0x0502, true);
    const { written, answer } = await send(
      guest,
      guest.driver.dataQueues[0]!,
      bytes,
      1,
    );
    strictEqual(written, 1);
    strictEqual(answer[0], Status.NotSupported);
  },
);

testOnSetups(
  "ERR: a session with a key of a wrong length",
  anywhere,
  async (guest) => {
    for (const [session] of goodFor(guest)) {
      if (!("key" in session) || session.service === "mac") continue;
      const cut = { ...session, key: session.key.subarray(1) };
      const attempt = guest.driver.createSession(cut);
      strictEqual(await statusOf(attempt), Status.Error, session.service);
    }
    strictEqual(guest.device.sessions.size, 0);
  },
);

testOnSetups(
  "ERR: lengths that the algorithm does not allow",
  anywhere,
  async (guest) => {
    for (const stateless of modesOf(guest.setup)) {
      await withSession(guest, CBC, stateless, async (id) => {
        const status = async (sourceBytes: number, ivBytes: number) => {
          const outcome = await run(guest, CBC, id, {
            operation: "encrypt",
            source: DATA.subarray(0, sourceBytes),
            iv: IV.subarray(0, ivBytes),
          });
          ok(outcome.destination.every((byte) => byte === 0));
          return outcome.status;
        };
        strictEqual(await status(63, 16), Status.Error);
        strictEqual(await status(64, 15), Status.Error);
      });
    }
  },
);

testOnSetups(
  "BADMSG: an AEAD whose tag is wrong, and no plaintext",
  anywhere,
  async (guest) => {
    const back = { ...GCM, direction: "decrypt" } as SessionDescription;
    for (const stateless of modesOf(guest.setup)) {
      await withSession(guest, back, stateless, async (id) => {
        const { status, destination } = await run(guest, back, id, {
          operation: "decrypt",
          source: DATA,
          iv: NONCE,
          tag: new Uint8Array(16).fill(1),
        });
        strictEqual(status, Status.BadMessage);
        ok(destination.every((byte) => byte === 0));
      });
    }
  },
);

testOnSetups(
  "KEY_REJECTED: a signature that does not verify",
  exceptDraft9,
  async (guest) => {
    const answer = RSA_ANSWERS[1]!;
    const rsa: SessionDescription = {
      service: "akcipher",
      algorithm: "rsa",
      keyType: "public",
      key: answer.publicKey,
      padding: "pkcs1",
      hash: "sha256",
    };
    for (const stateless of modesOf(guest.setup)) {
      await withSession(guest, rsa, stateless, async (id) => {
        const { status } = await run(guest, rsa, id, {
          operation: "verify",
          source: answer.sha256Signature,
          additionalData: new Uint8Array(32).fill(1),
        });
        strictEqual(status, Status.KeyRejected);
      });
    }
  },
);

testOnSetups(
  "NOSPC with REVISION_1, ERR without, when all sessions are taken",
  anywhere,
  async (guest) => {
    const { driver, setup } = guest;
    await using first = await driver.createSession(SHA256);
    await using second = await driver.createSession(CBC);
    ok(first.id !== second.id);
    const revision1 = setup.layout === "REVISION_1" ||
      setup.layout === "stateless";
    strictEqual(
      await statusOf(driver.createSession(HMAC)),
      revision1 ? Status.NoSpace : Status.Error,
    );
    await first.close();
    await (await driver.createSession(HMAC)).close();
  },
  { maximumSessions: 2 },
);

testOnSetups(
  "a destruction is answered OK once, then ERR",
  exceptDraft9,
  async (guest) => {
    const { driver } = guest;
    const session = await driver.createSession(SHA256);
    const destroy = async (service: "hash" | "mac", id: number) => {
      const bytes = encodeDestroyRequest(service, id, driver.mode);
      const { written, answer } = await send(
        guest,
        driver.controlQueue!,
        bytes,
        1,
      );
      strictEqual(written, 1);
      return decodeDestroyOutcome(answer);
    };
    strictEqual(await destroy("hash", NEVER_GIVEN), Status.Error);
    // Another service does not own it.
    strictEqual(await destroy("mac", session.id!), Status.Error);
    strictEqual(await destroy("hash", session.id!), Status.Ok);
    strictEqual(await destroy("hash", session.id!), Status.Error);
  },
);

testOnSetups(
  "a session identifier comes with OK alone",
  exceptDraft9,
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

const notStateless = ({ layout }: Setup) =>
  layout === "legacy" || layout === "REVISION_1";

testOnSetups(
  "without the session flag: NOTSUPP with REVISION_1, ignored without",
  notStateless,
  async (guest) => {
    const { driver, setup } = guest;
    await using session = await driver.createSession(SHA256);
    const bytes = new Uint8Array(24 + (setup.layout === "legacy" ? 48 : 8) + 3);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, 0x0100, true);
    view.setUint32(8, session.id!, true);
    // `flag` at 16 stays 0: no session mode.
    view.setUint32(24, 3, true);
    view.setUint32(28, 32, true);
    const { answer, written } = await send(
      guest,
      driver.dataQueues[0]!,
      bytes,
      33,
    );
    const refused = setup.layout === "REVISION_1";
    strictEqual(answer[32], refused ? Status.NotSupported : Status.Ok);
    strictEqual(written, refused ? 1 : 33);
  },
);

testOnSetups(
  "with stateless mode the flag tells the two modes apart",
  ({ layout }) => layout === "stateless",
  async (guest) => {
    for (const [session, input] of GOOD) {
      if (session.service === "akcipher") continue;
      const stateless = await run(guest, session, undefined, input);
      strictEqual(stateless.status, Status.Ok, session.service);
      await withSession(guest, session, false, async (id) => {
        const outcome = await run(guest, session, id, input);
        strictEqual(outcome.status, Status.Ok, session.service);
      });
    }
    strictEqual(guest.device.sessions.size, 0);
  },
);

testOnSetups(
  "NOTSUPP: a stateless request of an algorithm that is not offered",
  ({ layout }) => layout === "stateless",
  async (guest) => {
    // A stateless HASH request: algo at 24, source and result lengths behind.
    const bytes = new Uint8Array(24 + 16 + 3);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, 0x0100, true);
    view.setUint32(24, 63, true);
    view.setUint32(28, 3, true);
    view.setUint32(32, 32, true);
    const { answer } = await send(
      guest,
      guest.driver.dataQueues[0]!,
      bytes,
      33,
    );
    strictEqual(answer[32], Status.NotSupported);
    ok(answer.subarray(0, 32).every((byte) => byte === UNTOUCHED));
  },
);
