import assert from "node:assert/strict";
import { throttleLimits } from "./limit_options.ts";
import { SERVE_OPTIONS } from "./option_table.ts";
import { UsageError } from "./option_values.ts";
import {
  parseProbeOptions,
  parseServeOptions,
  type ServeSettings,
} from "./parse_options.ts";

const SOCKET = ["--socket-path", "/s"];

function settingsOf(...words: string[]): ServeSettings {
  return parseServeOptions(words);
}

function mistakeOf(words: readonly string[]): string {
  try {
    parseServeOptions(words);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  return assert.fail(`${words.join(" ")} was accepted`);
}

/** Words, then what the one line must have: value and what was expected. */
const MISTAKES: Readonly<
  Record<string, readonly (readonly [string[], string, string])[]>
> = {
  "socket-path": [
    [["--socket-path="], '""', "a value PATH"],
    [["--socket-path", "/s", "--socket-path", "/s"], '"/s"', "only once"],
    [["--socket-path", `/${"x".repeat(106)}`], "/xxx", "106 bytes"],
    // 54 letters, but 108 bytes.
    [["--socket-path", "ä".repeat(54)], "ä", "106 bytes"],
    [["--socket-path", "/%i"], '"/%i"', "--guests N"],
    [
      ["--socket-path", `/%i${"x".repeat(104)}`, "--guests", "11"],
      "/10xxx",
      "106 bytes",
    ],
    [
      ["--socket-path", "/%i", "--socket-path", "/7", "--guests", "8"],
      '"/7"',
      "only once",
    ],
  ],
  guests: [
    [[...SOCKET, "--guests", "3"], '"3"', "--socket-path with %i"],
    [["--fd", "3", "--guests", "3"], '"3"', "--socket-path with %i"],
    [["--socket-path", "/%i", "--guests", "0"], '"0"', "from 1 to 10000"],
    [["--socket-path", "/%i", "--guests", "many"], '"many"', "from 1 to"],
  ],
  "max-memory": [
    [[...SOCKET, "--max-memory", "4095"], '"4095"', "from 4096 to"],
    [[...SOCKET, "--max-memory", "1G"], '"1G"', "a whole number"],
    [
      [...SOCKET, "--max-memory", "8192@/other"],
      '"8192@/other"',
      "--socket-path of this command",
    ],
    [
      [...SOCKET, "--max-memory", "8192", "--max-memory", "9000"],
      '"9000"',
      "once for each @SOCKET",
    ],
  ],
  "throttle-ops": [
    [[...SOCKET, "--throttle-ops", "0"], '"0"', "from 1 to 1000000000"],
    [[...SOCKET, "--throttle-ops", "10@/t"], '"10@/t"', "--socket-path of"],
  ],
  "throttle-ops-burst": [
    [[...SOCKET, "--throttle-ops-burst", "9"], '"9"', "--throttle-ops besides"],
    [
      [...SOCKET, "--throttle-ops", "5", "--throttle-ops-burst", "x"],
      '"x"',
      "a whole number",
    ],
  ],
  "throttle-bps": [
    [[...SOCKET, "--throttle-bps", "1000"], '"1000"', "from 1024 to"],
    [[...SOCKET, "--throttle-bps", "1M"], '"1M"', "a whole number"],
  ],
  "throttle-bps-burst": [
    [
      [...SOCKET, "--throttle-bps-burst", "4096"],
      '"4096"',
      "--throttle-bps besides",
    ],
    [
      [...SOCKET, "--throttle-bps", "4096", "--throttle-bps-burst", "0"],
      '"0"',
      "from 1024 to",
    ],
  ],
  isolate: [[[...SOCKET, "--isolate=yes"], '"yes"', "no value"]],
  "unsealed-memory": [
    [[...SOCKET, "--unsealed-memory", "yes"], '"yes"', "refuse, serve"],
    [[...SOCKET, "--unsealed-memory"], '""', "a value POLICY"],
  ],
  fd: [
    [["--fd", "2"], '"2"', "a whole number from 3"],
    [["--fd", "three"], '"three"', "a whole number from 3"],
    [["--fd", "3", "--fd", "4"], '"4"', "only once"],
    [["--fd", "3", ...SOCKET], '"3"', "not both"],
    [["--fd", "systemd"], '"systemd"', "LISTEN_FDS"],
  ],
  backend: [
    [[...SOCKET, "--backend", ""], '""', "a value LIST"],
    [[...SOCKET, "--backend", "noble,"], '"noble,"', "names with commas"],
    [[...SOCKET, "--backend", "noble,noble"], '"noble,noble"', "each once"],
    [
      [...SOCKET, "--backend", "noble", "--backend", "openssl"],
      '"openssl"',
      "@SOCKET",
    ],
    [
      [...SOCKET, "--backend", "noble@/s", "--backend", "openssl@/s"],
      '"openssl"',
      "once for each @SOCKET",
    ],
    [
      [...SOCKET, "--backend", "noble@/other"],
      '"noble@/other"',
      "a --socket-path of this command",
    ],
  ],
  place: [
    [[...SOCKET, "--place", "cipher"], '"cipher"', "SERVICE[.ALGORITHM]"],
    [[...SOCKET, "--place", "ciper=noble"], '"ciper=noble"', "SERVICE"],
    [[...SOCKET, "--place", "cipher.rot13=noble"], "rot13", "SERVICE"],
    [[...SOCKET, "--place", "hash>64=noble"], '"hash>64=noble"', ">=BYTES"],
    [
      [...SOCKET, "--place", "hash=noble@./other"],
      '"hash=noble@./other"',
      "a --socket-path of this command",
    ],
    [[...SOCKET, "--place", "rubbish@/s"], '"rubbish"', "SERVICE"],
  ],
  fallback: [
    [
      [...SOCKET, "--fallback", "always"],
      '"always"',
      "one of never, unsupported, failure",
    ],
    [[...SOCKET, "--fallback", "always@/s"], '"always"', "one of never"],
    [
      [...SOCKET, "--fallback", "never@/other"],
      '"never@/other"',
      "a --socket-path of this command",
    ],
  ],
  without: [
    [[...SOCKET, "--without", ""], '""', "a value LIST"],
    [[...SOCKET, "--without", "packed"], '"packed"', "one of ring-packed, "],
    [[...SOCKET, "--without", "in-order,"], '""', "one of ring-packed, "],
    // Every device has it, and what only rings in process have is not here.
    [
      [...SOCKET, "--without", "version-1"],
      '"version-1"',
      "one of ring-packed",
    ],
    [[...SOCKET, "--without", "suspend"], '"suspend"', "one of ring-packed"],
    [
      [...SOCKET, "--without", "cipher,hash", "--without", "mac,aead,akcipher"],
      '"cipher,hash,mac,aead,akcipher"',
      "a service that stays",
    ],
    [
      [
        ...[...SOCKET, "--without", "cipher,hash"],
        ...["--without", "mac,aead,akcipher@/s"],
      ],
      '"cipher,hash,mac,aead,akcipher"',
      "a service that stays",
    ],
    [
      [...SOCKET, "--without", "in-order@/other"],
      '"in-order@/other"',
      "a --socket-path of this command",
    ],
  ],
  "openssl-provider": [
    [[...SOCKET, "--openssl-provider", ":/x"], '":/x"', "NAME or NAME:PATH"],
    [
      [...SOCKET, "--backend", "noble", "--openssl-provider", "legacy"],
      '"legacy"',
      "openssl among the backends",
    ],
  ],
  "openssl-properties": [
    [
      [...SOCKET, "--openssl-properties", "a\nb"],
      '"a\\nb"',
      "a property query",
    ],
  ],
  "openssl-engine": [
    [
      [...SOCKET, "--openssl-engine", "a/b"],
      '"a/b"',
      "identifier of an engine",
    ],
  ],
  "qat-min-bytes": [
    [[...SOCKET, "--qat-min-bytes", "-1"], '"-1"', "from 0 to 268435456"],
    [[...SOCKET, "--qat-min-bytes", "2k"], '"2k"', "a whole number"],
  ],
  queues: [
    [[...SOCKET, "--queues", "0"], '"0"', "from 1 to 64"],
    [[...SOCKET, "--queues", "65"], '"65"', "from 1 to 64"],
    [[...SOCKET, "--queues", "-1"], '"-1"', "from 1 to 64"],
    [[...SOCKET, "--queues", "1.5"], '"1.5"', "a whole number"],
    [[...SOCKET, "--queues", "1e1"], '"1e1"', "a whole number"],
    [[...SOCKET, "--queues", "9".repeat(400)], '"999', "from 1 to 64"],
    // The administration queue is a ring, too.
    [[...SOCKET, "--ipsec", "--queues", "64"], '"64"', "from 1 to 63"],
  ],
  ipsec: [
    [[...SOCKET, "--ipsec", "--layout", "draft-9"], '"draft-9"', "virtio"],
    [[...SOCKET, "--ipsec=yes"], '"yes"', "no value"],
  ],
  "max-sessions": [
    [[...SOCKET, "--max-sessions", "0"], '"0"', "from 1 to 1000000"],
    [[...SOCKET, "--max-sessions", "1000001"], '"1000001"', "to 1000000"],
  ],
  "sessions-across-reset": [
    [
      [...SOCKET, "--sessions-across-reset", "forget"],
      '"forget"',
      "one of drop, keep",
    ],
    [[...SOCKET, "--sessions-across-reset"], '""', "a value POLICY"],
  ],
  "max-size": [
    [[...SOCKET, "--max-size", "4095"], '"4095"', "from 4096"],
    [[...SOCKET, "--max-size", "4M"], '"4M"', "a whole number"],
    [[...SOCKET, "--max-size", "268435457"], '"268435457"', "to 268435456"],
  ],
  layout: [
    [[...SOCKET, "--layout", "draft9"], '"draft9"', "one of virtio, draft-9"],
  ],
  "session-layout": [
    [[...SOCKET, "--session-layout", "D"], '"D"', "one of auto, A, B, C"],
    [[...SOCKET, "--session-layout", "a"], '"a"', "one of auto, A, B, C"],
  ],
  keys: [
    [[...SOCKET, "--keys", "/k", "--keys", "/k"], '"/k"', "only once"],
    [[...SOCKET, "--keys", ""], '""', "a value SOURCE"],
  ],
  "allow-key": [
    [[...SOCKET, "--allow-key", "web=sign"], '"web=sign"', "--keys with"],
    ...["web", "web=", "=sign", "web=sing", "web=sign,sign", "web=sign:0/s"]
      .map((rule): [string[], string, string] => [
        [...SOCKET, "--keys", "/k", "--allow-key", rule],
        `"${rule}"`,
        "KEY=USE[,USE]",
      ]),
    [
      [
        ...[...SOCKET, "--keys", "/k", "--allow-key", "web=sign"],
        ...["--allow-key", "web=raw"],
      ],
      '"web"',
      "one rule for each key",
    ],
    [
      [...SOCKET, "--keys", "/k", "--allow-key", "web=sign@/other"],
      '"web=sign@/other"',
      "a --socket-path of this command",
    ],
  ],
  "pkcs11-module": [
    [[...SOCKET, "--pkcs11-module", "a,b"], '"a,b"', "the path of a PKCS#11"],
  ],
  "pkcs11-token": [
    [[...SOCKET, "--pkcs11-token", "a,b"], '"a,b"', "a label, or pkcs11:"],
  ],
  "pkcs11-pin-file": [
    [[...SOCKET, "--pkcs11-pin-file", "a,b"], '"a,b"', "the path of a file"],
  ],
  "pkcs11-pin-fd": [
    [[...SOCKET, "--pkcs11-pin-fd", "x"], '"x"', "number of an open descr"],
    [
      [...SOCKET, "--pkcs11-pin-fd", "5", "--isolate"],
      '"5"',
      "--pkcs11-pin-file with --isolate",
    ],
  ],
  "socket-mode": [
    [[...SOCKET, "--socket-mode", "66"], '"66"', "three octal digits"],
    [[...SOCKET, "--socket-mode", "0888"], '"0888"', "three octal digits"],
    [["--fd", "3", "--socket-mode", "660"], '"660"', "--socket-path, whose"],
  ],
  "socket-group": [
    [["--fd", "3", "--socket-group", "kvm"], '"kvm"', "--socket-path, whose"],
  ],
  "allow-user": [[[...SOCKET, "--allow-user", ""], '""', "a value USER"]],
  user: [[[...SOCKET, "--user", "a", "--user", "b"], '"b"', "only once"]],
  threads: [
    [[...SOCKET, "--threads", "0"], '"0"', "from 1 to 256"],
    [[...SOCKET, "--threads", "all"], '"all"', "a whole number"],
  ],
  spin: [
    [[...SOCKET, "--spin", "1000001"], '"1000001"', "from 0 to 1000000"],
    [[...SOCKET, "--spin", "20us"], '"20us"', "a whole number"],
  ],
  "allow-weak": [
    [[...SOCKET, "--allow-weak=yes"], '"yes"', "no value"],
    [[...SOCKET, "--allow-weak", "--allow-weak"], '""', "only once"],
  ],
  "http": [
    [[...SOCKET, "--http", "9464"], '"9464"', "HOST:PORT"],
    [[...SOCKET, "--http", "[::]:80"], '"[::]:80"', "--http-token-file"],
    [[...SOCKET, "--http", "/h", "--isolate"], '"/h"', "no --isolate"],
  ],
  "http-token-file": [
    [[...SOCKET, "--http-token-file", "/t"], '"/t"', "--http besides"],
  ],
  "http-token-fd": [
    [[...SOCKET, "--http-token-fd", "5"], '"5"', "--http besides"],
    [[...SOCKET, "--http", "/h", "--http-token-fd", "2"], '"2"', "from 3"],
    [
      [
        ...[...SOCKET, "--http", "/h", "--http-token-fd", "5"],
        ...["--http-token-file", "/t"],
      ],
      '"5"',
      "either that or --http-token-file",
    ],
  ],
  "log-format": [
    [[...SOCKET, "--log-format", "xml"], '"xml"', "one of text, json"],
  ],
  "state": [
    [[...SOCKET, "--state", "on"], '"on"', "one of auto, off"],
  ],
  "log-level": [
    [[...SOCKET, "--log-level", "loud"], '"loud"', "one of error, warn"],
  ],
  "print-capabilities": [
    [[...SOCKET, "--print-capabilities=json"], '"json"', "no value"],
  ],
  version: [[[...SOCKET, "--version=1"], '"1"', "no value"]],
  config: [[[...SOCKET, "--config", ""], `""`, "a value FILE"]],
  help: [[[...SOCKET, "--help=all"], '"all"', "no value"]],
};

for (const [name, mistakes] of Object.entries(MISTAKES)) {
  Deno.test(`mistakes in --${name} name option, value and what was expected`, () => {
    for (const [words, value, expected] of mistakes) {
      const message = mistakeOf(words);
      assert.ok(!message.includes("\n"), message);
      assert.ok(message.includes(`--${name}`), message);
      assert.ok(message.includes(value), message);
      assert.ok(message.includes(expected), message);
    }
  });
}

Deno.test("every option that can be wrong has mistakes above", () => {
  const untried = SERVE_OPTIONS.map(({ name }) => name)
    .filter((name) => !(name in MISTAKES));
  assert.deepEqual(untried, []);
});

Deno.test("an option without its value is a mistake wherever it stands", () => {
  for (const option of SERVE_OPTIONS) {
    if (option.value === undefined) continue;
    const { name, value } = option;
    for (const words of [[], ["--queues", "2"], ["--log-level=info"]]) {
      const message = mistakeOf([`--${name}`, ...words]);
      assert.equal(
        message,
        `Cannot use option --${name} "": expected a value ${value}`,
      );
    }
  }
});

Deno.test("words that are no option, and unknown options, are mistakes", () => {
  const cases: readonly (readonly [string[], RegExp])[] = [
    [["/s"], /^Cannot use argument "\/s": expected options$/],
    [[...SOCKET, "extra"], /^Cannot use argument "extra"/],
    [[...SOCKET, "--", "extra"], /^Cannot use argument "extra"/],
    [
      [...SOCKET, "--socket"],
      /option --socket: expected --socket-path, or another that --help/,
    ],
    [
      [...SOCKET, "--no-allow-weak"],
      /option --no-allow-weak: expected one that --help shows/,
    ],
    [[...SOCKET, "-q"], /option -q: expected one that --help shows/],
    [[], /^Cannot serve without a socket: expected --socket-path PATH or --fd/],
    [["--queues", "2"], /^Cannot serve without a socket/],
  ];
  for (const [words, expected] of cases) {
    assert.match(mistakeOf(words), expected);
  }
});

Deno.test("values arrive as they were given", () => {
  const settings = settingsOf(
    ...["--socket-path=/a", "--socket-path", "/b,c d"],
    ...["--queues", "64", "--max-sessions=1", "--max-size", "4096"],
    ...["--layout", "draft-9", "--session-layout", "B", "--spin", "0"],
    ...["--allow-weak", "--log-level", "debug", "--log-format", "json"],
  );
  assert.deepEqual(settings.sockets, [
    { name: "/a", path: "/a" },
    { name: "/b,c d", path: "/b,c d" },
  ]);
  assert.equal(settings.queues, 64);
  assert.equal(settings.general.limits.maxSessions, 1);
  assert.equal(settings.general.limits.maxSizeBytes, 4096);
  assert.equal(settings.layout, "draft-9");
  assert.equal(settings.sessionLayout, "B");
  assert.equal(settings.spinMicroseconds, 0);
  assert.equal(settings.allowWeak, true);
  assert.equal(settings.logLevel, "debug");
  assert.equal(settings.logFormat, "json");
  const place = { name: "descriptor 3", fd: 3 };
  assert.deepEqual(settingsOf("--fd", "3").sockets, [place]);
  assert.equal(settings.isolate, false);
  assert.equal(settingsOf(...SOCKET, "--isolate").isolate, true);
});

Deno.test("a pattern stands for one socket of each guest", () => {
  const settings = settingsOf(
    ...["--socket-path", "/a", "--socket-path", "/%i/%i.sock"],
    ...["--guests", "3", "--backend", "noble@/1/1.sock"],
  );
  const paths = ["/a", "/0/0.sock", "/1/1.sock", "/2/2.sock"];
  assert.deepEqual(settings.sockets.map(({ path }) => path), paths);
  assert.deepEqual(
    paths.map((path) => settings.bySocket.get(path)!.backends),
    [undefined, undefined, ["noble"], undefined],
  );
});

Deno.test("sockets of systemd have the names of their units, and options by them", () => {
  const { sockets, bySocket } = parseServeOptions(
    ["--fd", "systemd", "--max-sessions", "3@b", "--backend", "noble@a:1"],
    () => ["a", "b", "a"].map((name, i) => ({ fd: 3 + i, name })),
  );
  assert.deepEqual(sockets, [
    { fd: 3, name: "a:0" },
    { fd: 4, name: "b" },
    { fd: 5, name: "a:1" },
  ]);
  assert.deepEqual(
    sockets.map(({ name }) => bySocket.get(name)!.limits.maxSessions),
    [1024, 3, 1024],
  );
  assert.deepEqual(bySocket.get("a:1")!.backends, ["noble"]);
  assert.throws(
    () =>
      parseServeOptions(["--fd", "systemd"], () => {
        throw new RangeError('Cannot use LISTEN_FDS "x"');
      }),
    /^UsageError: Cannot use LISTEN_FDS "x" \(--fd systemd\)$/,
  );
});

Deno.test("weak algorithms are off unless asked for", () => {
  assert.equal(settingsOf(...SOCKET).allowWeak, false);
});

Deno.test("placement for all sockets, and for single ones", () => {
  const settings = settingsOf(
    ...["--socket-path", "/a", "--socket-path", "/b"],
    ...["--backend", "openssl,noble", "--backend", "noble@/b"],
    ...["--place", "cipher.aes-cbc/256<2048=noble"],
    ...["--fallback", "failure", "--fallback", "never@/b"],
    ...["--place", "hash=noble@/b"],
  );
  const general = settings.bySocket.get("/a")!;
  assert.deepEqual(general.backends, ["openssl", "noble"]);
  assert.equal(general.fallback, "failure");
  assert.equal(general.rules.length, 1);
  assert.equal(general.rules[0]!.algorithm, "aes-cbc");
  assert.equal(general.rules[0]!.keyBits, 256);
  assert.equal(general.rules[0]!.belowBytes, 2048);
  const own = settings.bySocket.get("/b")!;
  assert.deepEqual(own.backends, ["noble"]);
  assert.equal(own.fallback, "never");
  assert.deepEqual(own.rules.map(({ text }) => text), ["hash=noble"]);
});

Deno.test("what is withheld of all sockets, and of single ones besides", () => {
  const settings = settingsOf(
    ...["--socket-path", "/a", "--socket-path", "/b"],
    ...["--without", "ring-packed,akcipher", "--without", "indirect"],
    ...["--without", "revision-1@/b", "--without", "mac,akcipher@/b"],
  );
  const general = ["ring-packed", "akcipher", "indirect"];
  assert.deepEqual(settings.bySocket.get("/a")!.without, general);
  assert.deepEqual(
    settings.bySocket.get("/b")!.without,
    [...general, "revision-1", "mac", "akcipher"],
  );
  assert.deepEqual(settingsOf(...SOCKET).bySocket.get("/s")!.without, []);
});

Deno.test("limits of all guests, and of single ones", () => {
  const settings = settingsOf(
    ...["--socket-path", "/a", "--socket-path", "/b"],
    ...["--max-sessions", "7", "--max-sessions", "9@/b"],
    ...["--max-size", "8192@/b", "--max-memory", "1073741824"],
  );
  const unlimited = {
    throttleOps: undefined,
    throttleOpsBurst: undefined,
    throttleBps: undefined,
    throttleBpsBurst: undefined,
  };
  assert.deepEqual(settings.bySocket.get("/a")!.limits, {
    maxSessions: 7,
    maxSizeBytes: 4 * 1024 * 1024,
    maxMemoryBytes: 2 ** 30,
    ...unlimited,
  });
  assert.deepEqual(settings.bySocket.get("/b")!.limits, {
    maxSessions: 9,
    maxSizeBytes: 8192,
    maxMemoryBytes: 2 ** 30,
    ...unlimited,
  });
  const { limits } = settingsOf(...SOCKET).bySocket.get("/s")!;
  assert.equal(limits.maxMemoryBytes, undefined);
  assert.equal(limits.maxSessions, 1024);
});

Deno.test("rates of all guests, and of single ones", () => {
  const { bySocket } = settingsOf(
    ...["--socket-path", "/a", "--socket-path", "/b"],
    ...["--throttle-ops", "1000", "--throttle-ops", "50@/b"],
    ...["--throttle-ops-burst", "7@/b", "--throttle-bps", "1048576@/b"],
  );
  assert.deepEqual(throttleLimits(bySocket.get("/a")!.limits), {
    requestsPerSecond: 1000,
    requestBurst: 100,
    bytesPerSecond: undefined,
    byteBurst: 0,
  });
  assert.deepEqual(throttleLimits(bySocket.get("/b")!.limits), {
    requestsPerSecond: 50,
    requestBurst: 7,
    bytesPerSecond: 1048576,
    byteBurst: 104857.6,
  });
  const { limits } = settingsOf(...SOCKET).bySocket.get("/s")!;
  assert.equal(throttleLimits(limits), undefined);
});

Deno.test("npm packages with a scope are not taken for a socket's", () => {
  const { general } = settingsOf(
    ...[...SOCKET, "--backend", "@me/aes@1.2,npm:@me/b,./c.ts"],
  );
  assert.deepEqual(general.backends, ["@me/aes@1.2", "npm:@me/b", "./c.ts"]);
});

Deno.test("probe takes --json and the options of backends only", () => {
  assert.equal(parseProbeOptions(["--json"]).json, true);
  assert.equal(parseProbeOptions([]).json, false);
  for (const words of [["--queues", "2"], ["json"], ["--xml"]]) {
    assert.throws(() => parseProbeOptions(words), UsageError);
  }
});
