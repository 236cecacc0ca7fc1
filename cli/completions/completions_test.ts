import assert from "node:assert/strict";
import { BUILT_IN_BACKENDS } from "../../backends/registry.ts";
import { temporaryFolder } from "../../testing/files.ts";
import { program } from "../../testing/programs.ts";
import { testWith } from "../../testing/real_parts.ts";
import { COMMANDS, SHELLS } from "../commands.ts";
import { SERVE_OPTIONS } from "../option_table.ts";
import { completionsFor } from "./completions.ts";
import { shortHelp } from "./short_help.ts";

type Shell = (typeof SHELLS)[number];

type Lines = readonly string[];

const SEPARATOR = "----";

/** What has each shell tell what it completes each of the lines to. */
const ASK: Readonly<Record<Shell, (file: string, lines: Lines) => string>> = {
  bash: (file, lines) =>
    [
      `source ${file}`,
      ...lines.map((line) => `
    COMP_WORDS=(${line.replace("=", " = ")}${line.endsWith(" ") ? ' ""' : ""})
    COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
    _vhost_device_crypto
    printf '%s\\n' "\${COMPREPLY[@]}" ${SEPARATOR}`),
    ].join("\n"),
  fish: (file, lines) =>
    [
      `source ${file}`,
      ...lines.map((line) =>
        `complete -C ${JSON.stringify(line)}; echo ${SEPARATOR}`
      ),
    ].join("\n"),
  // It completes on a terminal only; there the words that it makes are told.
  zsh: (file, lines) =>
    [
      "zmodload zsh/zpty; zpty shell zsh -f -i",
      `zpty -w shell 'autoload -Uz compinit; compinit -u -D; source ${file}'`,
      `zpty -w shell 'vhost-device-crypto() { print -r -- "GOT:$*:" }'`,
      ...lines.map((line) => `
    zpty -w -n shell $'${line}\\t\\n'
    zpty -r -m shell text $'*\\nGOT:[^$]*:*'
    print -r -- "$text" ${SEPARATOR}`),
    ].join("\n"),
};

const OPTIONS: Readonly<Record<Shell, readonly string[]>> = {
  bash: ["--norc", "-c"],
  fish: ["--no-config", "-c"],
  zsh: ["-f", "-c"],
};

/** What a shell tells of each of `lines`. */
async function offered(shell: Shell, lines: Lines): Promise<string[]> {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(`${folder.path}/one.pem`, "");
  await Deno.mkdir(`${folder.path}/one.d`);
  const file = `${folder.path}/script`;
  await Deno.writeTextFile(file, completionsFor([shell]));
  const { stdout, stderr } = await new Deno.Command(shell, {
    args: [...OPTIONS[shell], ASK[shell](file, lines)],
    cwd: folder.path,
    env: { HOME: folder.path, TERM: "dumb" },
    signal: AbortSignal.timeout(20_000),
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assert.equal(decode(stderr), "");
  return decode(stdout).split(`${SEPARATOR}\n`).slice(0, -1);
}

/** A line, what is offered, and something that is not. */
const CASES: readonly (readonly [string, readonly string[], string])[] = [
  ["vhost-device-crypto ", COMMANDS.map(({ name }) => name), "--queues"],
  ["vhost-device-crypto serve --fallback ", ["never", "failure"], "--"],
  ["vhost-device-crypto serve --throttle", ["--throttle-ops"], "--queues"],
  ["vhost-device-crypto --sp", ["--spin"], "--queues"],
  ["vhost-device-crypto supervise --layout d", ["draft-9"], "virtio"],
  ["vhost-device-crypto probe --", ["--json"], "--queues"],
  ["vhost-device-crypto completions ", [...SHELLS], "tcsh"],
  ["vhost-device-crypto key-stub on", ["one.pem"], "serve"],
  ["vhost-device-crypto serve --config on", ["one.pem"], "serve"],
  ["vhost-device-crypto serve --keys on", ["one.d"], "one.pem"],
  ["vhost-device-crypto serve --backend n", ["noble"], "openssl"],
  ["vhost-device-crypto serve --backend=", [...BUILT_IN_BACKENDS], "--"],
];

for (const shell of ["bash", "fish"] as const) {
  testWith(
    program(shell),
    `${shell} completes the program's words`,
    async () => {
      const all = await offered(shell, CASES.map(([line]) => line));
      for (const [index, [line, expected, other]] of CASES.entries()) {
        // Without descriptions, and without what is there already.
        const words = all[index]!.split("\n").map((text) =>
          text.split("\t")[0]!.replace(/^--[a-z-]+=/, "").replace(/\/$/, "")
        );
        for (const word of expected) {
          assert.ok(words.includes(word), `${line}${word}: ${words}`);
        }
        const has = words.some((word) =>
          word === other || word === `${other}-`
        );
        assert.ok(!has, `${line}: ${words}`);
      }
    },
  );
}

testWith(
  program("bash"),
  "bash completes the last backend of a list",
  async () => {
    const line = "vhost-device-crypto serve --backend openssl,no";
    assert.deepEqual(await offered("bash", [line]), ["openssl,noble\n"]);
  },
);

testWith(program("zsh"), "zsh completes the program's words", async () => {
  const cases = [
    ["vhost-device-crypto ser", "serve"],
    ["vhost-device-crypto serve --fallb", "serve --fallback"],
    ["vhost-device-crypto serve --fallback fai", "serve --fallback failure"],
    ["vhost-device-crypto --fallback=nev", "--fallback=never"],
    ["vhost-device-crypto supervise -- --isol", "supervise -- --isolate"],
    ["vhost-device-crypto probe --js", "probe --json"],
    ["vhost-device-crypto probe --que", "probe --que"],
    ["vhost-device-crypto completions fi", "completions fish"],
    ["vhost-device-crypto key-stub one.p", "key-stub one.pem"],
    [
      "vhost-device-crypto serve --backend noble,libg",
      "serve --backend noble,libgcrypt",
    ],
  ] as const;
  const all = await offered("zsh", cases.map(([line]) => line));
  for (const [index, [, expected]] of cases.entries()) {
    const [, got] = /GOT:([^$]*?) *:/.exec(all[index]!) ?? [];
    assert.equal(got, expected, all[index]);
  }
});

Deno.test("what stands beside an option in a list is short", () => {
  for (const { name, help } of SERVE_OPTIONS) {
    const text = shortHelp(help);
    assert.ok(text.length >= 10 && text.length <= 62, `${name}: ${text}`);
  }
});
