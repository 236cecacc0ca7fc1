import assert from "node:assert/strict";
import { ALGORITHMS, qualifiedName } from "../../algorithms/catalogue.ts";
import { optionUsage, SERVE_OPTIONS } from "../../cli/option_table.ts";
import { runCommand } from "../../testing/command_process.ts";
import { exists, temporaryFolder } from "../../testing/files.ts";

/** How many processes start at a time. */
const WIDTH = 4;

async function inGroups<T>(
  items: readonly T[],
  run: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = [...items];
  const worker = async () => {
    for (
      let item = waiting.shift();
      item !== undefined;
      item = waiting.shift()
    ) {
      await run(item);
    }
  };
  await Promise.all(Array.from({ length: WIDTH }, worker));
}

/** One of each stage of a start; all others are tried in `mistakes_test.ts`. */
const WRONG: readonly (readonly [string[], RegExp])[] = [
  [["--queues", "0"], /--queues "0": expected a whole number from 1 to 64/],
  [["--backend", "./none.ts"], /--backend "\.\/none\.ts": expected/],
  [["--sessions-across-reset", "keep", "--keys", "/no"], /\(--keys\)/],
  [["--socket-path", "/nowhere/s"], /"\/nowhere\/s": No such file/],
  [
    ["--socket-path", "/nowhere/s", "--isolate"],
    /"\/nowhere\/s": No such file/,
  ],
];

Deno.test("each wrong option is one line, exit code 2, and nothing started", async (t) => {
  await using folder = await temporaryFolder();
  let socketNumber = 0;
  await inGroups(WRONG, async ([words, expected]) => {
    await t.step({
      name: words.join(" "),
      sanitizeOps: false,
      sanitizeResources: false,
      sanitizeExit: false,
      fn: async () => {
        const path = `${folder.path}/${socketNumber++}.sock`;
        const { code, stdout, stderr } = await runCommand(
          ...["serve", "--socket-path", path, ...words],
        );
        assert.equal(code, 2, stderr);
        assert.equal(stdout, "");
        assert.match(stderr, /^vhost-device-crypto: [^\n]+\n$/);
        assert.match(stderr, expected);
        assert.equal(await exists(path), false);
      },
    });
  });
});

Deno.test("--print-capabilities ignores all else", async () => {
  const cases = [
    ["--print-capabilities"],
    ["serve", "--queues", "0", "--print-capabilities", "--what", "junk"],
    ["--socket-path", "/nowhere/s", "--print-capabilities"],
    ["junk", "--print-capabilities"],
  ];
  await inGroups(cases, async (words) => {
    const { code, stdout, stderr } = await runCommand(...words);
    assert.equal(code, 0, stderr);
    assert.equal(stderr, "");
    const capabilities = JSON.parse(stdout);
    assert.equal(capabilities.type, "crypto");
    assert.ok(Array.isArray(capabilities.features));
  });
});

Deno.test("--help shows every option, and which algorithms are weak", async () => {
  const cases = [["--help"], ["serve", "--help"], ["help"], []];
  const [first, ...others] = await Promise.all(
    cases.map((words) => runCommand(...words)),
  );
  assert.equal(first!.code, 0, first!.stderr);
  for (const other of others) assert.deepEqual(other, first);
  const { stdout } = first!;
  for (const option of SERVE_OPTIONS) {
    assert.ok(stdout.includes(optionUsage(option)), option.name);
  }
  const weak = stdout.slice(stdout.indexOf("Weak algorithms"));
  for (const algorithm of ALGORITHMS) {
    const name = qualifiedName(algorithm);
    const listed = new RegExp(`^ +${RegExp.escape(name)} `, "m").test(weak);
    assert.equal(listed, algorithm.weakness !== undefined, name);
  }
});

Deno.test("--version tells the version, wherever it stands", async () => {
  for (const words of [["--version"], ["serve", "--fd", "x", "--version"]]) {
    const { code, stdout, stderr } = await runCommand(...words);
    assert.equal(code, 0, stderr);
    assert.match(
      stdout,
      /^vhost-device-crypto \d+\.\d+\.\d+ on Deno [\d.]+\n$/,
    );
  }
});

Deno.test("a mistake is one line, whatever stands in the words", async () => {
  const { code, stderr } = await runCommand("serve", "--fo\no");
  assert.equal(code, 2);
  assert.match(stderr, /^[^\n]*option --fo\\no: [^\n]*\n$/);
});
