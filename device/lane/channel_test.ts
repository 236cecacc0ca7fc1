import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  type AsynchronousThread,
  type CopiedOperation,
  type Operation,
  OperationKind,
  OperationStatus,
} from "../../backends/backend.ts";
import { Region } from "../../memory/region.ts";
import { Segments } from "../../memory/segments.ts";
import { BlockPool } from "./block_pool.ts";
import { createChannel } from "./channel.ts";
import { ChannelServer } from "./channel_server.ts";
import { createWatchMemory } from "../../backends/call_watch.ts";
import { LaneChannels } from "./lane_channels.ts";
import { LaneThread } from "./lane_thread.ts";
import { Lookout } from "./lookout.ts";
import { Scheduler } from "./scheduler.ts";
import { LaneChannel } from "./shared_way.ts";

const KEY = new Uint8Array(16).fill(7);
const MOST_TURNS = 20;

/** Both ends of a channel on one thread, and what went over it. */
class Bed {
  readonly channel = createChannel(createWatchMemory());
  readonly sender = new LaneChannel(
    this.channel.sender,
    "mine",
    () => {},
    () => 0,
  );
  readonly thread = new LaneThread(this.sender.guest(1));
  readonly seen: CopiedOperation[] = [];
  signals = 0;
  readonly #server: ChannelServer;
  readonly #ends: (() => void)[] = [];

  constructor() {
    const backend: AsynchronousThread = {
      openSession: () => ({}),
      closeSession() {},
      run: (operation) => {
        this.seen.push(operation);
        return new Promise((resolve) => {
          this.#ends.push(() => {
            operation.destination.set(operation.source);
            const { length } = operation.source;
            resolve({ status: OperationStatus.Ok, writtenBytes: length });
          });
        });
      },
      close() {},
    };
    const scheduler = new Scheduler("mine", backend, {}, () => {});
    this.#server = new ChannelServer(
      this.channel.lane,
      scheduler,
      new Lookout(() => scheduler.isBusy),
      () => 1,
      () => this.signals++,
    );
  }

  open() {
    return this.thread.openSession({
      service: "cipher",
      algorithm: "aes-cbc",
      direction: "encrypt",
      key: KEY.slice(),
    });
  }

  /** Ends what the backend has, which may come late. */
  async end(): Promise<void> {
    for (let turn = 0; turn < MOST_TURNS && this.#ends.length === 0; turn++) {
      await this.turn();
    }
    for (const end of this.#ends.splice(0)) end();
    await this.turn();
  }

  turn(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, 10));
  }

  close(): void {
    this.#server.detach();
    this.sender.close();
  }
}

function segmentsOver(bytes: Uint8Array<ArrayBuffer>): Segments {
  const segments = new Segments();
  segments.append(new Region(bytes), 0, bytes.length);
  return segments;
}

/** An encryption of `source` to memory of its own. */
function encryption(session: object, source: Uint8Array<ArrayBuffer>) {
  const iv = new Uint8Array(16).fill(9);
  const result = new Uint8Array(source.length);
  const operation: Operation = {
    kind: OperationKind.Encrypt,
    session,
    iv,
    ivWords: new Uint32Array(iv.buffer),
    ivBytes: 16,
    source: segmentsOver(source),
    additionalData: new Segments(),
    destination: segmentsOver(result),
    digest: new Segments(),
    cipherStart: 0,
    cipherBytes: 0,
    hashStart: 0,
    hashBytes: 0,
    status: OperationStatus.Pending,
    writtenBytes: 0,
  };
  return { operation, result };
}

Deno.test("an operation goes over a channel and back, in one signal for many", async () => {
  const bed = new Bed();
  const session = bed.open();
  const all = Array.from(
    { length: 40 },
    (_, i) => encryption(session, new Uint8Array(100).fill(i)),
  );
  bed.thread.run(all.map(({ operation }) => operation), 40);
  await bed.end();
  strictEqual(bed.signals, 1);
  strictEqual(all[0]!.operation.status, OperationStatus.Pending);
  strictEqual(bed.thread.poll(), 40);
  all.forEach(({ operation, result }, i) => {
    strictEqual(operation.status, OperationStatus.Ok);
    deepStrictEqual(result, new Uint8Array(100).fill(i));
  });
  bed.close();
});

