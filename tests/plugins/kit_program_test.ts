import { match, strictEqual } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { checkWatched } from "../../conformance/watched.ts";
import { formatEntry } from "../../conformance/conformance.ts";
import { temporaryFolder } from "../../testing/files.ts";

const ROOT = new URL("../..", import.meta.url);
const KIT = fileURLToPath(new URL("conformance/main.ts", ROOT));

/** AES-CTR of the kit's own, with other members. */
const plugin = (members: string, methods: string): string =>
  `import plain from "${new URL("conformance/plain/plain_backend.ts", ROOT)}";
export default {
  contract: 2,
  name: "odd",
  ${members}
  probe: () => ({
    ...plain.probe({}),
    offers: [{ algorithm: "cipher.aes-ctr" }],
  }),
  open() {
    const thread = plain.open({});
    return {
      ...thread,
      openSession(description) {
        if (description.algorithm === "aes-ctr") {
          return thread.openSession(description);
        }
        throw new Error("Not offered");
      },
      ${methods}
    };
  },
};
`;

async function kit(text: string, ...words: string[]) {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/odd.ts`;
  await Deno.writeTextFile(path, text);
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", KIT, "./odd.ts", ...words],
    cwd: folder.path,
    env: { NO_COLOR: "1" },
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: decode(stdout), errors: decode(stderr) };
}

Deno.test("the kit names file and line of what a plugin throws", async () => {
  const { code, out } = await kit(
    plugin("", "run() { throw new RangeError('Boom'); },"),
  );
  strictEqual(code, 1);
  match(out, /got RangeError: Boom \(\/\S+\/odd\.ts:\d+:\d+\)/);
  match(out, /\noffers 1 of 47: 0 passed, 3 failed\n$/);
});

Deno.test("the kit tells what a promise was rejected with", async () => {
  const { code, out } = await kit(plugin(
    'runs: "asynchronous",',
    "run: () => Promise.reject(new Error('Nobody there')),",
  ));
  strictEqual(code, 1);
  match(out, /run\(\) rejected \d+ times: .*Nobody there \(\/\S+odd\.ts:\d+/);
});

Deno.test("the kit says at once that run() may not be a promise, and stops", async () => {
  const { code, out } = await kit(plugin("", "async run() {},"));
  strictEqual(code, 1);
  match(out, /run\(\) returned a promise.*unless it says runs: "asynchronous"/);
  match(out, /0 passed, 1 failed, 3 not examined: run\(\) returned a promise/);
});

Deno.test("the kit says at once that openSession() may not be a promise, and stops", async () => {
  const { code, out } = await kit(plugin("", "async openSession() {},"));
  strictEqual(code, 1);
  match(out, /openSession\(\) returned a promise.*says runs: "asynchronous"/);
  match(out, /3 not examined: openSession\(\) returned a promise/);
});

Deno.test("the kit shows once what fails again in the same words, and counts it", async () => {
  const { code, out } = await kit(plugin(
    'runs: "asynchronous",',
    "openSession() { throw new Error('No token'); },",
  ));
  strictEqual(code, 1);
  match(out, / got Error: No token \(/);
  for (const part of out.split(/\n(?=\S)/)) {
    const lines = part.split("\n");
    strictEqual(new Set(lines).size, lines.length, part);
  }
  match(out, /cipher.aes-ctr +FAIL +\d\d of/);
});

Deno.test("a mistake of the caller ends the kit with 2, in one line", async () => {
  for (
    const [text, expected] of [
      ["export default {{", /^Cannot load backend .*SyntaxError.*odd\.ts/],
      [
        "throw new Error('No')",
        /^Cannot load backend .*No \(\S+odd\.ts:1:7\)\n$/,
      ],
      ["export default 1", /its default export is number/],
    ] as const
  ) {
    const { code, errors } = await kit(text);
    match(errors, expected);
    strictEqual(code, 2, text);
  }
});

Deno.test("the kit names the first call that does not return, with its algorithm", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/odd.ts`;
  await Deno.writeTextFile(path, plugin("", "run() { for (;;); },"));
  const lines: string[] = [];
  const report = await checkWatched({
    specifier: `file://${path}`,
    backendOptions: {},
    seed: 1,
    progress: (entry) => lines.push(formatEntry(entry)),
    callMs: 1000,
  });
  strictEqual(report, undefined);
  match(
    lines.at(-1)!,
    /cipher\.aes-ctr: expected an end, got run\(\) has not returned for 1 seconds/,
  );
});
