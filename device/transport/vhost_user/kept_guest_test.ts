import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { openKeptMemory } from "../../../ffi/kept_memory.ts";
import { openLibc } from "../../../ffi/libc.ts";
import { openDescriptors } from "../../../testing/vhost_user_server.ts";
import { newFrontEndState, newRingState } from "./front_end_state.ts";
import type { FrontEndRecord } from "./front_end_record.ts";
import type { DescriptorKeeper } from "./kept_descriptors.ts";
import { KeptGuest, type KeptRoom } from "./kept_guest.ts";
import { UndoPool } from "./kept_undo.ts";

const NAME = "vdc.test";

/** What a keeper has; the descriptors are its own. */
class TestKeeper implements DescriptorKeeper {
  readonly kept = new Map<string, number>();
  readonly #libc = openLibc();

  keep(name: string, fd: number): number {
    this.forget(name);
    this.kept.set(name, this.#libc.duplicate(fd));
    return 0;
  }

  takes(): boolean {
    return true;
  }

  forget(name: string): number {
    const fd = this.kept.get(name);
    if (fd !== undefined) this.#libc.close(fd);
    this.kept.delete(name);
    return 0;
  }

  /** What the next process is given. */
  handOver() {
    return [...this.kept].map(([name, fd]) => ({
      name,
      fd: this.#libc.duplicate(fd),
    }));
  }
}

function record(connection: number): FrontEndRecord {
  const { rings: _, ...state } = newFrontEndState(0);
  return {
    state: { ...state, features: 0x1_4000_0000n, status: 15 },
    rings: [{
      state: {
        ...newRingState(),
        size: 256,
        addresses: {
          descriptor: 4096,
          used: 12288,
          available: 8192,
          log: 20480,
        },
        started: true,
        enabled: true,
      },
      runs: true,
      kick: 0,
      call: 0,
      error: 0,
      stopped: undefined,
    }],
    regions: [{
      guestAddress: 0,
      lengthBytes: 1 << 20,
      userAddress: 0x7f00_0000_0000,
      fileOffset: 4096,
      file: 7,
    }],
    sessionLayout: "B",
    log: { lengthBytes: 4096, fileOffset: 8192, file: 0 },
    inflight: {
      lengthBytes: 4096,
      fileOffset: 64,
      queues: 3,
      queueSize: 64,
      packed: true,
      file: 0,
    },
    offeredInflight: 0,
    newestSession: undefined,
    connection,
    backendRequests: 0,
    messages: 12,
    reply: new Uint8Array([1, 2, 3]),
  };
}

const room = (): KeptRoom => ({
  sessionBytes: 64 * 1024,
  dataQueues: 1,
  undo: new UndoPool(),
});

function keptGuest(keeper: TestKeeper): KeptGuest {
  const kept = KeptGuest.create(openLibc(), keeper, NAME, room());
  ok(typeof kept !== "string", `${kept}`);
  return kept;
}

/** What a process has left that kept a guest. */
function leftGuest(): TestKeeper {
  const keeper = new TestKeeper();
  const kept = keptGuest(keeper);
  kept.save(record(0));
  kept.close();
  return keeper;
}

/** What is kept of the guest under a name, mapped. */
function mapKept(keeper: TestKeeper, name: string) {
  const kept = openKeptMemory(openLibc(), keeper.kept.get(`${NAME}.${name}`)!);
  ok(typeof kept !== "number");
  return kept;
}

/** Takes the guest over; `keeper` is the next process's own. */
function takeOver(
  left: TestKeeper,
  changes: Partial<KeptRoom> = {},
  keeper = left,
): KeptGuest | string {
  const roomThere = { ...room(), ...changes };
  const given = left.handOver();
  const taken = KeptGuest.takeOver(openLibc(), keeper, NAME, given, roomThere);
  return typeof taken === "string" ? taken : taken.kept;
}

Deno.test("the next process finds what was said last, and the descriptors of that", () => {
  const libc = openLibc();
  const before = openDescriptors();
  const keeper = new TestKeeper();
  const kept = keptGuest(keeper);
  const [old, connection] = [libc.eventfd(), libc.eventfd()];
  kept.descriptors.keep(old);
  kept.save({ ...record(kept.descriptors.numberOf(old)), messages: 11 });
  kept.descriptors.keep(connection);
  kept.save(record(kept.descriptors.numberOf(connection)));
  kept.close();
  const taken = KeptGuest.takeOver(
    libc,
    keeper,
    NAME,
    keeper.handOver(),
    room(),
  );
  ok(typeof taken !== "string", `${taken}`);
  deepStrictEqual(taken.record, record(2));
  strictEqual(taken.kept.descriptors.claim(1), -1);
  const found = taken.kept.descriptors.claim(2);
  libc.signal(found);
  strictEqual(libc.clear(connection), 0);
  for (const fd of [old, connection, found]) libc.close(fd);
  taken.kept.giveUp();
  taken.kept.close();
  deepStrictEqual([...keeper.kept], []);
  strictEqual(openDescriptors(), before);
});

Deno.test("whatever the state holds, taking it over ends with a guest or a reason", () => {
  const before = openDescriptors();
  const keeper = leftGuest();
  const state = mapKept(keeper, "state");
  const { bytes } = state.region;
  const good = bytes.slice();
  let refused = 0;
  const ends = good.findLastIndex((byte) => byte !== 0) + 1;
  for (let at = 0; at < ends; at++) {
    for (const value of [0, 1, 0x7f, 0xff]) {
      if (good[at] === value) continue;
      bytes[at] = value;
      const taken = takeOver(keeper, {}, new TestKeeper());
      if (typeof taken === "string") {
        refused++;
        ok(taken.length > 0);
      } else taken.close();
      bytes[at] = good[at]!;
    }
  }
  ok(refused > 100, `${refused}`);
  openLibc().unmap(state.mapping);
  for (const name of [...keeper.kept.keys()]) keeper.forget(name);
  strictEqual(openDescriptors(), before);
});

Deno.test("a state of a later version is left alone, and told by its number", () => {
  const keeper = leftGuest();
  const state = mapKept(keeper, "state");
  state.region.bytes[16] = 3;
  const taken = takeOver(keeper);
  match(`${taken}`, /for readers from version 3 on, and this is version 2/);
  openLibc().unmap(state.mapping);
});

Deno.test("a message that no process has handled outlives a record without it", () => {
  const keeper = new TestKeeper();
  const kept = keptGuest(keeper);
  const last = record(0);
  try {
    kept.save(last);
    kept.message.bytes.set([1, 2, 3]);
    kept.message.taking(3, [0]);
    kept.message.taken(3);
    const [number] = kept.message.descriptors;
    // As the next process does before it handles the message.
    kept.save(last);
    strictEqual(kept.message.receivedBytes, 3);
    deepStrictEqual([...kept.message.bytes.subarray(0, 3)], [1, 2, 3]);
    ok(keeper.kept.has(`${NAME}.${number}`));
    kept.save({ ...last, messages: last.messages + 1 });
    strictEqual(kept.message.receivedBytes, 0);
    deepStrictEqual([...kept.message.bytes.subarray(0, 3)], [0, 0, 0]);
    ok(!keeper.kept.has(`${NAME}.${number}`));
  } finally {
    kept.giveUp();
    kept.close();
  }
});

Deno.test("what a front-end was told, and how often a message was tried, are apart", () => {
  const keeper = new TestKeeper();
  const kept = keptGuest(keeper);
  try {
    kept.state.configTold = 5;
    strictEqual(kept.state.beginMessage(9), 0);
    strictEqual(kept.state.configTold, 5);
    kept.state.configTold = 7;
    strictEqual(kept.state.beginMessage(9), 1);
    kept.state.endMessage();
    strictEqual(kept.state.configTold, 7);
    strictEqual(kept.state.beginMessage(9), 0);
  } finally {
    kept.giveUp();
    kept.close();
  }
});

Deno.test("a guest whose associations are missing takes no room for undo logs", () => {
  const before = openDescriptors();
  const keeper = leftGuest();
  const most = 4 * 1024 * 1024;
  const undo = new UndoPool(most);
  const taken = takeOver(keeper, { undo, associations: 1 });
  strictEqual(taken, "its associations are not there");
  strictEqual(undo.take(1), most);
  strictEqual(openDescriptors(), before);
});

Deno.test("a guest whose undo logs cannot be used leaves nothing open", () => {
  const before = openDescriptors();
  const keeper = leftGuest();
  const logs = mapKept(keeper, "undo");
  logs.region.bytes[0] = 0;
  openLibc().unmap(logs.mapping);
  // As a version left it that had no pipe.
  keeper.forget(`${NAME}.answers-out`);
  keeper.forget(`${NAME}.answers-in`);
  strictEqual(takeOver(keeper), "no undo logs");
  strictEqual(openDescriptors(), before);
});

Deno.test("one end of a pipe alone is closed, and a new pipe is kept", () => {
  const before = openDescriptors();
  const keeper = leftGuest();
  keeper.forget(`${NAME}.answers-out`);
  const taken = takeOver(keeper);
  ok(typeof taken !== "string", `${taken}`);
  ok(keeper.kept.has(`${NAME}.answers-out`));
  taken.giveUp();
  taken.close();
  deepStrictEqual([...keeper.kept], []);
  strictEqual(openDescriptors(), before);
});
