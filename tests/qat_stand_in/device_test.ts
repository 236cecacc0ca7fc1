import { strictEqual } from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { createDevice, Driver } from "../../mod.ts";
import { testWith } from "../../testing/real_parts.ts";
import { StandIn } from "./control.ts";
import { standIn } from "./parts.ts";

const part = standIn();
const KEY = Uint8Array.from({ length: 16 }, (_, i) => 5 * i);
const IV = new Uint8Array(16).fill(9);

function expected(data: Uint8Array): string {
  const cipher = createCipheriv("aes-128-cbc", KEY, IV).setAutoPadding(false);
  return cipher.update(data).toString("hex");
}

/** Lets the backend find the stand-in. */
function announce(): Disposable {
  const names = ["VHOST_CRYPTO_QAT_LIBRARY", "VHOST_CRYPTO_USDM_LIBRARY"];
  const before = names.map((name) => Deno.env.get(name));
  Deno.env.set(names[0]!, part.libraries.library);
  Deno.env.set(names[1]!, part.libraries.usdm);
  return {
    [Symbol.dispose]() {
      names.forEach((name, i) => {
        if (before[i] === undefined) Deno.env.delete(name);
        else Deno.env.set(name, before[i]!);
      });
    },
  };
}

const open = (driver: Driver) =>
  driver.cipher({ algorithm: "aes-cbc", key: KEY, direction: "encrypt" });

/** Runs requests of many sizes at once; how many had a wrong answer. */
async function load(
  session: Awaited<ReturnType<typeof open>>,
  rounds: number,
): Promise<number> {
  let wrong = 0;
  for (let round = 0; round < rounds; round++) {
    const answers = Array.from({ length: 24 }, async (_, i) => {
      const data = new Uint8Array(16 * (1 + (i * 37 + round) % 200)).fill(i);
      const answer = await session.run(data, IV);
      if (answer.toHex() !== expected(data)) wrong++;
    });
    await Promise.all(answers);
  }
  return wrong;
}

testWith(
  part,
  "a device goes through a failure and a restart of the hardware in the middle of a load",
  async () => {
    using _announced = announce();
    using standIn = new StandIn(part.libraries, { LATENCY_US: 100 });
    await using driver = await Driver.start(
      await createDevice({
        backends: ["qat", "noble"],
        rules: ["*=qat"],
        fallback: "failure",
      }),
    );
    await using session = await open(driver);
    strictEqual(await load(session, 5), 0);
    const underWay = load(session, 30);
    standIn.fault("fatal");
    strictEqual(await underWay, 0);
    standIn.fault("restart");
    await new Promise((resolve) => setTimeout(resolve, 2500));
    // The hardware is used again: what it loses now is missed.
    strictEqual(await load(session, 5), 0);
    standIn.fault("fail", 1);
    strictEqual(await load(session, 1), 0);
    strictEqual(standIn.violations, 0);
  },
);

testWith(
  part,
  "requests that hardware cannot do are done in software",
  async () => {
    using _announced = announce();
    using _standIn = new StandIn(part.libraries);
    await using driver = await Driver.start(
      await createDevice({ backends: ["qat", "noble"] }),
    );
    await using session = await open(driver);
    const data = new Uint8Array(80_000).fill(1);
    strictEqual((await session.run(data, IV)).toHex(), expected(data));
  },
);

testWith(
  part,
  "without fallback a failure of the hardware is the request's",
  async () => {
    using _announced = announce();
    using standIn = new StandIn(part.libraries);
    await using driver = await Driver.start(
      await createDevice({ backends: ["qat"], fallback: "never" }),
    );
    await using session = await open(driver);
    standIn.fault("fatal");
    const outcome = await session.run(new Uint8Array(64), IV)
      .then(() => "answered", () => "failed");
    strictEqual(outcome, "failed");
  },
);
