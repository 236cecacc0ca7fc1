import assert from "node:assert/strict";
import { LaneHost } from "../device/lane/lane_host.ts";
import { temporaryFolder } from "../testing/files.ts";
import { KEY_FILES, writeKeys } from "../testing/key_store_guest.ts";
import { openKeyStore } from "./key_options.ts";
import { UsageError } from "./option_values.ts";
import { parseServeOptions, type ServeSettings } from "./parse_options.ts";
import { createSocketDevice } from "./socket_device.ts";

const lanes = new LaneHost(() => {});

function settingsOf(...words: string[]): ServeSettings {
  return parseServeOptions(["--socket-path", "/s", ...words]);
}

/** The one line with which a device with a key store cannot be made. */
async function mistakeOf(...words: string[]): Promise<string> {
  try {
    const settings = settingsOf(...words);
    const socket = settings.bySocket.get("/s")!;
    const wanted = new Set(socket.keyRules.map(({ key }) => key));
    const store = openKeyStore(settings.keySources, wanted, {});
    (await createSocketDevice(socket, settings, lanes, store)).device.close();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    assert.doesNotMatch(error.message, /\n/);
    return error.message;
  }
  return assert.fail(`${words.join(" ")} was accepted`);
}

Deno.test("rules of a socket go before those of all sockets", () => {
  const { general, bySocket, keySources } = settingsOf(
    ...["--socket-path", "/t", "--keys", "/k", "--keys", "pkcs11:token=a"],
    ...["--allow-key", "web=sign,decrypt:5/s", "--allow-key", "db=raw"],
    ...["--allow-key", "web=sign@/t", "--allow-key", "mail=ecdsa-sign@/t"],
  );
  assert.deepEqual(keySources, ["/k", "pkcs11:token=a"]);
  const all = [
    { key: "web", uses: ["sign", "decrypt"], usesPerSecond: 5 },
    { key: "db", uses: ["raw"] },
  ];
  assert.deepEqual(general.keyRules, all);
  assert.deepEqual(bySocket.get("/s")!.keyRules, all);
  assert.deepEqual(bySocket.get("/t")!.keyRules, [
    { key: "web", uses: ["sign"] },
    { key: "mail", uses: ["ecdsa-sign"] },
    { key: "db", uses: ["raw"] },
  ]);
});

Deno.test("a rule names a key of the store, and uses that its kind has", async () => {
  await using folder = await temporaryFolder();
  await writeKeys(folder.path, KEY_FILES);
  const keys = ["--backend", "noble", "--keys", folder.path];
  const cases = [
    ["wob=sign", /"wob": expected a key of the store, which has curve, web$/],
    ["web=ecdsa-sign", /"web=ecdsa-sign": expected a use of RSA keys$/],
    ["curve=sign", /"curve=sign": expected a use of ECDSA keys$/],
  ] as const;
  for (const [rule, expected] of cases) {
    const mistake = await mistakeOf(...keys, "--allow-key", rule);
    assert.match(mistake, /^Cannot use option --allow-key /);
    assert.match(mistake, expected);
  }
});

/** What makes a directory of keys unusable: a file, its mode, and the words. */
const BAD_FILES = [
  [KEY_FILES.web, 0o604, /its mode is 604: expected none but owner and group/],
  [KEY_FILES.web, 0o620, /its mode is 620: /],
  ["no key", 0o600, /it holds 0 blocks, expected one private key/],
  [KEY_FILES.web + KEY_FILES.curve, 0o600, /it holds 2 blocks, expected one/],
  [
    KEY_FILES.web.replaceAll("RSA PRIVATE", "ENCRYPTED PRIVATE"),
    0o600,
    /a block "ENCRYPTED PRIVATE KEY", expected a private key without a pass/,
  ],
  [
    KEY_FILES.web.replace("\n", "\nProc-Type: 4,ENCRYPTED\n"),
    0o600,
    /not base/,
  ],
  [KEY_FILES.web.replace("-----END", ""), 0o600, /a block .* without an end/],
  [KEY_FILES.web.slice(0, 400), 0o600, /a block .* without an end/],
  [KEY_FILES.web.replace("\nM", "\nN"), 0o600, /it holds tag /],
] as const;

Deno.test("a key file that cannot be used is named, and why", async () => {
  for (const [content, mode, expected] of BAD_FILES) {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/one.pem`;
    await Deno.writeTextFile(path, content);
    await Deno.chmod(path, mode);
    const mistake = await mistakeOf("--keys", folder.path);
    assert.ok(mistake.includes(path), mistake);
    assert.match(mistake, expected);
  }
});

Deno.test("a directory that is none, and the same key twice, are refused", async () => {
  assert.match(
    await mistakeOf("--keys", "/nowhere"),
    /^Cannot use keys of "\/nowhere": .* \(--keys\)$/,
  );
  await using folder = await temporaryFolder();
  await writeKeys(folder.path, { one: KEY_FILES.web, two: KEY_FILES.web });
  assert.match(
    await mistakeOf("--keys", folder.path),
    /"two" is the same key as "one"/,
  );
});

Deno.test("a name that would break a line of the log is refused", async () => {
  await using folder = await temporaryFolder();
  await writeKeys(folder.path, { "a\nb": KEY_FILES.web });
  assert.match(
    await mistakeOf("--keys", folder.path),
    /"a\\nb" is no name: expected 1 to 64 characters/,
  );
});

Deno.test("keys of a token need the module of the backend", async () => {
  assert.match(
    await mistakeOf("--keys", "pkcs11:token=a"),
    /^Cannot use keys of "pkcs11:token=a": a PKCS#11 module \(--keys\)$/,
  );
});
