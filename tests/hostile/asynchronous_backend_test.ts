import {
  deepStrictEqual,
  match,
  ok,
  rejects,
  strictEqual,
} from "node:assert/strict";
import { connectVhostUser, createDevice, Driver } from "../../mod.ts";
import { Habit, IN_FLIGHT } from "../../testing/promising_backend.ts";
import { inSomeTry } from "../../testing/tries.ts";
import { startTestServer } from "../../testing/vhost_user_server.ts";

const PROMISING = import.meta.resolve("../../testing/promising_backend.ts");
/** Where nothing is to be given up, however late a thread is. */
const PATIENT = [import.meta.resolve("../../testing/patient_backend.ts")];
const IV = new Uint8Array(16).fill(9);
const DATA = new Uint8Array(64).fill(3);
const TURNED = new Uint8Array(64).fill(0xfc);

/** A driver, and what the device told. */
interface Bed extends AsyncDisposable {
  readonly driver: Driver;
  readonly told: string[];
}

type Start = (
  backends?: readonly string[],
  fallback?: "failure" | "never" | "unsupported",
) => Promise<Bed>;

async function startInProcess(
  backends: readonly string[] = [PROMISING],
  fallback: "failure" | "never" | "unsupported" = "never",
): Promise<Bed> {
  const told: string[] = [];
  const link = await createDevice({
    backends,
    fallback,
    onFailure: ({ reason }) => told.push(reason),
  });
  const driver = await Driver.start(link);
  return { driver, told, [Symbol.asyncDispose]: () => driver.close() };
}

