/**
 * A guest with one request of the sluggish backend under way.
 *
 * @module
 */

import { GUEST_ADDRESS } from "./scripted_front_end.ts";
import { createNow } from "./sessions.ts";
import { UNDER_WAY } from "./sluggish_backend.ts";
import { connect, encryption, startRing } from "./vhost_user_rings.ts";
import { eventually, type TestServer } from "./vhost_user_server.ts";

const REQUEST_AT = 0x20_0000;
const RESULT_AT = 0x21_0000;

/** A data ring with one request of a habit of that backend's. */
export async function startSluggish(server: TestServer, habit: number) {
  const front = connect(server);
  const ring = await startRing(front, 0);
  const created = createNow(server.device.sessions, {
    service: "cipher",
    algorithm: "aes-cbc",
    direction: "encrypt",
    key: new Uint8Array(16).fill(habit),
  });
  if (!("id" in created)) throw new Error(created.reason);
  const request = encryption(created.id);
  const { bytes } = front.region;
  bytes.set(request, REQUEST_AT);
  const readable = { guestAddress: GUEST_ADDRESS + REQUEST_AT };
  const writable = { guestAddress: GUEST_ADDRESS + RESULT_AT };
  ring.queue.add(
    [{ ...readable, lengthBytes: request.length }],
    [{ ...writable, lengthBytes: 65 }],
    0,
  );
  ring.queue.publish();
  front.libc.signal(ring.kickFd);
  await eventually(() => bytes[RESULT_AT] === UNDER_WAY, () => "operation");
  return {
    front,
    ring,
    /** Lets the backend go on that blocks. */
    release: () => void bytes.fill(0, RESULT_AT, RESULT_AT + 1),
  };
}
