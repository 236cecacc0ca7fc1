import { deepStrictEqual } from "node:assert/strict";
import type { DriverQueue } from "../../../driver/rings/driver_queue.ts";
import { openLibc } from "../../../ffi/libc.ts";
import { GUEST_ADDRESS, makeTestRings } from "../../../testing/ring_sides.ts";
import { Counter, COUNTERS } from "../../queue_counts.ts";
import { startOf } from "../../ring/ring_start.ts";
import { OpenBackends } from "../../session/open_backends.ts";
import { Placement } from "../../session/placement.ts";
import { ThreadBackends } from "../../session/thread_backends.ts";
import { ThreadSessions } from "../../session/thread_sessions.ts";
import { wireMode } from "../../wire/mode.ts";
import { QueueRing } from "./queue_ring.ts";

const SIZE = 64;
/** Four of them fill a burst. */
const LONG_BYTES = 1 << 18;
const SETTINGS = {
  backends: [],
  rules: [],
  fallback: "never" as const,
  allowWeak: false,
};

/** A ring, its driver, and the requests that each burst of it has had. */
class Bed {
  readonly bursts: number[] = [];
  readonly ring: QueueRing;
  readonly #driver: DriverQueue;
  readonly #dataAddress: number;

  constructor(packed: boolean) {
    const { driver, memory, dataOffset } = makeTestRings({
      size: SIZE,
      packed,
      dataBytes: LONG_BYTES + 4096,
    });
    this.#driver = driver;
    this.#dataAddress = GUEST_ADDRESS + dataOffset;
    driver.disableInterrupts();
    const { descriptorAddress, availableAddress, usedAddress } =
      driver.addresses;
    const counters = new SharedArrayBuffer(8 * COUNTERS);
    this.ring = new QueueRing(
      0,
      {
        size: SIZE,
        packed,
        eventIndex: false,
        inOrder: false,
        base: startOf(packed),
        addresses: {
          descriptor: descriptorAddress - GUEST_ADDRESS,
          available: availableAddress - GUEST_ADDRESS,
          used: usedAddress - GUEST_ADDRESS,
        },
        mode: wireMode("virtio", 0n),
        kickFd: -1,
        callFd: -1,
        redo: 0,
        counters,
      },
      {
        sessions: this.#watchedSessions(new Float64Array(counters)),
        settings: {
          ...SETTINGS,
          maximumSizeBytes: 1 << 20,
          services: 0x1f,
          maxCipherKeyBytes: 64,
          maxAuthKeyBytes: 64,
        },
        throttle: undefined,
        associations: undefined,
        throttled() {},
        broken() {},
        failed() {},
      },
      { libc: openLibc(), clock: () => 0, wake() {} },
    );
    this.ring.open(memory);
  }

  /** Notes what has been answered when the next burst has been taken. */
  #watchedSessions(counters: Float64Array): ThreadSessions {
    const { bursts } = this;
    return new class extends ThreadSessions {
      override refresh(): void {
        bursts.push(counters[Counter.Requests]!);
        super.refresh();
      }
    }(
      new ThreadBackends(new OpenBackends([])),
      new Placement(SETTINGS),
    );
  }

  /** Requests that are refused at once: there is no session. */
  send(count: number, lengthBytes = 72): void {
    for (let i = 0; i < count; i++) {
      this.#driver.add(
        [{ guestAddress: this.#dataAddress, lengthBytes }],
        [{ guestAddress: this.#dataAddress + lengthBytes, lengthBytes: 1 }],
        i,
      );
    }
    this.#driver.publish();
  }

  /** A turn as a thread gives it; how many requests its bursts had. */
  turn(mostBursts?: number): number[] {
    const { ring, bursts } = this;
    bursts.length = 0;
    if (ring.turn(mostBursts)) ring.idleTurns = 0;
    else ring.idleTurns++;
    bursts.push(ring.counters[Counter.Requests]!);
    while (this.#driver.take());
    return bursts.slice(1).map((answered, i) => answered - bursts[i]!);
  }

  /** The driver sleeps after what it has sent. */
  sleep(): void {
    this.#driver.enableInterrupts();
  }

  /** As after a sleep of the thread. */
  wake(): void {
    this.ring.idleTurns = 0;
  }
}

for (const packed of [false, true]) {
  Deno.test(`${packed ? "packed" : "split"}: what a driver sends in one burst that was waited for is answered in two`, () => {
    const bed = new Bed(packed);
    bed.send(24);
    deepStrictEqual(bed.turn(), [24], "not waited for");
    deepStrictEqual(bed.turn(), []);
    bed.send(24);
    deepStrictEqual(bed.turn(), [16, 8]);
    bed.send(16);
    deepStrictEqual(bed.turn(), [16], "nobody waited");
    deepStrictEqual(bed.turn(), []);
    bed.send(24);
    deepStrictEqual(bed.turn(1), [16 + 8], "others wait for their turn");
    deepStrictEqual(bed.turn(), []);
    bed.wake();
    bed.send(24);
    deepStrictEqual(bed.turn(), [24], "it was asleep");
    bed.sleep();
    bed.send(24);
    bed.turn();
    deepStrictEqual(bed.turn(), []);
    bed.send(24);
    deepStrictEqual(bed.turn(), [24], "the driver was");
  });
}

for (const packed of [false, true]) {
  Deno.test(`${packed ? "packed" : "split"}: bursts of long requests grow where that is faster and nobody waits`, () => {
    const bed = new Bed(packed);
    const turn = (mostBursts?: number) => {
      bed.wake();
      bed.send(32, LONG_BYTES);
      const bursts = bed.turn(mostBursts);
      while (bed.turn().length > 0);
      return bursts;
    };
    deepStrictEqual(turn(), [4], "a full burst ends the turn");
    // Requests that are refused cost a burst little, however many it has.
    let largest = 4;
    for (let i = 0; i < 10_000 && largest < 32; i++) {
      largest = Math.max(largest, ...turn());
    }
    deepStrictEqual(largest, 32);
    deepStrictEqual(turn(1), [4], "others wait for their turn");
  });
}
