import {
  deepStrictEqual,
  match,
  ok,
  rejects,
  strictEqual,
} from "node:assert/strict";
import type { SessionDescription } from "../../../algorithms/session_description.ts";
import { type Operation, OperationStatus } from "../../../backends/backend.ts";
import {
  type Cipher,
  createDevice,
  Driver,
  type Failure,
} from "../../../mod.ts";
import type { FaultyModule } from "../../../testing/faulty_backend.ts";

const FAULTY = import.meta.resolve("../../../testing/faulty_backend.ts");
const { faults } = await import(FAULTY) as FaultyModule;

const NEEDS_RESET = 0x40;
/** More than a device waits for operations in peace. */
const LONG_MS = 2300;
const DATA = new Uint8Array(48).fill(5);

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A driver of a backend whose operations end when the test says so. */
class StuckBed {
  readonly held: Operation[] = [];
  readonly told: Failure[] = [];
  readonly descriptions: SessionDescription[] = [];
  sessionsClosed = 0;
  driver!: Driver;
  cipher!: Cipher;
  #ends = false;

  static async start(): Promise<StuckBed> {
    const bed = new StuckBed();
    bed.#setFaults();
    const link = await createDevice({
      backends: [FAULTY],
      onFailure: (failure) => bed.told.push(failure),
    });
    bed.driver = await Driver.start(link);
    bed.cipher = await bed.open();
    return bed;
  }

  #setFaults(): void {
    for (const name of Object.keys(faults)) delete faults[name as "run"];
    faults.openSession = (description, inner) => {
      this.descriptions.push(description);
      return inner.openSession(description);
    };
    faults.closeSession = (session, inner) => {
      this.sessionsClosed++;
      inner.closeSession(session);
    };
    faults.run = (operations) => void this.held.push(...operations);
    faults.poll = () => {
      if (!this.#ends) return 0;
      for (const operation of this.held) {
        operation.status = OperationStatus.Failed;
      }
      return this.held.splice(0).length;
    };
  }

  open(): Promise<Cipher> {
    return this.driver.cipher({
      algorithm: "aes-cbc",
      key: new Uint8Array(16).fill(3),
      direction: "encrypt",
    });
  }

  get link() {
    return this.driver.link as Awaited<ReturnType<typeof createDevice>>;
  }

  /** An operation under way, and what becomes of its request. */
  async begin(): Promise<{ outcome: () => string }> {
    let outcome = "none";
    this.cipher.run(DATA, new Uint8Array(16)).then(
      () => outcome = "right",
      (error) => outcome = String(error.message),
    );
    while (this.held.length === 0) await pause(0);
    return { outcome: () => outcome };
  }

  /** Lets all operations end, as failed. */
  end(): void {
    this.#ends = true;
  }
}

/** Whether a promise is settled. */
function watch(promise: Promise<unknown>): () => boolean {
  let settled = false;
  promise.then(() => settled = true, () => settled = true);
  return () => settled;
}

const addresses = {
  size: 4,
  descriptorAddress: 0x10_0000,
  availableAddress: 0x10_1000,
  usedAddress: 0x10_2000,
};

Deno.test("a reset is settled when the last operation has ended, and not before", async () => {
  const bed = await StuckBed.start();
  const { link } = bed;
  let changes = 0;
  link.onConfigChange(() => changes++);
  await bed.begin();
  const reset = link.reset();
  const settled = watch(reset);
  await pause(200);
  strictEqual(settled(), false);
  strictEqual(link.status & NEEDS_RESET, 0);
  await pause(LONG_MS);
  strictEqual(settled(), false);
  // The device says so, and what cannot be used says why.
  strictEqual(link.status & NEEDS_RESET, NEEDS_RESET);
  strictEqual(changes, 1);
  const reason =
    /a backend has not ended 1 operation of queue 0 within 2000 ms/;
  strictEqual(bed.told.length, 1);
  match(bed.told[0]!.reason, reason);
  await rejects(link.startQueue(0, addresses), reason);
  await rejects(link.startQueue(1, addresses), reason);
  await rejects(link.acceptFeatures(link.offeredFeatures), reason);
  const another = watch(link.reset());
  await pause(50);
  strictEqual(another(), false);
  bed.end();
  await reset;
  await pause(0);
  strictEqual(another(), true);
  strictEqual(link.status, 0);
  strictEqual(bed.sessionsClosed, 2, "one on each: creation and use");
  // It can be used again.
  delete faults.run;
  bed.driver = await Driver.start(link);
  const cipher = await bed.open();
  strictEqual((await cipher.run(DATA, new Uint8Array(16))).length, 48);
  await bed.driver.close();
});

Deno.test("close() ends a reset that waits, closes the backend and wipes the keys", async () => {
  const bed = await StuckBed.start();
  const { link } = bed;
  let closed = 0;
  faults.close = (inner) => {
    closed++;
    inner.close();
  };
  await bed.begin();
  const settled = watch(link.reset());
  await pause(LONG_MS);
  strictEqual(settled(), false);
  await link.close();
  await pause(0);
  strictEqual(settled(), true);
  strictEqual(closed, 1);
  // Its session had an operation under way: it went with the backend.
  strictEqual(bed.sessionsClosed, 1, "that of its creation");
  strictEqual(bed.descriptions.length, 2);
  for (const description of bed.descriptions) {
    ok("key" in description && description.key.every((byte) => byte === 0));
  }
  bed.end();
});

Deno.test("a reset of one queue waits for its operations, and the others stop when that takes long", async () => {
  const bed = await StuckBed.start();
  const { link } = bed;
  await bed.begin();
  const reset = link.resetQueue(0);
  const settled = watch(reset);
  await rejects(link.startQueue(0, addresses), /queue 0: it is being reset/);
  await pause(LONG_MS);
  strictEqual(settled(), false);
  strictEqual(link.status & NEEDS_RESET, NEEDS_RESET);
  // The control queue is not served either.
  const creation = watch(bed.open());
  await pause(20);
  strictEqual(creation(), false);
  bed.end();
  await reset;
  strictEqual(link.status & NEEDS_RESET, NEEDS_RESET, "until it is reset");
  await link.reset();
  strictEqual(link.status, 0);
  await bed.driver.close();
});

Deno.test("a session that is destroyed under an operation is closed when that has ended", async () => {
  const bed = await StuckBed.start();
  const { outcome } = await bed.begin();
  const { sessionsClosed } = bed;
  await bed.cipher.close();
  strictEqual(bed.sessionsClosed, sessionsClosed);
  const description = bed.descriptions[1]!;
  ok("key" in description && description.key.every((byte) => byte === 3));
  bed.end();
  while (outcome() === "none") await pause(0);
  match(outcome(), /the device answered ERR/);
  strictEqual(bed.sessionsClosed, sessionsClosed + 1);
  ok(description.key.every((byte) => byte === 0));
  await bed.driver.close();
  deepStrictEqual(bed.told.map(({ of }) => of), ["request"]);
});
