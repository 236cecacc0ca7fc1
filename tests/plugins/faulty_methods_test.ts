import {
  deepStrictEqual,
  match,
  rejects,
  strictEqual,
} from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { type Operation, OperationStatus } from "../../backends/backend.ts";
import { Status } from "../../device/wire/status.ts";
import {
  type Cipher,
  createDevice,
  type DeviceOptions,
  Driver,
  type Failure,
  OperationError,
} from "../../mod.ts";
import type { Faults, FaultyModule } from "../../testing/faulty_backend.ts";
import { askWithStale } from "../../testing/stale_session.ts";
import { StoppedClock } from "../../testing/stopped_clock.ts";

const FAULTY = import.meta.resolve("../../testing/faulty_backend.ts");
const SECOND = `${FAULTY}?second`;
const { faults } = await import(FAULTY) as FaultyModule;
const { faults: secondFaults } = await import(SECOND) as FaultyModule;

const IV = new Uint8Array(16).fill(9);
const DATA = new Uint8Array(48).fill(5);
const keyOf = (first: number) => new Uint8Array(16).fill(first);

/** A device on faulty backends, and what it told of failures. */
interface Bed extends AsyncDisposable {
  readonly driver: Driver;
  readonly told: Failure[];
  open(firstKeyByte: number): Promise<Cipher>;
}

async function startBed(
  mine: Faults,
  { second, ...options }: DeviceOptions & { second?: Faults } = {},
): Promise<Bed> {
  for (
    const [target, source] of [[faults, mine], [
      secondFaults,
      second ?? {},
    ]] as const
  ) {
    for (const name of Object.keys(target)) delete target[name as "run"];
    Object.assign(target, source);
  }
  const told: Failure[] = [];
  const link = await createDevice({
    backends: [FAULTY, "noble"],
    fallback: "failure",
    onFailure: (failure) => told.push(failure),
    ...options,
  });
  const driver = await Driver.start(link);
  return {
    driver,
    told,
    open: (firstKeyByte) =>
      driver.cipher({
        algorithm: "aes-cbc",
        key: keyOf(firstKeyByte),
        direction: "encrypt",
      }),
    [Symbol.asyncDispose]: () => driver.close(),
  };
}

function reference(firstKeyByte: number): Uint8Array {
  const cipher = createCipheriv("aes-128-cbc", keyOf(firstKeyByte), IV);
  return Uint8Array.from(cipher.setAutoPadding(false).update(DATA));
}

async function isRight(cipher: Cipher, firstKeyByte: number): Promise<void> {
  deepStrictEqual(await cipher.run(DATA, IV), reference(firstKeyByte));
}

/** When a backend or a session that failed is asked for again. */
const RETRY_MS = 1000;

/** How long an answer may take; one that never comes fails its test. */
const ANSWER_MS = 30_000;

async function answersErr(cipher: Cipher): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const never = new Promise((resolve) => {
    timer = setTimeout(resolve, ANSWER_MS);
  });
  await rejects(
    Promise.race([cipher.run(DATA, IV), never]),
    (error) => error instanceof OperationError && error.status === Status.Error,
  );
  clearTimeout(timer);
}

/** Those of one kind, as text. */
const reasons = ({ told }: Bed, of: Failure["of"]) =>
  told.filter((failure) => failure.of === of).map(({ backend, reason }) =>
    `${backend}: ${reason}`
  );

/** Refuses keys that begin with this once the session has been created. */
function refusing(
  firstKeyByte: number,
): NonNullable<Faults["openSession"]> {
  let opened = 0;
  return (description, inner) => {
    const isIt = "key" in description && description.key[0] === firstKeyByte;
    if (isIt && opened++ > 0) throw new Error(`no room for ${firstKeyByte}`);
    return inner.openSession(description);
  };
}

Deno.test("a backend that refuses a session at its first request keeps the others", async () => {
  await using bed = await startBed({ openSession: refusing(9) });
  await using refused = await bed.open(9);
  await using other = await bed.open(1);
  let runs = 0;
  faults.run = (operations, inner) => {
    runs++;
    inner.run(operations, operations.length);
  };
  // The other backend takes the session over, at every request.
  for (let i = 0; i < 3; i++) await isRight(refused, 9);
  strictEqual(runs, 0);
  await isRight(other, 1);
  strictEqual(runs, 1);
  deepStrictEqual(reasons(bed, "session"), [
    "faulty: cipher.aes-cbc 128 encrypt: no room for 9",
  ]);
  deepStrictEqual(reasons(bed, "backend"), []);
});