Deno.test("what one guest's turn collects may be another's, which the thread is told of once", async () => {
  const bed = new Bed();
  const channels = new LaneChannels();
  channels.add(bed.sender);
  const session = bed.open();
  const other = new LaneThread(bed.sender.guest(2));
  const { operation } = encryption(session, new Uint8Array(100));
  bed.thread.run([operation], 1);
  await bed.end();
  strictEqual(other.poll(), 0);
  ok(!channels.fallAsleep());
  ok(channels.takeCollected());
  ok(!channels.takeCollected());
  strictEqual(bed.thread.poll(), 1);
  ok(channels.takeCollected(), "there is room");
  bed.close();
});

Deno.test("nothing of an operation is left in shared memory", async () => {
  const bed = new Bed();
  const { operation } = encryption(bed.open(), new Uint8Array(100).fill(0xa5));
  bed.thread.run([operation], 1);
  await bed.end();
  const control = new Uint8Array(bed.channel.sender.control);
  const holds = (byte: number) => control.some((one) => one === byte);
  ok(holds(9), "its IV is on the way");
  bed.thread.poll();
  ok(!holds(9));
  for (const { source, iv } of bed.seen) {
    ok(source.every((byte) => byte === 0) && iv.every((byte) => byte === 0));
  }
  bed.close();
});

Deno.test("what is abandoned is failed at once, and its result goes nowhere", async () => {
  const bed = new Bed();
  const { operation, result } = encryption(bed.open(), KEY.slice());
  bed.thread.run([operation], 1);
  await bed.turn();
  bed.thread.abandon(operation);
  strictEqual(operation.status, OperationStatus.Failed);
  await bed.end();
  strictEqual(bed.thread.poll(), 0);
  deepStrictEqual(result, new Uint8Array(16));
  bed.close();
});

Deno.test("more than there is room for waits, and is sent when others are back", async () => {
  const bed = new Bed();
  const session = bed.open();
  const all = Array.from(
    { length: 600 },
    () => encryption(session, KEY.slice()),
  );
  bed.thread.run(all.map(({ operation }) => operation), all.length);
  let ended = 0;
  while (ended < all.length) {
    await bed.end();
    const now = bed.thread.poll();
    ok(now <= 192);
    ended += now;
  }
  ok(all.every(({ result }) => result[0] === 7));
  bed.close();
});

Deno.test("what outlives its guest frees its room for the others", async () => {
  const bed = new Bed();
  const full = (thread: LaneThread) => {
    const session = thread.openSession({
      service: "cipher",
      algorithm: "aes-cbc",
      direction: "encrypt",
      key: KEY.slice(),
    });
    const all = Array.from(
      { length: 192 },
      () => encryption(session, KEY.slice()),
    );
    thread.run(all.map(({ operation }) => operation), all.length);
    return all;
  };
  // Each takes most of what there is for all.
  for (let guest = 2; guest < 6; guest++) {
    const thread = new LaneThread(bed.sender.guest(guest));
    const all = full(thread);
    await bed.turn();
    for (const { operation } of all) thread.abandon(operation);
    thread.close();
  }
  await bed.end();
  await bed.end();
  const all = full(bed.thread);
  let ended = 0;
  for (let turn = 0; turn < 20 && ended < all.length; turn++) {
    await bed.end();
    ended += bed.thread.poll();
  }
  strictEqual(ended, all.length);
  bed.close();
});

Deno.test("blocks come back as zeros, and not more are kept than a bound", () => {
  let made = 0;
  let dropped = 0;
  const pool = new BlockPool(() => made++, () => dropped++);
  const first = pool.take(5000);
  strictEqual(first.memory.byteLength, 8192);
  first.bytes.fill(1, 0, 5000);
  pool.give(first, 5000);
  const again = pool.take(6000);
  strictEqual(again, first);
  ok(again.bytes.every((byte) => byte === 0));
  strictEqual(made, 1);
  const large = pool.take(16 * 1024 * 1024);
  pool.give(large, 1);
  strictEqual(dropped, 1);
});
