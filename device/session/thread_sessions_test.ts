import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  type BackendThread,
  CONTRACT_VERSION,
  OperationKind,
} from "../../backends/backend.ts";
import { aesCbc } from "../../testing/sessions.ts";
import { BackendStates } from "./backend_states.ts";
import { OpenBackends } from "./open_backends.ts";
import { Placement } from "./placement.ts";
import type { SessionAnnouncement } from "./session_table.ts";
import { ThreadBackends } from "./thread_backends.ts";
import { ThreadSessions } from "./thread_sessions.ts";

/** A thread's sessions on a backend that only counts them. */
function threadSessions(now: () => number = () => 0) {
  const open = new Set<object>();
  let closed = 0;
  const thread: BackendThread = {
    openSession: () => {
      const session = {};
      open.add(session);
      return session;
    },
    closeSession: (session) => {
      closed++;
      open.delete(session);
    },
    run: () => {},
    health: () => undefined,
    close: () => open.clear(),
  };
  const offers = [{ algorithm: "cipher.aes-cbc" }];
  const backend = {
    contract: CONTRACT_VERSION,
    name: "counting",
    probe: () => ({
      ready: true,
      version: "",
      offers,
      notOffered: {},
      missing: [],
    }),
    open: () => thread,
  };
  const sessions = new ThreadSessions(
    new ThreadBackends(
      new OpenBackends([{ backend, options: {} }]),
      { states: new BackendStates(now) },
    ),
    new Placement({
      backends: [{ name: "counting", offers }],
      rules: [],
      fallback: "never",
      allowWeak: false,
    }),
  );
  return { sessions, open, closed: () => closed };
}

const announcement = (id: number): SessionAnnouncement => ({
  id,
  description: aesCbc(new Uint8Array(16).fill(id)),
  placement: {
    choices: [{
      backend: "counting",
      fromBytes: 0,
      belowBytes: Infinity,
      reason: "order",
    }],
    onFailure: [],
    onUnsupported: [],
  },
});

const keyOf = ({ description }: SessionAnnouncement): Uint8Array =>
  "key" in description ? description.key : new Uint8Array();

const isWiped = (announced: SessionAnnouncement) =>
  keyOf(announced).every((byte) => byte === 0);

Deno.test("a session's key is wiped when it is closed, or when its last operation ends", () => {
  const { sessions, open } = threadSessions();
  const [idle, busy] = [announcement(1), announcement(2)];
  for (const one of [idle, busy]) {
    sessions.opened(one);
    sessions.route(sessions.get(one.id)!.number, 16, OperationKind.Encrypt);
  }
  const underWay = sessions.get(busy.id)!;
  sessions.begun(underWay.number);
  sessions.closed(idle.id);
  sessions.closed(busy.id);
  ok(isWiped(idle));
  ok(!isWiped(busy));
  strictEqual(open.size, 1);
  sessions.finished(Int32Array.of(underWay.number), 1);
  ok(isWiped(busy));
  strictEqual(open.size, 0);
});

Deno.test("a thread that ends wipes every key, also of what is still under way", () => {
  const { sessions, open, closed } = threadSessions();
  const [idle, busy, once] = [1, 2, 3].map(announcement) as [
    SessionAnnouncement,
    SessionAnnouncement,
    SessionAnnouncement,
  ];
  sessions.opened(idle);
  sessions.opened(busy);
  const underWay = sessions.get(busy.id)!;
  sessions.begun(underWay.number);
  sessions.closed(busy.id);
  const single = sessions.openOnce(once.description)!;
  sessions.begun(single.number);
  const all = [sessions.get(idle.id)!, underWay, single];
  for (const { number } of all) {
    sessions.route(number, 16, OperationKind.Encrypt);
  }
  sessions.close();
  ok([idle, busy, once].every(isWiped));
  strictEqual(open.size, 0);
  // What is under way goes with the backend and not before.
  strictEqual(closed(), 1);
});

Deno.test("a session on a backend that has recovered is closed when its operations from before have ended", () => {
  let now = 0;
  const { sessions, open, closed } = threadSessions(() => now);
  sessions.opened(announcement(1));
  const { number } = sessions.get(1)!;
  const before = sessions.route(number, 16, OperationKind.Encrypt)!;
  sessions.begun(number);
  sessions.backends.backendFailed("counting", "for a test");
  now += 60_000;
  sessions.begun(number);
  const after = sessions.route(number, 16, OperationKind.Encrypt)!;
  ok(after.number !== before.number);
  const [, second] = open;
  strictEqual(closed(), 0);
  sessions.finished(Int32Array.of(number), 1);
  strictEqual(closed(), 0);
  sessions.finished(Int32Array.of(number), 1);
  strictEqual(closed(), 1);
  deepStrictEqual([...open], [second]);
  sessions.closed(1);
  strictEqual(open.size, 0);
});
