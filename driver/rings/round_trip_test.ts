import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  ChainFault,
  DescriptorChain,
  popChain,
} from "../../device/ring/chain.ts";
import { createVirtqueue } from "../../device/ring/create_virtqueue.ts";
import { MOST_CHAINS } from "../../device/ring/virtqueue.ts";
import type { GuestBuffer } from "./driver_queue.ts";
import {
  GUEST_ADDRESS,
  makeTestRings,
  seededNumbers,
  type TestRingOptions,
  type TestRings,
} from "../../testing/ring_sides.ts";

const BUFFER_BYTES = 64;

interface Sent {
  readonly readable: Uint8Array;
  readonly writable: readonly GuestBuffer[];
  /** Number of the memory that its buffers lie in. */
  readonly place: number;
}

/** Every byte that the driver sends comes back plus one, behind it a status. */
class RoundTrip {
  readonly #rings: TestRings;
  readonly #random: (below: number) => number;
  readonly #maxBuffers: number;
  readonly #sent = new Map<number, Sent>();
  readonly #popped: DescriptorChain[] = [];
  readonly #inOrder: boolean;
  added = 0;
  taken = 0;
  readonly #freePlaces: number[];

  constructor(options: TestRingOptions, maxBuffers: number, seed: number) {
    const slots = options.size * maxBuffers;
    this.#rings = makeTestRings({
      ...options,
      dataBytes: slots * BUFFER_BYTES,
    });
    this.#freePlaces = Array.from({ length: options.size }, (_, i) => i);
    this.#maxBuffers = maxBuffers;
    this.#inOrder = options.inOrder ?? false;
    this.#random = seededNumbers(seed);
  }

  run(total: number): void {
    while (this.taken < total) {
      const burst = 1 + this.#random(8);
      for (let i = 0; i < burst && this.added < total; i++) {
        if (!this.#add()) break;
      }
      this.#rings.driver.publish();
      this.#serve();
      this.#takeAll();
    }
    strictEqual(this.#rings.device.broken, undefined);
    strictEqual(this.#rings.driver.broken, undefined);
    strictEqual(this.#sent.size, 0);
  }

  #buffers(first: number, count: number): GuestBuffer[] {
    return Array.from({ length: count }, (_, i) => {
      const offset = this.#rings.dataOffset + (first + i) * BUFFER_BYTES;
      const skip = this.#random(4);
      const lengthBytes = this.#random(4) === 0
        ? 0
        : this.#random(BUFFER_BYTES - skip + 1);
      return { guestAddress: GUEST_ADDRESS + offset + skip, lengthBytes };
    });
  }

  #bytes(buffer: GuestBuffer): Uint8Array {
    const offset = buffer.guestAddress - GUEST_ADDRESS;
    return this.#rings.region.bytes.subarray(
      offset,
      offset + buffer.lengthBytes,
    );
  }

  #add(): boolean {
    const count = 1 + this.#random(this.#maxBuffers);
    const readableCount = this.#random(count + 1);
    const place = this.#freePlaces.at(-1);
    if (place === undefined) return false;
    const slot = place * this.#maxBuffers;
    const readable = this.#buffers(slot, readableCount);
    const writable = this.#buffers(slot + readableCount, count - readableCount);
    const token = this.added * 1e6 + 0.5;
    if (!this.#rings.driver.add(readable, writable, token)) return false;
    this.#freePlaces.pop();
    for (const buffer of readable) crypto.getRandomValues(this.#bytes(buffer));
    for (const buffer of writable) this.#bytes(buffer).fill(0xee);
    const bytes = readable.flatMap((buffer) => [...this.#bytes(buffer)]);
    this.#sent.set(token, {
      readable: Uint8Array.from(bytes),
      writable,
      place,
    });
    this.added++;
    return true;
  }

  /** Pops all, completes some, in any order, and now and then all. */
  #serve(): void {
    const device = this.#rings.device;
    let chain = new DescriptorChain();
    while (popChain(device, chain)) {
      strictEqual(chain.fault, ChainFault.None);
      this.#popped.push(chain);
      chain = new DescriptorChain();
    }
    const all = this.added % 3 === 0 || this.#popped.length > 4;
    while (this.#popped.length > 0) {
      const index = this.#random(this.#popped.length);
      const done = this.#popped.splice(index, 1)[0]!;
      device.push(done.slot, answer(done));
      if (!all && this.#random(2) === 0) break;
    }
    device.publish();
  }

  #takeAll(): void {
    let last = -1;
    for (;;) {
      const completion = this.#rings.driver.take();
      if (!completion) return;
      const { token, writtenBytes } = completion;
      const sent = this.#sent.get(token);
      ok(sent, `token ${token} was not in flight`);
      this.#sent.delete(token);
      if (this.#inOrder) {
        ok(token > last);
        last = token;
      }
      this.#check(sent, writtenBytes);
      this.#freePlaces.push(sent.place);
      this.taken++;
    }
  }

  #check(sent: Sent, writtenBytes: number): void {
    const written = sent.writable.flatMap((buffer) => [...this.#bytes(buffer)]);
    const expected = new Uint8Array(written.length).fill(0xee);
    const copied = Math.min(sent.readable.length, written.length);
    for (let i = 0; i < copied; i++) expected[i] = sent.readable[i]! + 1;
    if (written.length > 0) expected[written.length - 1] = 0x55;
    strictEqual(writtenBytes, copied);
    deepStrictEqual(Uint8Array.from(written), expected);
  }
}

function answer(chain: DescriptorChain): number {
  const bytes = chain.readable.copy().map((byte) => byte + 1);
  const copied = Math.min(bytes.length, chain.writable.totalBytes);
  chain.writable.write(0, bytes.subarray(0, copied));
  if (chain.writable.totalBytes > 0) {
    chain.statusRegion!.bytes[chain.statusOffset] = 0x55;
  } else strictEqual(chain.statusRegion, undefined);
  return copied;
}

for (const packed of [false, true]) {
  const format = packed ? "packed" : "split";
  for (const inOrder of [false, true]) {
    for (const maxDescriptors of [undefined, 6]) {
      const kind = `${format}${inOrder ? ", in order" : ""}, ` +
        (maxDescriptors ? "indirect" : "direct");
      Deno.test(`random requests come back whole: ${kind}`, () => {
        for (const size of packed ? [6, 13, 64] : [8, 64]) {
          const options = {
            size,
            packed,
            inOrder,
            eventIndex: size > 20,
            ...(maxDescriptors ? { maxDescriptors } : {}),
          };
          new RoundTrip(options, 6, size).run(4000);
        }
      });
    }
  }

  Deno.test(`16-bit indices wrap around: ${format}`, () => {
    const { driver, device } = makeTestRings({ size: 4, packed });
    const chain = new DescriptorChain();
    const buffers = [{ guestAddress: GUEST_ADDRESS, lengthBytes: 1 }];
    for (let i = 0; i < 140_000; i++) {
      ok(driver.add(buffers, [], i));
      strictEqual(driver.publish(), true);
      ok(popChain(device, chain));
      strictEqual(popChain(device, chain), false);
      device.push(chain.slot, 0);
      strictEqual(device.publish(), true);
      strictEqual(driver.take()?.token, i);
    }
    strictEqual(driver.take(), undefined);
  });

  Deno.test(`a ring of 32768 fills and empties: ${format}`, () => {
    const size = 32768;
    const { driver, device } = makeTestRings({ size, packed });
    const buffers = [{ guestAddress: GUEST_ADDRESS, lengthBytes: 3 }];
    const chain = new DescriptorChain();
    for (let round = 0; round < 5; round++) {
      let added = 0;
      while (driver.add(buffers, [], added)) added++;
      strictEqual(added, size);
      driver.publish();
      let popped = 0;
      while (popChain(device, chain)) {
        device.push(chain.slot, popped);
        popped++;
      }
      strictEqual(popped, size);
      strictEqual(driver.take(), undefined);
      strictEqual(device.publish(), true);
      const tokens = new Set<number>();
      for (let done = driver.take(); done; done = driver.take()) {
        tokens.add(done.token);
      }
      strictEqual(tokens.size, size);
    }
    strictEqual(device.broken, undefined);
  });

  Deno.test(`a chain of 5000 descriptors in a table: ${format}`, () => {
    const { driver, device, dataOffset, region } = makeTestRings({
      size: 4,
      packed,
      maxDescriptors: 5000,
    });
    const at = GUEST_ADDRESS + dataOffset;
    const readable = Array.from(
      { length: 2500 },
      (_, i) => ({ guestAddress: at + 2 * i, lengthBytes: 1 }),
    );
    const writable = Array.from(
      { length: 2500 },
      (_, i) => ({ guestAddress: at + 2 * i + 1, lengthBytes: 1 }),
    );
    const chain = new DescriptorChain();
    for (let round = 0; round < 3; round++) {
      driver.add(readable, writable, round);
      driver.publish();
      ok(popChain(device, chain));
      strictEqual(chain.fault, ChainFault.None);
      strictEqual(chain.descriptorCount, 5000);
      strictEqual(chain.readable.count, 2500);
      strictEqual(chain.writable.totalBytes, 2500);
      strictEqual(chain.statusRegion, region);
      strictEqual(chain.statusOffset, dataOffset + 4999);
      device.push(chain.slot, 2500);
      device.publish();
      deepStrictEqual(driver.take(), { token: round, writtenBytes: 2500 });
    }
  });

  Deno.test(`in order, completions wait for their turn: ${format}`, () => {
    const { driver, device } = makeTestRings({
      size: 4,
      packed,
      inOrder: true,
    });
    const buffers = [{ guestAddress: GUEST_ADDRESS, lengthBytes: 8 }];
    for (let token = 0; token < 3; token++) driver.add([], buffers, token);
    driver.publish();
    const chains = [0, 1, 2].map(() => new DescriptorChain());
    for (const chain of chains) ok(popChain(device, chain));
    device.push(chains[2]!.slot, 3);
    strictEqual(device.publish(), false);
    strictEqual(driver.take(), undefined);
    device.push(chains[0]!.slot, 1);
    strictEqual(device.publish(), true);
    deepStrictEqual(driver.take(), { token: 0, writtenBytes: 1 });
    strictEqual(driver.take(), undefined);
    device.push(chains[1]!.slot, 2);
    device.publish();
    deepStrictEqual(driver.take(), { token: 1, writtenBytes: 2 });
    deepStrictEqual(driver.take(), { token: 2, writtenBytes: 3 });
  });

  Deno.test(`a queue resumes where another stopped: ${format}`, () => {
    const rings = makeTestRings({ size: 4, packed });
    const { driver, memory } = rings;
    let device = rings.device;
    const buffers = [{ guestAddress: GUEST_ADDRESS, lengthBytes: 8 }];
    const chain = new DescriptorChain();
    for (let token = 0; token < 50; token++) {
      driver.add([], buffers, token);
      driver.publish();
      const resumed = createVirtqueue({
        ...driver.addresses,
        memory,
        size: 4,
        base: device.base,
        packed,
        eventIndex: false,
        inOrder: false,
      });
      if ("error" in resumed) throw new Error(resumed.error);
      device = resumed;
      ok(popChain(device, chain));
      strictEqual(popChain(device, chain), false);
      device.push(chain.slot, 8);
      device.publish();
      strictEqual(driver.take()?.token, token);
    }
  });
}

for (const packed of [false, true]) {
  Deno.test(`${packed ? "packed" : "split"}: a burst has what came after the last look, too`, () => {
    const { driver, device, dataOffset } = makeTestRings({ size: 8, packed });
    const send = (count: number) => {
      const guestAddress = GUEST_ADDRESS + dataOffset;
      for (let i = 0; i < count; i++) {
        driver.add([{ guestAddress, lengthBytes: 1 }], [], i);
      }
      driver.publish();
    };
    const burst = new Int32Array(MOST_CHAINS);
    send(3);
    strictEqual(device.take(burst, 2, 100), 2);
    send(2);
    strictEqual(device.take(burst, MOST_CHAINS, 100), 3);
  });
}
