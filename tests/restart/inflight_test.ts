import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createVirtqueue } from "../../device/ring/create_virtqueue.ts";
import { GuestMemory } from "../../device/ring/guest_memory.ts";
import {
  type InflightPart,
  inflightPartBytes,
} from "../../device/ring/inflight_part.ts";
import { PackedInflight } from "../../device/ring/packed_inflight.ts";
import { PackedVirtqueue } from "../../device/ring/packed_virtqueue.ts";
import { type RingArea, words } from "../../device/ring/ring_area.ts";
import { SplitInflight } from "../../device/ring/split_inflight.ts";
import { SplitVirtqueue } from "../../device/ring/split_virtqueue.ts";
import {
  USED_JOURNAL_BYTES,
  UsedJournal,
} from "../../device/ring/used_journal.ts";
import type { RingSetup } from "../../device/ring/virtqueue.ts";
import { ringShape } from "../../device/ring/layout.ts";
import {
  findLeft,
  type LeftRequests,
  trackFrom,
} from "../../device/transport/vhost_user/left_requests.ts";
import { createDriverQueue } from "../../driver/rings/create_driver_queue.ts";
import type { DriverQueue } from "../../driver/rings/driver_queue.ts";
import { Region } from "../../memory/region.ts";
import { GUEST_ADDRESS, makeTestRings } from "../../testing/ring_sides.ts";

const SIZE = 16;
const AT = 0x1_0000_0000;
const BYTES = 64 * 1024;
const DATA_AT = 32 * 1024;

