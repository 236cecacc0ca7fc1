import { strictEqual } from "node:assert/strict";
import { testOnBackends } from "../../testing/ready_backends.ts";
import { reproducer, runEpisode, TARGETS } from "./run.ts";

/** How long each target is tried on each backend; `deno task fuzz` goes on. */
const BUDGET_MS = 700;
const FIRST_SEED = 20_260;

for (const target of TARGETS) {
  await testOnBackends(`fuzz ${target.name}`, async (backend) => {
    const end = performance.now() + BUDGET_MS;
    for (let seed = FIRST_SEED; performance.now() < end; seed++) {
      const { failure } = await runEpisode(target, backend, seed);
      const again = reproducer(target.name, backend, seed);
      strictEqual(failure, undefined, `${failure}\nagain: ${again}`);
    }
  });
}
