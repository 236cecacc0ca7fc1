import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { BENCH_OPERATIONS } from "../operations.ts";
import { groupName, readGroupName } from "../plan.ts";
import { chosenBackends, isPlugin } from "./chosen_backends.ts";

const EXAMPLE = new URL("../../examples/custom_backend.ts", import.meta.url);

/** With a task's idea of where it was called; the runtime starts it here. */
async function calledIn<Result>(
  folder: string,
  act: () => Promise<Result>,
): Promise<Result> {
  const before = [Deno.cwd(), Deno.env.get("INIT_CWD") ?? ""] as const;
  Deno.chdir(new URL("../..", import.meta.url));
  Deno.env.set("INIT_CWD", folder);
  try {
    return await act();
  } finally {
    Deno.chdir(before[0]);
    Deno.env.set("INIT_CWD", before[1]);
  }
}

Deno.test("a task's --backend is a path from where the person called it", async () => {
  const folder = new URL(".", EXAMPLE).pathname.slice(0, -1);
  const list = "./custom_backend.ts,noble";
  const [own, noble] = await calledIn(folder, () => chosenBackends(list));
  deepStrictEqual([own!.name, own!.specifier], ["node-crypto", EXAMPLE.href]);
  deepStrictEqual([own!, noble!].map(isPlugin), [true, false]);
});

Deno.test("a backend that is named twice, or is not there, is told", async () => {
  await rejects(
    chosenBackends("noble,noble"),
    /two backends have the name "noble"/,
  );
  await rejects(chosenBackends("nobel"), /Cannot find backend "nobel"/);
});

Deno.test("the name of a group of benches says what was measured", () => {
  for (const operation of BENCH_OPERATIONS) {
    const { name } = operation;
    const read = readGroupName(groupName("in process", operation, 4096));
    deepStrictEqual(read, {
      path: "in process",
      operation: name,
      burst: 32,
      size: 4096,
    });
  }
  strictEqual(readGroupName("another"), undefined);
});
