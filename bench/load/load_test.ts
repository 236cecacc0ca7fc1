/**
 * The load generator compares what the device answers with libcrypto, and ends
 * with an error where that is not the same.
 */

import { ok, strictEqual } from "node:assert/strict";
import { testWith } from "../../testing/real_parts.ts";
import { startDevice, startEvpDevice } from "../runner/devices.ts";
import { measure, measureCurve, NotOffered } from "../runner/measure.ts";
import { Programs } from "../runner/programs.ts";

function canCompile(): boolean {
  try {
    Deno.statSync("/usr/include/openssl/evp.h");
    return new Deno.Command("gcc", { args: ["--version"] }).outputSync()
      .success;
  } catch {
    return false;
  }
}

const COMPILER = {
  present: canCompile(),
  name: "gcc and libcrypto's headers",
  remedy: "apt-get install gcc libc6-dev libssl-dev",
};
const SECONDS = 0.05;
const LOAD = { algorithm: "aes-128-cbc", size: 48, depth: 40, sessions: 3 };
const SHAPES = [
  {},
  { direct: true },
  { eventIndex: true },
  { eventIndex: true, direct: true },
];

testWith(
  COMPILER,
  "the load generator drives packed and split rings, in tables or direct",
  async () => {
    using programs = await Programs.compile();
    await using device = await startDevice(programs, {
      name: "noble",
      specifier: "noble",
    }, {
      polling: false,
      anywhere: true,
    });
    const cold = Object.assign(Object.create(device), { warmSeconds: 0 });
    for (const packed of [false, true]) {
      for (const shape of SHAPES) {
        const load = { ...LOAD, ...shape, packed, sleeping: true };
        const result = await measure(programs, cold, load, SECONDS);
        strictEqual(result.descriptors, 5);
        ok(result.queues[0]!.requests >= LOAD.depth);
      }
    }
    const load = { ...LOAD, sleeping: true };
    const curve = await measureCurve(programs, device, load, 0.3, 0.1);
    strictEqual(curve.length, 3);
  },
);

testWith(
  COMPILER,
  "a device without packed rings is none for a packed load",
  async () => {
    using programs = await Programs.compile();
    await using device = await startEvpDevice(programs, {
      polling: false,
      anywhere: true,
    });
    const load = { ...LOAD, sleeping: true };
    await measure(programs, device, load, SECONDS);
    const packed = { ...load, packed: true };
    const problem = await measure(programs, device, packed, SECONDS)
      .catch((error) => error);
    ok(problem instanceof NotOffered, problem);
  },
);
