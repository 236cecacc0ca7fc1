import assert from "node:assert/strict";
import { temporaryFolder } from "../../testing/files.ts";
import { hostLines, withoutKvm, withoutNames } from "./host.ts";
import { outcomeLines, outcomesIn } from "./outcomes.ts";

const TAP = `TAP version 14
# ./a_test.ts
ok 1 - it works
not ok 2 - it does not - at all
  ---
  {"message":"x"}
  ...
ok 3 - it needs a card # SKIP
1..3
`;

Deno.test("a report has each test of a run, and how it ended", () => {
  const outcomes = outcomesIn(TAP);
  assert.deepEqual(outcomes, [
    { name: "it works", verdict: "ok" },
    { name: "it does not - at all", verdict: "FAILED" },
    { name: "it needs a card", verdict: "left out" },
  ]);
  const [counts] = outcomeLines(outcomes);
  assert.equal(counts, "1 ok, 1 failed, 1 left out");
});

Deno.test("the runtime's TAP is what is expected of it", async () => {
  const path = await Deno.makeTempFile({ suffix: "_test.ts" });
  await Deno.writeTextFile(
    path,
    `Deno.test("good", () => {});
Deno.test("bad", () => { throw new Error("bad"); });
Deno.test({ name: "absent", ignore: true, fn: () => {} });
`,
  );
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "--no-check", "--no-config", "--reporter=tap", path],
    env: { NO_COLOR: "1" },
  }).output();
  await Deno.remove(path);
  assert.deepEqual(outcomesIn(new TextDecoder().decode(stdout)), [
    { name: "good", verdict: "ok" },
    { name: "bad", verdict: "FAILED" },
    { name: "absent", verdict: "left out" },
  ]);
});

Deno.test("where KVM cannot be opened, the reason is told", async () => {
  assert.match(withoutKvm("/nowhere/kvm")!, /^No such file or directory/);
  await using folder = await temporaryFolder();
  const path = `${folder.path}/cpuinfo`;
  await Deno.writeTextFile(path, "flags\t\t: fpu vmx aes\n");
  assert.equal(withoutKvm("/dev/null", path), undefined);
  await Deno.writeTextFile(path, "flags\t\t: fpu aes\n");
  const isX86 = Deno.build.arch === "x86_64";
  assert.equal(/vmx/.test(withoutKvm("/dev/null", path) ?? ""), isX86);
});

Deno.test("a report names neither host nor home folder", async () => {
  const lines = (await hostLines(".")).join("\n");
  assert.match(lines, /^- commit: /);
  assert.match(lines, /\n- noble: @noble/);
  assert.ok(!lines.includes(Deno.hostname()) || Deno.hostname().length < 4);
  const home = Deno.env.get("HOME") ?? "/";
  assert.ok(home === "/" || !lines.includes(home));
});

Deno.test("what has failed is told without folders and names of the user", () => {
  const names = { root: "/home/ann/clone/", home: "/home/ann", host: "box" };
  const told = "at file:///home/ann/clone/a.ts:1, /home/ann/.cache, box: boxes";
  assert.equal(
    withoutNames(told, names),
    "at file://./a.ts:1, ~/.cache, HOST: boxes",
  );
  const atRoot = { ...names, root: "/clone/", home: "/" };
  assert.equal(withoutNames("/usr/lib", atRoot), "/usr/lib");
});
