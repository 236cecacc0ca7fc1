/**
 * `deno task new-backend NAME [FOLDER] [--asynchronous]`: a backend to begin with,
 * in a folder of its own, with a test, a bench and a README. It passes the
 * conformance kit as it is written.
 *
 * @module
 */

import { join, resolve } from "node:path";
import { BUILT_IN_BACKENDS } from "../backends/registry.ts";
import { Mistake, runTask } from "../testing/task.ts";

const NAME = /^[a-z][a-z0-9-]*$/;
/** An example and what it says of itself. */
interface Example {
  readonly url: URL;
  readonly name: string;
  readonly about: string;
}

const CUSTOM: Example = {
  url: new URL("../examples/custom_backend.ts", import.meta.url),
  name: "node-crypto",
  about: "AES-CBC, AES-CTR, SHA-256 and HMAC-SHA-256 through\n" +
    " * `node:crypto`, to be changed to what it is for.",
};
const ASYNCHRONOUS: Example = {
  url: new URL("../examples/asynchronous_backend.ts", import.meta.url),
  name: "web-aes",
  about: "AES-CBC and SHA-256 by promises of Web Crypto, to be\n" +
    " * changed to what it is for.",
};
const PACKAGE = "vhost-device-crypto";
const USAGE = "new-backend NAME [FOLDER] [--asynchronous]";

const moduleUrl = (path: string): string =>
  new URL(`../${path}`, import.meta.url).href;

/** The configuration: the library is where this file is. */
function configuration(): string {
  const imports = {
    [PACKAGE]: moduleUrl("mod.ts"),
    [`${PACKAGE}/backend`]: moduleUrl("backends/contract.ts"),
    [`${PACKAGE}/conformance`]: moduleUrl("conformance/main.ts"),
    [`${PACKAGE}/cli`]: moduleUrl("cli/main.ts"),
  };
  const tasks = {
    test: "deno test -A",
    bench: "deno bench -A",
    serve: `deno run -A ${PACKAGE}/cli serve --backend ./backend.ts,noble`,
    conformance: `deno run -A ${PACKAGE}/conformance ./backend.ts`,
  };
  return `${JSON.stringify({ imports, tasks }, null, 2)}\n`;
}

/** The example with another name, as a module of another project. */
async function backendText(
  name: string,
  { url, about, name: ofExample }: Example,
): Promise<string> {
  const example = await Deno.readTextFile(url);
  return example
    .replace(
      /^\/\*\*[\s\S]*?\*\/\n/,
      `/**
 * Backend ${name}: ${about}
 *
 * @module
 */
`,
    )
    .replace('"../mod.ts"', `"${PACKAGE}/backend"`)
    .replace(`name: "${ofExample}"`, `name: "${name}"`);
}

const testText = (): string =>
  `import { strictEqual } from "node:assert/strict";
import { checkBackend, formatReport } from "${PACKAGE}/conformance";
import backend from "./backend.ts";

Deno.test("the backend conforms", async () => {
  const report = await checkBackend(backend);
  strictEqual(report.passed, true, formatReport(report));
});
`;

const benchText = (name: string): string =>
  `import { createDevice, Driver } from "${PACKAGE}";

const data = new Uint8Array(1024);

// Each driver has a device of its own, in process.
for (const backend of [import.meta.resolve("./backend.ts"), "noble"]) {
  const driver = await Driver.start(await createDevice({ backends: [backend] }));
  const hash = await driver.hash({ algorithm: "sha256" });
  Deno.bench(
    backend === "noble" ? backend : "${name}",
    { group: "SHA-256 of 1 KiB", baseline: backend === "noble" },
    async () => void await hash.digest(data),
  );
}
`;

const readmeText = (name: string): string =>
  `# ${name}

A backend for vhost-device-crypto. \`backend.ts\` is all of it.

\`\`\`sh
deno task test         # the conformance kit
deno task conformance  # the same, and what it found, line by line
deno task bench        # beside noble
deno task serve --socket-path /tmp/crypto.sock  # a virtual machine
\`\`\`

Noble serves what \`backend.ts\` does not offer. In a clone of vhost-device-crypto
\`deno bench -A bench/ -- --backend PATH/backend.ts,noble\` has it in each
comparison, and these serve, too:

\`\`\`sh
deno task start --socket-path /tmp/crypto.sock --backend PATH/backend.ts,noble
deno task guest --backend PATH/backend.ts,noble  # a Linux guest, ready-made
\`\`\`

The contract is in \`backends/backend.ts\` there, and \`docs/backends.md\` says which
manner to choose.
`;

async function isEmptyOrAbsent(folder: string): Promise<boolean> {
  try {
    for await (const _ of Deno.readDir(folder)) return false;
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    throw error;
  }
}

/** Writes the files; returns their folder. */
async function newBackend(words: readonly string[]): Promise<string> {
  const names = words.filter((word) => word !== "--asynchronous");
  const example = names.length < words.length ? ASYNCHRONOUS : CUSTOM;
  const [name, folder = name] = names;
  if (name === undefined || names.length > 2 || name.startsWith("-")) {
    throw new Mistake(`expected ${USAGE}`);
  }
  const built: readonly string[] = BUILT_IN_BACKENDS;
  if (!NAME.test(name) || built.includes(name)) {
    throw new Mistake(
      `Cannot name a backend ${
        JSON.stringify(name)
      }: expected small letters, ` +
        `digits and "-", and none of ${built.join(", ")}`,
    );
  }
  const path = resolve(folder!);
  if (!await isEmptyOrAbsent(path)) {
    throw new Mistake(
      `Cannot write to ${JSON.stringify(path)}: expected an empty folder`,
    );
  }
  await Deno.mkdir(path, { recursive: true });
  const files = {
    "deno.json": configuration(),
    "backend.ts": await backendText(name, example),
    "backend_test.ts": testText(),
    "backend.bench.ts": benchText(name),
    "README.md": readmeText(name),
  };
  for (const [file, text] of Object.entries(files)) {
    await Deno.writeTextFile(join(path, file), text);
  }
  return path;
}

if (import.meta.main) {
  await runTask({
    usage: USAGE,
    about: "writes a backend to begin with, with a test and a bench, to FOLDER",
  }, async (words) => {
    const path = await newBackend(words);
    console.log(`cd ${path}, and deno task test`);
  });
}
