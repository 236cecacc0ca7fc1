import { LaneHost } from "../device/lane/lane_host.ts";
import assert from "node:assert/strict";
import { BACKEND_OPTIONS } from "./option_table.ts";
import { UsageError } from "./option_values.ts";
import { parseServeOptions, type ServeSettings } from "./parse_options.ts";
import { createSocketDevice } from "./socket_device.ts";

const SOCKET = ["--socket-path", "/s"];

function settingsOf(...words: string[]): ServeSettings {
  return parseServeOptions([...SOCKET, ...words]);
}

const lanes = new LaneHost(() => {});

/** The one line with which a device cannot be made. */
async function mistakeOf(...words: string[]): Promise<string> {
  try {
    const settings = settingsOf(...words);
    const placement = settings.bySocket.get("/s")!;
    (await createSocketDevice(placement, settings, lanes)).device.close();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    assert.doesNotMatch(error.message, /\n/);
    return error.message;
  }
  return assert.fail(`${words.join(" ")} was accepted`);
}

Deno.test("options of a backend come to it as strings", () => {
  assert.deepEqual(settingsOf().backendOptions, {});
  const { backendOptions } = settingsOf(
    ...["--openssl-provider", "default", "--openssl-properties", "fips=yes"],
    ...["--openssl-provider=legacy:/opt/a:b", "--openssl-engine", "afalg"],
  );
  assert.deepEqual(backendOptions, {
    openssl: {
      providers: "default,legacy:/opt/a:b",
      properties: "fips=yes",
      engine: "afalg",
    },
  });
});

Deno.test("the smallest request for a card comes to qat, which need not be there", async () => {
  const { backendOptions, general } = settingsOf("--qat-min-bytes", "0512");
  assert.deepEqual(backendOptions, { qat: { "min-bytes": "512" } });
  assert.equal(general.backends, undefined);
  const settings = settingsOf("--qat-min-bytes", "0", "--backend", "noble");
  (await createSocketDevice(settings.general, settings, lanes)).device.close();
});

Deno.test("every option of a backend has a form and a place in the table", () => {
  assert.ok(BACKEND_OPTIONS.length >= 3);
  for (const { name, sets } of BACKEND_OPTIONS) {
    assert.ok(name.startsWith(`${sets.backend}-`), name);
    assert.equal(sets.form.test(""), false, name);
    assert.equal(sets.form.global, false, `${name}: a form keeps no state`);
  }
});

for (
  const [words, expected] of [
    [
      ["--openssl-provider", ":/path"],
      /^Cannot use option --openssl-provider ":\/path": expected NAME/,
    ],
    [["--openssl-provider", "a,b"], /-provider "a,b": expected NAME or/],
    [["--openssl-properties", "a\nb"], /-properties "a\\nb": expected a pr/],
    [["--openssl-engine", "a b"], /-engine "a b": expected the identifier/],
    [["--openssl-engine", "a", "--openssl-engine", "b"], /-engine "b": .*once/],
    [["--openssl-provider"], /-provider "": expected a value NAME\[:PATH\]/],
    [
      ["--backend", "noble", "--openssl-engine", "afalg"],
      /-engine "afalg": expected openssl among the backends/,
    ],
  ] as const
) {
  Deno.test(`${words.join(" ")} is refused in one line`, async () => {
    assert.match(await mistakeOf(...words), expected);
  });
}

Deno.test("an option is enough with one socket that uses the backend", () => {
  settingsOf(
    ...["--socket-path", "/t", "--backend", "noble@/s"],
    ...["--backend", "openssl@/t", "--openssl-engine", "afalg"],
  );
});

Deno.test("what an option asks for and is not there is refused, fallback or not", async () => {
  for (const backend of [[], ["--backend", "openssl,noble"]]) {
    const words = [...backend, "--openssl-provider", "nobody"];
    const mistake = await mistakeOf(...words);
    assert.match(mistake, /^Cannot use option --openssl-provider "nobody": /);
    if (/lacks Cannot open "libcrypto/.test(mistake)) continue;
    assert.match(mistake, /openssl lacks provider "nobody": .*; install/);
  }
});