Deno.test("a backend that refuses a session on the fallback road keeps the others", async () => {
  await using bed = await startBed({}, {
    backends: [FAULTY, SECOND, "noble"],
    second: { openSession: refusing(9) },
  });
  // Opened there once, so that it refuses from now on.
  const { default: second } = await import(SECOND) as FaultyModule;
  const thread = second.open({});
  thread.openSession({
    service: "cipher",
    algorithm: "aes-cbc",
    direction: "encrypt",
    key: keyOf(9),
  });
  thread.close();
  await using refused = await bed.open(9);
  await using other = await bed.open(1);
  faults.run = () => {
    throw new Error("the first is gone");
  };
  let runs = 0;
  secondFaults.run = (operations, inner) => {
    runs++;
    inner.run(operations, operations.length);
  };
  await isRight(refused, 9);
  strictEqual(runs, 0);
  await isRight(other, 1);
  strictEqual(runs, 1, "the second backend was taken for one that failed");
  deepStrictEqual(reasons(bed, "session"), [
    "second: cipher.aes-cbc 128 encrypt: no room for 9",
  ]);
  deepStrictEqual(reasons(bed, "backend"), ["faulty: the first is gone"]);
});

Deno.test("without another backend a refused session is an ERR, and asked for again in a second", async () => {
  let refuses = false;
  let asked = 0;
  await using bed = await startBed({
    openSession(description, inner) {
      asked++;
      if (refuses) throw new Error("busy");
      return inner.openSession(description);
    },
  }, { fallback: "never" });
  using clock = new StoppedClock();
  await using cipher = await bed.open(1);
  refuses = true;
  asked = 0;
  for (let i = 0; i < 5; i++) await answersErr(cipher);
  strictEqual(asked, 1);
  deepStrictEqual(reasons(bed, "session").length, 1);
  refuses = false;
  clock.pass(RETRY_MS);
  await isRight(cipher, 1);
});

/** What a backend's `run` may do wrong, and what is told of it. */
const BREACHES: readonly [string, Faults, RegExp][] = [
  ["leaves operations pending and has no poll()", {
    run() {},
  }, /it left an operation pending and has no poll\(\)/],
  ...[undefined, NaN, 0.5, "0", 7, 256, null].map((status) =>
    [`sets a status of ${JSON.stringify(status)} (${typeof status})`, {
      run([operation]) {
        operation!.status = status as unknown as OperationStatus;
      },
    }, /it set the status of an operation to/] as [string, Faults, RegExp]
  ),
  ...[-1, NaN, 1.5, DATA.length + 1, 2 ** 32, undefined].map((writtenBytes) =>
    [`says that it wrote ${writtenBytes} bytes`, {
      run([operation], inner) {
        inner.run([operation!], 1);
        operation!.writtenBytes = writtenBytes as number;
      },
    }, /it says that it wrote .* of 48 bytes/] as [string, Faults, RegExp]
  ),
  ["returns a promise", {
    run: () => Promise.reject(new Error("unheard")),
  }, /run\(\) returned a promise/],
  ["returns a promise from poll()", {
    run() {},
    poll: () => Promise.reject(new Error("unheard")),
  }, /poll\(\) returned a promise/],
];

for (const [what, breach, expected] of BREACHES) {
  Deno.test(`a backend that ${what} breaks the contract: ERR, then it is out of use`, async () => {
    await using bed = await startBed(breach);
    await using cipher = await bed.open(3);
    await answersErr(cipher);
    const [told, ...others] = reasons(bed, "backend");
    match(told!, expected);
    deepStrictEqual(others, []);
    await isRight(cipher, 3);
  });
}

