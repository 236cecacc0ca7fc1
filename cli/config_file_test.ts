import assert from "node:assert/strict";
import { temporaryFolder } from "../testing/files.ts";
import { configuredWords } from "./config_file.ts";
import { UsageError } from "./option_values.ts";
import { parseServeOptions } from "./parse_options.ts";
import { runProgram } from "./program.ts";

/** What the program makes of a file and of words beside it. */
async function wordsOf(text: string, ...words: string[]): Promise<string[]> {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/device.toml`;
  await Deno.writeTextFile(path, text);
  const all = await configuredWords(["--config", path, ...words]);
  return [...all.words];
}

/** The one line about a file, with FILE for its path. */
async function mistakeOf(text: string, ...words: string[]): Promise<string> {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/device.toml`;
  await Deno.writeTextFile(path, text);
  try {
    await runProgram(["serve", "--config", path, ...words]);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    assert.doesNotMatch(error.message, /\n/);
    return error.message.replaceAll(path, "FILE");
  }
  return assert.fail(`"${text}" was accepted`);
}

Deno.test("a file says what the command line could", async () => {
  const words = await wordsOf(`
# Two guests.
socket-path = ["/a", "/b"]
queues = 2
max-size = 1_048_576
allow-weak = true
isolate = false
backend = ["noble", "webcrypto@/b"]
`);
  assert.deepEqual(words, [
    ...["--socket-path=/a", "--socket-path=/b"],
    ...["--backend=noble", "--backend=webcrypto@/b"],
    ...["--allow-weak", "--queues=2", "--max-size=1048576"],
  ]);
  const settings = parseServeOptions(words);
  assert.deepEqual(settings.bySocket.get("/b")!.backends, ["webcrypto"]);
  assert.equal(settings.isolate, false);
});

Deno.test("the command line goes before the file, option by option", async () => {
  const words = await wordsOf(
    'socket-path = ["/a", "/b"]\nqueues = 2\nspin = 0\n',
    ...["--queues", "3", "--socket-path=/c"],
  );
  const all = ["--socket-path=/c", "--queues=3", "--spin=0"];
  assert.deepEqual(words, all);
});

Deno.test("without a file the words stay as they are", async () => {
  const words = ["--queues", "3", "--fd=3"];
  assert.deepEqual((await configuredWords(words)).words, words);
});

const MISTAKES: readonly (readonly [string, RegExp])[] = [
  ["\nqueues = 0\n", /^Cannot use option --queues "0": .* \(FILE, line 2\)$/],
  ["queues = 1.5\n", /--queues "1\.5": expected a whole number.*line 1\)$/],
  ["\n\nqueue = 1\n", /--queue: expected --queues, or .* \(FILE, line 3\)$/],
  ["queues = true\n", /--queues: expected a string or a number, N \(FILE, l/],
  ["queues = [1, 2]\n", /--queues: expected a string or a number, N \(FILE/],
  ["queues = 1979-05-27\n", /--queues: expected a string or a number, N/],
  ["backend = [true]\n", /--backend: expected .*, or a list of them \(FILE/],
  ["allow-weak = 1\n", /--allow-weak: expected true or false \(FILE, line 1/],
  ["\n[queues]\nn = 1\n", /--queues: expected .* \(FILE, line 2\)$/],
  ['config = "x"\n', /option --config: expected one that --help shows \(FILE/],
  ["help = true\n", /option --help: expected .*--help shows \(FILE/],
  ["queues = 1\nqueues = 2\n", /^Cannot read configuration FILE, line 2: /],
  ["queues = \n", /^Cannot read configuration FILE, line 1: /],
  ['{ "queues": 1 }', /^Cannot read configuration FILE, line 1: /],
  ['backend = "nobel"\n', /--backend "nobel": .*\) \(FILE, line 1\)$/],
  ['keys = "/nowhere"\n', /\(--keys\) \(FILE, line 1\)$/],
  ["throttle-ops-burst = 5\n", /--throttle-ops besides \(FILE, line 1\)$/],
];

for (const [text, line] of MISTAKES) {
  Deno.test(`${JSON.stringify(text)} is refused, with its place`, async () => {
    assert.match(await mistakeOf(text, "--socket-path", "/s"), line);
  });
}

Deno.test("a mistake of the command line is not told of the file", async () => {
  const words = ["--socket-path", "/s", "--queues", "0"];
  assert.doesNotMatch(await mistakeOf("queues = 2\n", ...words), /FILE/);
});

Deno.test("a socket of the file that cannot be opened is told with its line", async () => {
  const line = await mistakeOf(
    'backend = "noble"\nsocket-path = "/nowhere/s"\n',
  );
  assert.match(line, /No such file .*\(--socket-path: .*\) \(FILE, line 2\)$/);
});

Deno.test("a file that is not there is a mistake, and so is a second one", async () => {
  await assert.rejects(
    configuredWords(["--config", "/nowhere/x.toml"]),
    /^UsageError: Cannot use option --config "\/nowhere\/x\.toml": .*No such/,
  );
  await assert.rejects(
    configuredWords(["--config", "a", "--config", "b"]),
    /--config "b": expected the option only once/,
  );
});
