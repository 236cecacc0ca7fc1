import { strictEqual } from "node:assert/strict";
import { Request } from "../../device/transport/vhost_user/messages.ts";
import {
  BIT_30,
  encrypt,
  encryptsWell,
  KEY,
  shakeHands,
  shareMemory,
  startCryptodev,
  startRing,
  without,
} from "../../testing/qemu_front_end.ts";
import {
  longs,
  ScriptedFrontEnd,
  words,
} from "../../testing/scripted_front_end.ts";
import { aesCbc, createSession } from "../../testing/sessions.ts";
import {
  startTestServer,
  type TestServer,
} from "../../testing/vhost_user_server.ts";

const INVALID_SESSION = 4;

const openSession = (server: TestServer) =>
  createSession(server.device, aesCbc(KEY));

/** What GET_VRING_BASE answers. */
async function baseOf(front: ScriptedFrontEnd, index: number): Promise<number> {
  const answer = await front.ask(Request.GetVringBase, words(index, 0));
  return new DataView(answer.buffer).getUint32(4, true);
}

// QEMU's cryptodev connects again by itself, does not start its ring, and asks
// where it stands when the guest is stopped. See `docs/compatibility.md`.
Deno.test("a ring of a process that is gone goes on when QEMU's guest is stopped and continued", async () => {
  await using first = await startTestServer();
  await using second = await startTestServer(undefined, "noble", {
    firstSessionId: 1000,
  });
  using front = ScriptedFrontEnd.connect(first.path);
  const ring = await startCryptodev(front);
  const old = openSession(first);
  for (let i = 0; i < 5; i++) await encryptsWell(front, ring, old);
  front.close(front.fd);
  await first.logged("gone");
  {
    using again = ScriptedFrontEnd.connect(second.path, front);
    await shakeHands(again, without(9));
    const session = openSession(second);
    const answer = await baseOf(again, 0);
    again.send(Request.SetFeatures, longs(BIT_30));
    await shareMemory(again);
    await startRing(again, 0, answer, ring);
    const { status } = await encrypt(again, ring, old);
    strictEqual(status, INVALID_SESSION);
    await encryptsWell(again, ring, session);
    strictEqual(await baseOf(again, 0), 7);
    await second.logged("queue 0 started: split, 64 entries, at 5");
    // From then on it is known.
    await startRing(again, 0, 7, ring);
    await encryptsWell(again, ring, session);
  }
});

Deno.test("where a ring stands that never ran is its used index, once its memory is there", async () => {
  await using first = await startTestServer();
  await using second = await startTestServer();
  using front = ScriptedFrontEnd.connect(first.path);
  const ring = await startCryptodev(front);
  const session = openSession(first);
  for (let i = 0; i < 3; i++) await encryptsWell(front, ring, session);
  front.close(front.fd);
  await first.logged("gone");
  using again = ScriptedFrontEnd.connect(second.path, front);
  await shakeHands(again, without(9));
  again.send(Request.SetFeatures, longs(BIT_30));
  await shareMemory(again);
  again.send(Request.SetVringNum, words(0, ring.queue.size));
  again.send(Request.SetVringAddr, again.ringAddresses(0, ring));
  strictEqual(await baseOf(again, 0), 3);
  // A new driver's ring is at its start, whatever was answered.
  await startRing(again, 0, 0);
  await second.logged("queue 0 started: split, 64 entries, at 0");
});