Deno.test("what an asynchronous run() writes later reaches no memory", async () => {
  let written: Promise<void> | undefined;
  await using bed = await startBed({
    run: ([operation], inner) => {
      written = Promise.resolve().then(() => inner.run([operation!], 1));
      return written;
    },
  }, { backends: [FAULTY] });
  await using cipher = await bed.open(3);
  const before = bed.driver.link.memory.bytes.slice();
  const expected = reference(3);
  await answersErr(cipher);
  await written;
  const { bytes } = bed.driver.link.memory;
  const found = (memory: Uint8Array) =>
    memory.toHex().includes(expected.toHex());
  strictEqual(found(before) || found(bytes), false);
});

Deno.test("what a failed backend makes of an operation later is nobody's", async () => {
  const held: Operation[] = [];
  const heldBySecond: Operation[] = [];
  let seconds = 0;
  await using bed = await startBed({
    run: (operations) => void held.push(...operations),
    poll() {
      throw new Error("the library is gone");
    },
  }, {
    backends: [FAULTY, SECOND],
    second: {
      run(operations, inner) {
        heldBySecond.push(...operations);
        finish = () => inner.run(heldBySecond.splice(0, 1), 1);
      },
      poll() {
        // The operation that the first one keeps ends while this one works on.
        if (seconds++ === 0) held[0]!.status = OperationStatus.Ok;
        else if (heldBySecond.length > 0) finish();
        return 1;
      },
    },
  });
  let finish = () => {};
  await using cipher = await bed.open(3);
  await isRight(cipher, 3);
  strictEqual(held.length, 1);
  strictEqual(held[0]!.destination.totalBytes, 0);
});

Deno.test("a backend that throws from open() has failed; sessions go to the next", async () => {
  await using bed = await startBed({
    open() {
      throw new Error("no such card");
    },
  });
  using clock = new StoppedClock();
  await using cipher = await bed.open(3);
  await isRight(cipher, 3);
  deepStrictEqual(reasons(bed, "backend"), [
    "faulty: it cannot be opened: no such card",
  ]);
  // What can be opened at the next try works, although it has no health().
  delete faults.open;
  let runs = 0;
  faults.run = (operations, inner) => {
    runs++;
    inner.run(operations, operations.length);
  };
  clock.pass(RETRY_MS);
  await isRight(cipher, 3);
  strictEqual(runs, 1);
});

for (
  const [what, thrown] of [
    ["an Error", new Error("key\u001b[2Jtoo odd\nand more")],
    ["nothing", undefined],
    ["what has no text", Object.create(null)],
  ] as const
) {
  Deno.test(`a backend that throws ${what} from openSession() refuses the session`, async () => {
    await using bed = await startBed({
      openSession() {
        throw thrown;
      },
    }, { backends: [FAULTY] });
    await rejects(
      bed.open(3),
      (error) =>
        error instanceof OperationError && error.status === Status.Error,
    );
    const [told] = reasons(bed, "session");
    match(told!, /^undefined: faulty: [ -~]+$/);
    deepStrictEqual(reasons(bed, "backend"), []);
  });
}

for (const session of [undefined, null, 3, Promise.reject(new Error("no"))]) {
  const name = session instanceof Promise ? "a promise" : String(session);
  if (session instanceof Promise) session.catch(() => {});
  Deno.test(`a backend whose openSession() returns ${name} breaks the contract`, async () => {
    await using bed = await startBed({ openSession: () => session });
    await using cipher = await bed.open(3);
    await isRight(cipher, 3);
    match(reasons(bed, "backend").join(), /^faulty: openSession\(\) returned/);
  });
}

Deno.test("a backend that throws from closeSession() is told of, and the session is gone", async () => {
  const { driver, told, open } = await startBed({});
  const cipher = await open(3);
  await isRight(cipher, 3);
  faults.closeSession = () => {
    throw new Error("the key is stuck");
  };
  await cipher.close();
  await driver.readConfig();
  deepStrictEqual(told, [{
    of: "session",
    backend: "faulty",
    reason: "it cannot be closed: the key is stuck",
  }]);
  const status = await askWithStale(cipher, "encrypt");
  strictEqual(status, Status.InvalidSession);
  delete faults.closeSession;
  await driver.close();
});

Deno.test("a backend that throws from health() stays out of use", async () => {
  await using bed = await startBed({
    run() {
      throw new Error("gone");
    },
    health() {
      throw new Error("gone for good");
    },
  });
  using clock = new StoppedClock();
  await using cipher = await bed.open(3);
  await isRight(cipher, 3);
  let runs = 0;
  faults.run = () => runs++;
  clock.pass(RETRY_MS);
  await isRight(cipher, 3);
  strictEqual(runs, 0);
  deepStrictEqual(reasons(bed, "backend"), ["faulty: gone"]);
});

