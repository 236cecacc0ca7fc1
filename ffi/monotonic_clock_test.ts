import { ok } from "node:assert/strict";
import { openLibc } from "./libc.ts";
import { monotonicClock } from "./monotonic_clock.ts";

const WORKER = `
  import { openLibc } from ${JSON.stringify(import.meta.resolve("./libc.ts"))};
  import { monotonicClock } from ${
  JSON.stringify(import.meta.resolve("./monotonic_clock.ts"))
};
  const clock = monotonicClock(openLibc());
  onmessage = () => postMessage(clock());
  postMessage(0);
`;

Deno.test("threads that began at different times read one clock", async () => {
  const clock = monotonicClock(openLibc());
  await new Promise((resolve) => setTimeout(resolve, 200));
  const url = URL.createObjectURL(
    new Blob([WORKER], { type: "application/typescript" }),
  );
  const worker = new Worker(url, { type: "module" });
  const answer = () =>
    new Promise<number>((resolve) =>
      worker.onmessage = ({ data }) => resolve(data)
    );
  await answer();
  for (let i = 0; i < 5; i++) {
    const before = clock();
    const asked = answer();
    worker.postMessage("now");
    const theirs = await asked;
    const after = clock();
    ok(before - 1 <= theirs && theirs <= after + 1, `${before} ${theirs}`);
  }
  worker.terminate();
  URL.revokeObjectURL(url);
});
