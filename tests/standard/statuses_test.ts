import { ok, strictEqual } from "node:assert/strict";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import { RSA_ANSWERS } from "../../conformance/vectors/rsa.ts";
import { Status } from "../../device/wire/status.ts";
import { send, UNTOUCHED } from "./raw_requests.ts";
import { run, withSession } from "./requests.ts";
import { CBC, DATA, GCM, GOOD, goodFor, IV, NONCE, SHA256 } from "./samples.ts";
import {
  anywhere,
  exceptDraft9,
  modesOf,
  type Setup,
  testOnSetups,
} from "./setups.ts";
import { insideOf } from "../../driver/driver.ts";
import { inSomeTry } from "../../testing/tries.ts";
import { unchecked } from "../../testing/unchecked.ts";

const NEVER_GIVEN = 0x7654_3210;

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

const notStateless = ({ layout }: Setup) =>
  layout === "legacy" || layout === "REVISION_1";

testOnSetups(
  "without the session flag: NOTSUPP with REVISION_1, ignored without",
  notStateless,
  async (guest) => {
    const { driver, setup } = guest;
    await using session = await unchecked(driver).createSession(SHA256);
    const bytes = new Uint8Array(24 + (setup.layout === "legacy" ? 48 : 8) + 3);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, 0x0100, true);
    view.setUint32(8, session.id!, true);
    // `flag` at 16 stays 0: no session mode.
    view.setUint32(24, 3, true);
    view.setUint32(28, 32, true);
    const { answer, written } = await send(
      guest,
      insideOf(driver).dataQueues[0]!,
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
      insideOf(guest.driver).dataQueues[0]!,
      bytes,
      33,
    );
    strictEqual(answer[32], Status.NotSupported);
    ok(answer.subarray(0, 32).every((byte) => byte === UNTOUCHED));
  },
);

testOnSetups(
  "a session destroyed while its queue is busy is INVSESS at once",
  ({ transport, backend, layout }) =>
    transport === "vhost-user" && backend === "noble" && layout !== "draft 9",
  async (guest) => {
    const { driver } = guest;
    const longest = RSA_ANSWERS.at(-1)!;
    await using rsa = await unchecked(driver).akcipher({
      algorithm: "rsa",
      keyType: "private",
      key: longest.privateKey,
      padding: "pkcs1",
      hash: "sha256",
    });
    const input = { operation: "digest", source: DATA } as const;
    await inSomeTry(async () => {
      const hash = await unchecked(driver).createSession(SHA256);
      const before = await run(guest, SHA256, hash.id, input);
      strictEqual(before.status, Status.Ok);
      // One burst of the queue's thread, which takes long.
      const digests = Array.from({ length: 12 }, () => new Uint8Array(32));
      const signing = Promise.all(digests.map((digest) => rsa.sign(digest)))
        .then(() => performance.now());
      await new Promise((resolve) => setTimeout(resolve, 20));
      await hash.close();
      const destroyedAt = performance.now();
      const { status } = await run(guest, SHA256, hash.id, input);
      ok(await signing > destroyedAt, "the queue was not busy");
      strictEqual(status, Status.InvalidSession);
    });
  },
);