Deno.test("a health() that returns a promise is no sign of life, and nobody waits for it", async () => {
  await using bed = await startBed({
    run() {
      throw new Error("gone");
    },
    health: () => Promise.reject(new Error("unheard")),
  });
  using clock = new StoppedClock();
  await using cipher = await bed.open(3);
  await isRight(cipher, 3);
  let runs = 0;
  faults.run = () => runs++;
  clock.pass(RETRY_MS);
  await isRight(cipher, 3);
  strictEqual(runs, 0);
});

Deno.test("a backend that throws from close() keeps no other from being closed", async () => {
  let closed = 0;
  const { driver, told, open } = await startBed({
    close(inner) {
      inner.close();
      throw new Error("it will not go");
    },
  }, {
    backends: [FAULTY, SECOND],
    rules: ["cipher.aes-cbc<32=second"],
    second: {
      close(inner) {
        closed++;
        inner.close();
      },
    },
  });
  const cipher = await open(3);
  await isRight(cipher, 3);
  await cipher.close();
  await driver.close();
  strictEqual(closed, 1);
  deepStrictEqual(told, [{
    of: "backend",
    backend: "faulty",
    reason: "it cannot be closed: it will not go",
  }]);
});

Deno.test("a backend that throws from probe() is refused with what it threw", async () => {
  await rejects(
    startBed({
      probe() {
        throw new Error("no luck");
      },
    }),
    /Cannot use backend "faulty": its probe threw "no luck"/,
  );
});

Deno.test("what hears of failures may throw without harm to the device", async () => {
  const heard = Promise.withResolvers<unknown>();
  const listener = (event: ErrorEvent) => {
    event.preventDefault();
    heard.resolve(event.error);
  };
  globalThis.addEventListener("error", listener);
  const mine = new Error("the listener's own");
  await using bed = await startBed({
    run() {
      throw new Error("gone");
    },
  }, {
    onFailure() {
      throw mine;
    },
  });
  await using cipher = await bed.open(3);
  await isRight(cipher, 3);
  strictEqual(await heard.promise, mine);
  globalThis.removeEventListener("error", listener);
});

Deno.test("when a backend works again, its sessions are closed and opened anew", async () => {
  const opened: object[] = [];
  const closed: object[] = [];
  const used: object[] = [];
  let gone = false;
  await using bed = await startBed({
    openSession(description, inner) {
      const session = inner.openSession(description);
      opened.push(session);
      return session;
    },
    closeSession(session, inner) {
      closed.push(session);
      inner.closeSession(session);
    },
    run(operations, inner) {
      if (gone) throw new Error("gone");
      for (const { session } of operations) used.push(session);
      inner.run(operations, operations.length);
    },
    health: () => gone ? "gone" : undefined,
  });
  using clock = new StoppedClock();
  await using cipher = await bed.open(3);
  await isRight(cipher, 3);
  // One is opened to see that it can be, and closed at once.
  const [, before] = opened;
  deepStrictEqual(closed, [opened[0]]);
  gone = true;
  await isRight(cipher, 3);
  gone = false;
  clock.pass(RETRY_MS);
  await isRight(cipher, 3);
  const [, , after] = opened;
  strictEqual(opened.length, 3);
  deepStrictEqual(closed, [opened[0], before]);
  strictEqual(used[0], before);
  strictEqual(used[1], after);
});

Deno.test("a session that is made while its backend is down goes back to it when that works again", async () => {
  let gone = true;
  let runs = 0;
  await using bed = await startBed({
    run(operations, inner) {
      if (gone) throw new Error("gone");
      runs++;
      inner.run(operations, operations.length);
    },
    health: () => gone ? "gone" : undefined,
  });
  using clock = new StoppedClock();
  await using first = await bed.open(3);
  await isRight(first, 3);
  await using second = await bed.open(4);
  await isRight(second, 4);
  strictEqual(runs, 0);
  gone = false;
  clock.pass(RETRY_MS);
  await isRight(second, 4);
  strictEqual(runs, 1);
});
