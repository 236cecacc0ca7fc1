import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { openLibc } from "../../ffi/libc.ts";
import { MEETING_BYTES } from "./meeting.ts";
import { MESSAGES_DATA_BYTES } from "./messages.ts";
import { seenBytes } from "./notifications.ts";
import type { Said, Task } from "./side_worker.ts";
import { planBytes, type RingsPlan } from "./sides.ts";
import { WAKE_PLAN_BYTES } from "./wake_words.ts";

const MESSAGES = 100_000;
const ROUNDS = 300;
const RINGS = 256;

type Shape = Omit<RingsPlan, "memory">;

/** A side on a thread of its own. */
class Side implements Disposable {
  readonly #worker = new Worker(
    new URL("./side_worker.ts", import.meta.url),
    { type: "module" },
  );
  readonly result: Promise<unknown>;
  readonly ready: Promise<void>;

  constructor(task: Task) {
    const ready = Promise.withResolvers<void>();
    const result = Promise.withResolvers<unknown>();
    this.ready = ready.promise;
    this.result = result.promise;
    this.#worker.onmessage = ({ data }: MessageEvent<Said>) => {
      if ("ready" in data) ready.resolve();
      else result.resolve(data.result);
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      ready.reject(new Error(event.message));
      result.reject(new Error(event.message));
    };
    this.#worker.postMessage(task);
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}

/** Runs `body` with memory as guest memory is mapped, and with a shared buffer. */
async function withMemory(
  shape: Shape,
  body: (plan: RingsPlan) => Promise<void>,
): Promise<void> {
  const lengthBytes = planBytes(shape);
  await body({ ...shape, memory: new SharedArrayBuffer(lengthBytes) });
  const libc = openLibc();
  const fd = libc.memfdCreate("memory-order", lengthBytes);
  const mapping = libc.map(fd, 0, lengthBytes);
  if (typeof mapping === "number") throw new Error(libc.describe(mapping));
  libc.close(fd);
  await body({ ...shape, memory: mapping.address });
  // Where one side fails, the other may still run and use the memory.
  libc.unmap(mapping);
}

for (const packed of [false, true]) {
  const name = packed ? "packed" : "split";
  Deno.test(`${name} ring between threads: requests and answers are whole when they are seen`, async () => {
    const shape = {
      count: 1,
      size: 256,
      packed,
      eventIndex: false,
      dataBytes: MESSAGES_DATA_BYTES,
    };
    await withMemory(shape, async (plan) => {
      using driver = new Side({ kind: "send", plan, count: MESSAGES });
      await driver.ready;
      using device = new Side({ kind: "answer", plan, count: MESSAGES });
      const answered = await Promise.all([driver.result, device.result]);
      deepStrictEqual(answered, [MESSAGES, MESSAGES]);
    });
  });

  for (const eventIndex of [false, true]) {
    const how = eventIndex ? "by event index" : "by flags";
    Deno.test(`${name} ring between threads: no notification is lost, ${how}`, async () => {
      const shape = {
        count: RINGS,
        size: 2,
        packed,
        eventIndex,
        dataBytes: 64,
      };
      await withMemory(shape, async (plan) => {
        const looks = {
          plan,
          meeting: new SharedArrayBuffer(MEETING_BYTES),
          seen: new SharedArrayBuffer(seenBytes(plan)),
        };
        using driver = new Side({ kind: "drive", looks, rounds: ROUNDS });
        using device = new Side({ kind: "serve", looks, rounds: ROUNDS });
        const [lost] = await Promise.all([driver.result, device.result]);
        deepStrictEqual(lost, { kicks: 0, interrupts: 0 });
      });
    });
  }
}

Deno.test("work between threads: either its thread is woken, or finds it before it sleeps", async () => {
  const wakes = {
    meeting: new SharedArrayBuffer(MEETING_BYTES),
    words: new SharedArrayBuffer(WAKE_PLAN_BYTES.words),
    found: new SharedArrayBuffer(WAKE_PLAN_BYTES.found),
  };
  using one = new Side({ kind: "publish", wakes, rounds: ROUNDS });
  using other = new Side({ kind: "sleep", wakes, rounds: ROUNDS });
  const [lost] = await Promise.all([one.result, other.result]);
  strictEqual(lost, 0);
});