async function startServed(
  backends: readonly string[] = [PROMISING],
): Promise<Bed> {
  const server = await startTestServer(undefined, backends.join());
  const link = await connectVhostUser(server.path, { memoryBytes: 1 << 22 });
  const driver = await Driver.start(link);
  return {
    driver,
    get told() {
      return server.log.filter((line) => line.startsWith("warn: "));
    },
    async [Symbol.asyncDispose]() {
      await driver.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

const TRANSPORTS: readonly (readonly [string, Start])[] = [
  ["in process", startInProcess],
  ["over vhost-user", startServed],
];

const open = ({ driver }: Bed, habit: Habit) =>
  driver.cipher({
    algorithm: "aes-cbc",
    direction: "encrypt",
    key: new Uint8Array(16).fill(habit),
  });

const until = async (holds: () => boolean) => {
  for (let i = 0; i < 6000 && !holds(); i++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

/** How a request of each habit fails, and what is told of it. */
const FAILURES = [
  [Habit.Rejects, /ERR/, /rejected/],
  [Habit.Throws, /ERR/, /thrown/],
  [Habit.NoOutcome, /ERR/, /set the status of an operation to -1/],
  [Habit.UnknownStatus, /ERR/, /set the status of an operation to 77/],
  [Habit.PendingStatus, /ERR/, /set the status of an operation to -1/],
  [Habit.TooLong, /ERR/, /says that it wrote 65 of 64 bytes/],
  [Habit.NeverSettles, /ERR/, /no answer within 300 ms/],
  [Habit.Late, /ERR/, /no answer within 300 ms/],
  [Habit.Unavailable, /ERR/, /it is unavailable/],
] as const;

for (const [transport, start] of TRANSPORTS) {
  for (const [habit, status, reason] of FAILURES) {
    Deno.test(`an asynchronous backend's habit ${habit} is its request's end and is told, ${transport}`, async () => {
      await using bed = await start();
      const session = await open(bed, habit);
      await rejects(session.run(DATA, IV), status);
      await until(() => bed.told.some((line) => reason.test(line)));
      match(bed.told.join("\n"), reason);
    });
  }

  Deno.test(`a good request ends beside those that never do, ${transport}`, () =>
    inSomeTry(async () => {
      await using bed = await start();
      const stuck = await open(bed, Habit.NeverSettles);
      const good = await open(bed, Habit.Slow);
      const hopeless = stuck.run(DATA, IV).catch(() => "failed");
      deepStrictEqual(await good.run(DATA, IV), TURNED);
      strictEqual(await hopeless, "failed");
    }));

  Deno.test(`what was given to an asynchronous backend is wiped, and what it writes late goes nowhere, ${transport}`, async () => {
    await using bed = await start(PATIENT);
    const session = await open(bed, Habit.WritesLate);
    deepStrictEqual(
      await session.run(DATA, IV),
      new Uint8Array(64).fill(0xff),
    );
    deepStrictEqual(await session.run(DATA, IV), new Uint8Array(64));
  });

  Deno.test(`an operation that is given up has its signal aborted, ${transport}`, async () => {
    await using bed = await start();
    const session = await open(bed, Habit.TellsAborts);
    const first = new Uint8Array(64).fill(1);
    await rejects(session.run(first, IV), /ERR/);
    await until(() => bed.told.length > 0);
    let result = new Uint8Array(0);
    for (let i = 0; i < 100 && result[0] !== 1; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      result = await session.run(DATA, IV).catch(() => result);
    }
    deepStrictEqual(result, new Uint8Array(64).fill(1));
  });

  Deno.test(`a session that is refused, or never opened, is no session, ${transport}`, () =>
    inSomeTry(async () => {
      await using bed = await start();
      await rejects(open(bed, Habit.RefusesSession), /ERR/);
      match(bed.told.join("\n"), /this key is not liked/);
      await rejects(open(bed, Habit.NeverOpens), /ERR/);
      match(bed.told.join("\n"), /no answer within 300 ms/);
      const good = await open(bed, Habit.Good);
      deepStrictEqual(await good.run(DATA, IV), TURNED);
    }));

  Deno.test(`other sessions are made while one is not opened, ${transport}`, () =>
    inSomeTry(async () => {
      await using bed = await start();
      const order: string[] = [];
      const never = open(bed, Habit.NeverOpens).catch(() =>
        order.push("never")
      );
      const good = await open(bed, Habit.Good);
      order.push("good");
      deepStrictEqual(await good.run(DATA, IV), TURNED);
      await never;
      deepStrictEqual(order, ["good", "never"]);
    }));

  Deno.test(`a rejection that nobody waits for ends nothing, ${transport}`, {
    // In process it is the program's own.
    ignore: transport === "in process",
  }, async () => {
    await using bed = await start(PATIENT);
    const session = await open(bed, Habit.LeavesRejection);
    deepStrictEqual(await session.run(DATA, IV), TURNED);
    deepStrictEqual(await session.run(DATA, IV), TURNED);
    await until(() => bed.told.length > 0);
    match(bed.told.join("\n"), /nobody caught: left alone/);
  });

  Deno.test(`thousands of requests, more than may be in flight, all end right, ${transport}`, async () => {
    await using bed = await start(PATIENT);
    const session = await open(bed, Habit.Good);
    for (let round = 0; round < 10; round++) {
      const results = await Promise.all(
        Array.from(
          { length: 300 },
          (_, i) => session.run(new Uint8Array(64).fill(i), IV),
        ),
      );
      results.forEach((result, i) =>
        strictEqual(result[63], (i ^ 0xff) & 0xff, `request ${i}`)
      );
    }
    deepStrictEqual(bed.told, []);
  });

  Deno.test(`a backend is given as many operations as it takes, and one guest has no more than three of four, ${transport}`, async () => {
    await using bed = await start(PATIENT);
    const session = await open(bed, Habit.TellsMost);
    const results = await Promise.all(
      Array.from({ length: 300 }, () => session.run(DATA, IV)),
    );
    const most = Math.max(...results.map((result) => result[0]!));
    strictEqual(most, IN_FLIGHT * 3 / 4);
  });

  Deno.test(`a guest with a hundred sessions that are never opened goes on with others, ${transport}`, async () => {
    await using bed = await start();
    const never = Array.from(
      { length: 100 },
      () => rejects(open(bed, Habit.NeverOpens)),
    );
    await Promise.all(never);
    await inSomeTry(async () => {
      const good = await open(bed, Habit.Good);
      deepStrictEqual(await good.run(DATA, IV), TURNED);
    });
  });

  Deno.test(`large requests end right, ${transport}`, async () => {
    await using bed = await start(PATIENT);
    const session = await open(bed, Habit.Good);
    const data = new Uint8Array(400_000).fill(0x5a);
    const results = await Promise.all(
      [1, 2, 3].map(() => session.run(data, IV)),
    );
    for (const result of results) {
      ok(result.every((byte) => byte === 0xa5));
      strictEqual(result.length, data.length);
    }
  });
}

Deno.test("an operation that an asynchronous backend gives up moves on where that is allowed", async () => {
  await using bed = await startInProcess([PROMISING, "noble"], "failure");
  const session = await open(bed, Habit.NeverSettles);
  strictEqual((await session.run(DATA, IV)).length, 64);
  notTurned(await session.run(DATA, IV));
});

Deno.test("what an asynchronous backend cannot do goes elsewhere", async () => {
  await using bed = await startInProcess([PROMISING, "noble"], "unsupported");
  const session = await open(bed, Habit.Elsewhere);
  notTurned(await session.run(DATA, IV));
});

function notTurned(result: Uint8Array): void {
  strictEqual(result.length, 64);
  ok(result.some((byte, i) => byte !== TURNED[i]), "not by noble");
}
