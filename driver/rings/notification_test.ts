import { ok, strictEqual } from "node:assert/strict";
import { DescriptorChain, popChain } from "../../device/ring/chain.ts";
import { EVENT_DESCRIPTOR, EVENT_DISABLE } from "../../device/ring/layout.ts";
import { RawPackedRing, RawSplitRing } from "../../testing/raw_ring.ts";
import {
  GUEST_ADDRESS,
  makeTestRings,
  seededNumbers,
} from "../../testing/ring_sides.ts";

const buffers = [{ guestAddress: GUEST_ADDRESS, lengthBytes: 1 }];

/** Two sides that sleep until the other wakes them, run in random turns. */
class Sleepers {
  kicks = 0;
  calls = 0;
  taken = 0;
  #added = 0;
  #deviceAwake = true;
  #driverAwake = true;
  readonly #rings;
  readonly #random;
  readonly #popped: DescriptorChain[] = [];

  constructor(packed: boolean, eventIndex: boolean, seed: number) {
    this.#rings = makeTestRings({ size: 8, packed, eventIndex });
    this.#random = seededNumbers(seed);
  }

  /** Takes turns until all is done; false when both sleep before that. */
  run(total: number): boolean {
    while (this.taken < total) {
      if (!this.#deviceAwake && !this.#driverAwake) return false;
      const driverTurn = this.#random(2) === 0;
      if (driverTurn && this.#driverAwake) this.#driverStep(total);
      else if (!driverTurn && this.#deviceAwake) this.#deviceStep();
    }
    return true;
  }

  #driverStep(total: number): void {
    const driver = this.#rings.driver;
    const choice = this.#random(4);
    if (choice === 0) driver.disableInterrupts();
    else if (choice === 1) {
      const burst = 1 + this.#random(4);
      for (let i = 0; i < burst && this.#added < total; i++) {
        if (driver.add(buffers, [], this.#added)) this.#added++;
      }
      if (driver.publish()) {
        this.kicks++;
        this.#deviceAwake = true;
      }
    } else if (choice === 2 && driver.take()) this.taken++;
    else if (choice === 3 && this.#added > this.taken) {
      this.#driverAwake = driver.enableInterrupts();
    }
  }

  #deviceStep(): void {
    const device = this.#rings.device;
    const choice = this.#random(5);
    if (choice === 0) device.disableNotifications();
    else if (choice === 1) {
      const chain = new DescriptorChain();
      if (popChain(device, chain)) this.#popped.push(chain);
    } else if (choice === 2) {
      const chain = this.#popped.pop();
      if (chain) device.push(chain.slot, 0);
    } else if (choice === 3 && device.publish()) {
      this.calls++;
      this.#driverAwake = true;
    } else if (choice === 4) this.#sleep();
  }

  #sleep(): void {
    const device = this.#rings.device;
    for (let chain = this.#popped.pop(); chain; chain = this.#popped.pop()) {
      device.push(chain.slot, 0);
    }
    if (device.publish()) {
      this.calls++;
      this.#driverAwake = true;
    }
    this.#deviceAwake = device.enableNotifications();
  }
}

for (const packed of [false, true]) {
  for (const eventIndex of [false, true]) {
    const kind = `${packed ? "packed" : "split"}, ` +
      (eventIndex ? "event index" : "flags");

    Deno.test(`no wake-up is lost and some are saved: ${kind}`, () => {
      for (let seed = 1; seed <= 20; seed++) {
        const sleepers = new Sleepers(packed, eventIndex, seed);
        ok(sleepers.run(5000), `both sides sleep with seed ${seed}`);
        ok(sleepers.kicks < 2400, `${sleepers.kicks} kicks`);
        ok(sleepers.calls < 2400, `${sleepers.calls} calls`);
      }
    });

    Deno.test(`enabling sees what came meanwhile: ${kind}`, () => {
      const { driver, device } = makeTestRings({ size: 8, packed, eventIndex });
      const chain = new DescriptorChain();
      strictEqual(device.enableNotifications(), false);
      driver.add(buffers, [], 1);
      strictEqual(device.enableNotifications(), false);
      strictEqual(driver.publish(), true);
      device.disableNotifications();
      driver.add(buffers, [], 2);
      strictEqual(driver.publish(), false);
      ok(popChain(device, chain));
      strictEqual(device.enableNotifications(), true);
      driver.disableInterrupts();
      device.push(chain.slot, 0);
      strictEqual(device.publish(), false);
      strictEqual(driver.enableInterrupts(), true);
      strictEqual(driver.take()?.token, 1);
      strictEqual(driver.enableInterrupts(), false);
      ok(popChain(device, chain));
      device.push(chain.slot, 0);
      strictEqual(driver.enableInterrupts(), false);
      strictEqual(device.publish(), true);
      strictEqual(device.publish(), false);
    });
  }
}

Deno.test("split: avail_event is kept current without event index", () => {
  const { driver, device, region } = makeTestRings({ size: 8, packed: false });
  const raw = new RawSplitRing(region, 0, 8);
  const chain = new DescriptorChain();
  for (let i = 1; i <= 20; i++) {
    driver.add(buffers, [], i);
    driver.publish();
    device.disableNotifications();
    strictEqual(raw.usedFlags, 1);
    ok(popChain(device, chain));
    device.push(chain.slot, 0);
    device.publish();
    device.enableNotifications();
    strictEqual(raw.availableEvent, i);
    strictEqual(raw.usedFlags, 0);
    driver.take();
  }
});

Deno.test("split: with event index, flags stay 0 and NO_INTERRUPT is ignored", () => {
  const { driver, device, region } = makeTestRings({
    size: 8,
    packed: false,
    eventIndex: true,
  });
  const raw = new RawSplitRing(region, 0, 8);
  raw.availableFlags(1);
  raw.usedEvent(0);
  driver.add(buffers, [], 1);
  driver.publish();
  device.disableNotifications();
  strictEqual(raw.usedFlags, 0);
  const chain = new DescriptorChain();
  ok(popChain(device, chain));
  device.push(chain.slot, 0);
  strictEqual(device.publish(), true);
});

Deno.test("split: without event index, used_event is ignored", () => {
  const { driver, device, region } = makeTestRings({ size: 8, packed: false });
  new RawSplitRing(region, 0, 8).usedEvent(5);
  const chain = new DescriptorChain();
  driver.add(buffers, [], 1);
  driver.publish();
  ok(popChain(device, chain));
  device.push(chain.slot, 0);
  strictEqual(device.publish(), true);
});

Deno.test("packed: without event index, a wish for one descriptor is a wish for all", () => {
  const { driver, device, region } = makeTestRings({ size: 8, packed: true });
  const chain = new DescriptorChain();
  for (let i = 0; i < 4; i++) {
    driver.add(buffers, [], 1);
    driver.publish();
    new RawPackedRing(region, 0, 8).driverEvent(6, EVENT_DESCRIPTOR);
    ok(popChain(device, chain));
    device.push(chain.slot, 0);
    strictEqual(device.publish(), true);
    ok(driver.take());
  }
});

Deno.test("packed: reserved event flags do not lose a notification", () => {
  for (const eventIndex of [false, true]) {
    const { driver, device, region } = makeTestRings({
      size: 8,
      packed: true,
      eventIndex,
    });
    const raw = new RawPackedRing(region, 0, 8);
    const chain = new DescriptorChain();
    for (
      const [flags, wanted] of [[3, true], [EVENT_DISABLE, false]] as const
    ) {
      driver.add(buffers, [], 1);
      driver.publish();
      raw.driverEvent(0, flags);
      ok(popChain(device, chain));
      device.push(chain.slot, 0);
      strictEqual(device.publish(), wanted);
      ok(driver.take());
    }
  }
});
