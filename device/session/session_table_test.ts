import { createNow } from "../../testing/sessions.ts";
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import type { Backend } from "../../backends/backend.ts";
import { Status } from "../wire/status.ts";
import { OpenBackends } from "./open_backends.ts";
import { type Fallback, Placement } from "./placement.ts";
import { type AcrossReset, SessionTable } from "./session_table.ts";
import { ThreadBackends } from "./thread_backends.ts";

const OFFERS = [{ algorithm: "cipher.aes-cbc" }];

/** A backend that takes keys of these lengths only, whatever it offers. */
function backendFor(name: string, keyBytes: readonly number[]): Backend {
  return {
    contract: 1,
    name,
    probe: () => ({
      ready: true,
      version: "1",
      offers: OFFERS,
      missing: [],
      notOffered: {},
    }),
    open: () => ({
      openSession(description) {
        if ("key" in description && keyBytes.includes(description.key.length)) {
          return {};
        }
        throw new Error("key too odd");
      },
      closeSession() {},
      run() {},
      close() {},
    }),
  };
}

function createTable(
  fallback: Fallback,
  acrossReset?: AcrossReset,
): SessionTable {
  const backends = [backendFor("first", [16]), backendFor("second", [16, 32])];
  const placement = new Placement({
    backends: backends.map(({ name }) => ({ name, offers: OFFERS })),
    rules: [],
    fallback,
    allowWeak: false,
  });
  const open = new OpenBackends(
    backends.map((backend) => ({ backend, options: {} })),
  );
  return new SessionTable(placement, new ThreadBackends(open), 2, acrossReset);
}

const cbc = (keyBytes: number): SessionDescription => ({
  service: "cipher",
  algorithm: "aes-cbc",
  direction: "encrypt",
  key: new Uint8Array(keyBytes).fill(7),
});

Deno.test("a session that its backend cannot open goes to the next that can", () => {
  const created = createTable("unsupported").create(cbc(32));
  ok("placement" in created);
  deepStrictEqual(
    created.placement.choices.map(({ backend, reason }) => [backend, reason]),
    [["second", "first cannot have it: key too odd"]],
  );
});

Deno.test("without fallback a session that its backend cannot open is refused", () => {
  const description = cbc(32);
  const refused = createTable("never").create(description);
  ok("status" in refused);
  strictEqual(refused.status, Status.Error);
  strictEqual(refused.reason, "first: key too odd");
  ok(
    "key" in description && description.key.every((byte) => byte === 0),
    "the key of a refused session is still there",
  );
});

Deno.test("a session that nobody can open is refused", () => {
  const refused = createTable("unsupported").create(cbc(24));
  ok("status" in refused);
  strictEqual(refused.status, Status.Error);
});

Deno.test("identifiers count up over destroyed sessions, up to the limit", () => {
  const table = createTable("unsupported");
  const ids = () => {
    const created = createNow(table, cbc(16));
    return "id" in created ? created.id : created.status;
  };
  deepStrictEqual([ids(), ids(), ids()], [1, 2, Status.NoSpace]);
  strictEqual(table.destroy(1), Status.Ok);
  strictEqual(table.destroy(1), Status.Error);
  strictEqual(ids(), 3);
});

Deno.test("no session is made while the announcements of others pile up", () => {
  const table = createTable("unsupported");
  let waitingAnnouncements = 0;
  const stop = table.observe({
    get waitingAnnouncements() {
      return waitingAnnouncements;
    },
    opened: () => waitingAnnouncements++,
    closed: () => waitingAnnouncements++,
  });
  let refused: string | undefined;
  for (let i = 0; i < 10_000 && refused === undefined; i++) {
    const created = createNow(table, cbc(16));
    if ("id" in created) table.destroy(created.id);
    else refused = created.reason;
  }
  strictEqual(refused, "a queue thread is too busy to hear of it");
  ok(waitingAnnouncements < 1100, `${waitingAnnouncements} were waiting`);
  stop();
  ok("id" in createNow(table, cbc(16)));
});

const STATUS_NAMES = new Map<Status, string>([
  [Status.NoSpace, "NoSpace"],
  [Status.Error, "Error"],
]);

/** Creates a session: its identifier, or the status of a refusal in words. */
function create(table: SessionTable, keyBytes = 16): number | string {
  const created = createNow(table, cbc(keyBytes));
  return "id" in created
    ? created.id
    : STATUS_NAMES.get(created.status) ?? "other";
}

const idsOf = (table: SessionTable) => [...table.current()].map(({ id }) => id);

Deno.test("a driver's reset drops its sessions, and none that came after it", () => {
  const table = createTable("unsupported");
  create(table);
  const { newestId } = table;
  create(table);
  table.driverReset(newestId);
  deepStrictEqual(idsOf(table), [2]);
  table.driverReset();
  deepStrictEqual(idsOf(table), []);
});

Deno.test("sessions that outlive a reset make room for new ones, the oldest first", () => {
  const table = createTable("unsupported", "keep");
  const keys: Uint8Array[] = [];
  table.observe({
    opened: ({ description }) => {
      if ("key" in description) keys.push(description.key);
    },
    closed: () => {},
  });
  deepStrictEqual([create(table), create(table)], [1, 2]);
  strictEqual(create(table), "NoSpace");
  table.driverReset();
  deepStrictEqual(idsOf(table), [1, 2]);
  // A session that is refused costs none.
  strictEqual(create(table, 24), "Error");
  deepStrictEqual(idsOf(table), [1, 2]);
  strictEqual(create(table), 3);
  deepStrictEqual(idsOf(table), [2, 3]);
  ok(keys[0]!.every((byte) => byte === 0), "the key of session 1 is there");
  ok(keys[1]!.some((byte) => byte !== 0));
  strictEqual(create(table), 4);
  strictEqual(create(table), "NoSpace");
  deepStrictEqual(idsOf(table), [3, 4]);
  // Those of the driver that is at work do not go for its own new ones.
  table.driverReset(3);
  strictEqual(create(table), 5);
  strictEqual(create(table), "NoSpace");
  deepStrictEqual(idsOf(table), [4, 5]);
  table.clear();
  deepStrictEqual(idsOf(table), []);
});