/** A small generator of numbers, the same for every run of a seed. */
function numbers(seed: number) {
  let state = seed * 2654435761 >>> 0 || 1;
  return (below: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

interface Form {
  readonly packed: boolean;
  readonly inOrder: boolean;
  /** Whether each process has a state, which the next one does not get. */
  readonly hasJournal?: boolean;
}

const newJournal = () =>
  new UsedJournal(new Int32Array(USED_JOURNAL_BYTES / 4));

/** A process that serves the ring, and ends where it is told to. */
interface Life {
  readonly ring: SplitVirtqueue | PackedVirtqueue;
  readonly part: InflightPart;
}

class Died extends Error {}

/** One ring, its driver, and the processes that serve it one after another. */
class Story {
  readonly driver: DriverQueue;
  readonly region: Region;
  readonly part: Uint8Array<ArrayBuffer>;
  readonly #form: Form;
  readonly #random: (below: number) => number;
  readonly #memory = new GuestMemory();
  readonly #setup: Omit<RingSetup, "base">;
  /** Steps until the process dies. */
  #left = 0;
  lives = 0;
  again = 0;

  constructor(form: Form, seed: number) {
    this.#form = form;
    this.#random = numbers(seed);
    const region = new Region(new Uint8Array(new ArrayBuffer(BYTES)));
    this.region = region;
    this.driver = createDriverQueue({
      region,
      regionGuestAddress: AT,
      offset: 0,
      size: SIZE,
      packed: form.packed,
      eventIndex: false,
      inOrder: false,
    });
    this.#memory.add({
      guestAddress: AT,
      userAddress: AT,
      lengthBytes: BYTES,
      region,
    });
    const { packed } = form;
    this.part = new Uint8Array(
      new ArrayBuffer(inflightPartBytes(SIZE, packed)),
    );
    const { descriptorAddress, availableAddress, usedAddress } =
      this.driver.addresses;
    const shape = ringShape(SIZE, packed);
    const area = (address: number, lengthBytes: number): RingArea => ({
      buffer: region.bytes.buffer,
      start: address - AT,
      lengthBytes,
    });
    this.#setup = {
      memory: this.#memory,
      size: SIZE,
      descriptorAddress,
      availableAddress,
      usedAddress,
      packed,
      eventIndex: false,
      inOrder: form.inOrder,
      descriptor: area(descriptorAddress, shape.descriptor.lengthBytes),
      driver: area(availableAddress, shape.driver.lengthBytes),
      device: area(usedAddress, shape.device.lengthBytes),
    };
  }

  /** Where the used ring's index is. */
  get usedIndexAt(): number {
    return this.#setup.usedAddress - AT + 2;
  }

  #step(): void {
    if (this.#left-- <= 0) throw new Died();
  }

  #begin(left: LeftRequests): Life {
    const journal = this.#form.hasJournal ? newJournal() : undefined;
    journal?.reset(left.base);
    const setup: RingSetup = { ...this.#setup, base: left.base, journal };
    const { inOrder } = setup;
    this.again += left.count;
    if (!setup.packed) {
      const ring = new SplitVirtqueue(setup);
      return { ring, part: new SplitInflight(this.part, ring, inOrder) };
    }
    const ring = new PackedVirtqueue(setup);
    const ringWords = words(setup.descriptor);
    const part = new PackedInflight(
      this.part,
      ring,
      ringWords,
      inOrder,
      true,
    );
    ring.tracker = part;
    return { ring, part };
  }

  /** The first process: nothing is left, and the ring is at its start. */
  first(): Life {
    const base = this.#form.packed ? 0x8000_8000 : 0;
    const plan = { ...this.#setup, base };
    strictEqual(trackFrom(this.#memory, plan, this.part, SIZE), undefined);
    return this.#begin({ base, count: 0 });
  }

  next(): Life {
    const { packed } = this.#form;
    const form = { size: SIZE, packed };
    const left = findLeft(this.#memory, this.#setup, form, this.part);
    if (typeof left === "string") throw new Error(left);
    return this.#begin(left);
  }

  /** Serves until the process dies, or all is answered and none is left. */
  serve({ ring, part }: Life, steps: number, isDone: () => boolean): void {
    this.#left = steps;
    this.lives++;
    const into = new Int32Array(64);
    const out: number[] = [];
    const lengths = new Int32Array(64);
    while (!isDone()) {
      this.#makeAvailable();
      if (part.left > 0) {
        this.#step();
        out.push(part.takeAgain());
      } else {
        this.#step();
        const count = ring.take(into, 1 + this.#random(4), 1 << 20);
        strictEqual(ring.broken, undefined);
        this.#step();
        if (count > 0) part.taken(into, count);
        out.push(...into.subarray(0, count));
      }
      const given = new Int32Array(64);
      const wanted = out.length === 0 ? 0 : 1 + this.#random(out.length);
      for (let i = 0; i < wanted; i++) {
        const which = this.#form.inOrder ? 0 : this.#random(out.length);
        given[i] = out.splice(which, 1)[0]!;
      }
      if (wanted === 0) continue;
      this.#step();
      ring.give(given, lengths, wanted);
      this.#step();
      part.answered(given, wanted);
      this.#step();
      part.showing();
      this.#step();
      ring.publish();
      this.#step();
      part.shown();
      this.#take();
    }
  }

  #next = 0;
  readonly #waiting = new Set<number>();
  answered = 0;

  #makeAvailable(): void {
    const count = this.#random(3);
    for (let i = 0; i < count && this.#waiting.size < 4; i++) {
      const pieces = 1 + this.#random(3);
      const ranges = Array.from({ length: pieces }, (_, piece) => ({
        guestAddress: AT + DATA_AT + 64 * piece,
        lengthBytes: 8,
      }));
      this.driver.add(ranges.slice(1), ranges.slice(0, 1), this.#next);
      this.#waiting.add(this.#next++);
    }
    this.driver.publish();
  }

  /** The driver's look: each answer is one of a request that waits for it. */
  #take(): void {
    for (;;) {
      const done = this.driver.take();
      if (!done) return;
      ok(this.#waiting.delete(done.token), `${done.token} is answered twice`);
      this.answered++;
    }
  }

  /** What the driver still sees when a process has died. */
  look(): void {
    this.#take();
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  steps(): number {
    return this.#random(60);
  }
}

for (const packed of [false, true]) {
  for (const order of ["in any order", "in order", "kept"]) {
    const inOrder = order !== "in any order";
    const hasJournal = packed && order === "kept";
    const form = `${packed ? "packed" : "split"}, answered ${order}`;
    if (order === "kept" && !packed) continue;
    Deno.test(`no request is lost or answered twice, wherever processes end: ${form}`, () => {
      let again = 0;
      for (let seed = 1; seed <= 25; seed++) {
        const story = new Story({ packed, inOrder, hasJournal }, seed);
        let life = story.first();
        for (let lives = 0; lives < 20; lives++) {
          try {
            story.serve(life, story.steps(), () => false);
          } catch (error) {
            if (!(error instanceof Died)) throw error;
          }
          story.look();
          life = story.next();
        }
        let rounds = 0;
        const enough = () => {
          ok(++rounds < 5000, "requests that are never answered");
          return rounds > 200 && story.waiting === 0;
        };
        story.serve(life, Infinity, enough);
        strictEqual(story.waiting, 0);
        ok(story.answered > 100, `${story.answered}`);
        again += story.again;
      }
      ok(again > 50, `${again} requests were taken again`);
    });
  }
}

Deno.test("a region that an enemy wrote is refused or read, and harms nobody", () => {
  for (const packed of [false, true]) {
    const outcomes = new Set<string>();
    for (let seed = 1; seed <= 200; seed++) {
      const random = numbers(seed);
      const story = new Story({ packed, inOrder: false }, seed);
      try {
        story.serve(story.first(), 30, () => false);
      } catch (error) {
        if (!(error instanceof Died)) throw error;
      }
      for (let i = 0; i < 1 + random(40); i++) {
        // The version is right mostly, or little would be read.
        story.part[10 + random(story.part.length - 10)] = random(256);
      }
      try {
        const life = story.next();
        while (life.part.left > 0) life.part.takeAgain();
        outcomes.add(life.ring.broken ? "broken" : "read");
      } catch (error) {
        ok(error instanceof Error && !(error instanceof RangeError));
        ok(/in-flight region/.test(error.message), error.message);
        outcomes.add("refused");
      }
    }
    ok(outcomes.has("read") && outcomes.has("refused"), [...outcomes].join());
  }
});

Deno.test("the index of a ring that does not begin at 0 is not taken for a lost batch", () => {
  const story = new Story({ packed: false, inOrder: false }, 7);
  const view = new DataView(story.part.buffer);
  const usedIndexAt = story.usedIndexAt;
  story.region.view.setUint16(usedIndexAt, 1000, true);
  story.first();
  const [version, size, used] = [8, 10, 14].map((at) =>
    view.getUint16(at, true)
  );
  deepStrictEqual({ version, size, used }, {
    version: 1,
    size: SIZE,
    used: 1000,
  });
});

Deno.test("what a ring that is kept shows before its time is no longer under way", () => {
  // More answers than the journal has room for, and a process that ends then.
  const size = 256;
  const { driver, memory } = makeTestRings({ size, packed: true });
  const part = new Uint8Array(new ArrayBuffer(inflightPartBytes(size, true)));
  const areas = driver.addresses;
  const plan = { ...areas, size, packed: true, base: 0x8000_8000 };
  strictEqual(trackFrom(memory, plan, part, size), undefined);
  const journal = newJournal();
  journal.reset(plan.base);
  const ring = createVirtqueue({
    ...plan,
    memory,
    eventIndex: false,
    inOrder: true,
    journal,
    inflight: part,
  });
  ok(!("error" in ring));
  const piece = { guestAddress: GUEST_ADDRESS + 0x8000, lengthBytes: 16 };
  for (let i = 0; i < 192; i++) ok(driver.add([piece], [], i));
  driver.publish();
  const slots = [0, 1, 2].map(() => new Int32Array(64));
  for (const into of slots) strictEqual(ring.take(into, 64, 1 << 20), 64);
  const lengths = new Int32Array(64);
  // The first two in turn, the third not whole.
  for (const into of slots.slice(0, 2)) ring.give(into, lengths, 64);
  ring.give(slots[2]!.slice(0, 10), lengths, 10);
  const left = findLeft(memory, areas, plan, part);
  ok(typeof left !== "string", `${left}`);
  let shown = 0;
  while (driver.take()) shown++;
  strictEqual(shown, 128);
  deepStrictEqual(left, { base: 0x8080_8080, count: 64 });
});
