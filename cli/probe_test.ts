import assert from "node:assert/strict";
import { ALGORITHMS } from "../algorithms/catalogue.ts";
import type { Probe } from "../backends/backend.ts";
import { probeBackends, type ProbedBackend } from "../backends/probe.ts";
import openssl from "../backends/openssl/openssl.ts";
import { BUILT_IN_BACKENDS } from "../backends/registry.ts";
import { testWith } from "../testing/real_parts.ts";
import { testOnBackends } from "../testing/ready_backends.ts";
import { UsageError } from "./option_values.ts";
import { matrixAsJson, probeCommand } from "./probe.ts";
import { formatMatrix } from "./probe_text.ts";

const LIBCRYPTO = {
  present: openssl.probe({}).ready,
  name: "libcrypto 3",
  remedy: "install Debian's libssl3",
};

/** How the files begin that backends load. */
const LIBRARY_FILES: Readonly<Record<string, string>> = {
  "openssl": "libcrypto\\.so",
  "ipsec-mb": "libIPSec_MB\\.so",
  "libgcrypt": "libgcrypt\\.so",
  "qat": "libqat\\.so",
};

/** What `probe` prints with `words`. */
async function printed(...words: string[]): Promise<string> {
  let text = "";
  await probeCommand(words, (part) => text += part);
  return text;
}

function probed(name: string, probe: Partial<Probe>): ProbedBackend {
  const found: Probe = {
    ready: true,
    version: "lib 1.2",
    offers: [],
    missing: [],
    notOffered: {},
    ...probe,
  };
  const backend = {
    contract: 1,
    name,
    probe: () => found,
    open: () => assert.fail("a probe opens nothing"),
  };
  return { backend, specifier: name, options: {}, probe: found };
}

const FULL = probed("full", {
  library: "/usr/lib/libfull.so.1",
  offers: [
    { algorithm: "cipher.aes-cbc" },
    { algorithm: "cipher.des-ecb" },
    { algorithm: "mac.gmac-twofish", keyBytes: [16, 32] },
    { algorithm: "cipher.arc4", keyBytes: [5, 6, 7, 8, 9, 256] },
    { algorithm: "akcipher.rsa", rsaPrimes: 5 },
  ],
  notOffered: { "cipher.zuc-eea3": "not in libfull" },
});
const PLAIN_RSA = probed("plain", { offers: [{ algorithm: "akcipher.rsa" }] });
const ABSENT = probed("absent", {
  ready: false,
  version: "",
  missing: [{ what: "libabsent.so.1", remedy: "install libabsent1" }],
});

/** The cells of an algorithm; a weak one may have its mark. */
function rowOf(text: string, algorithm: string): string[] {
  const row = text.split("\n").map((line) => line.split(/ +/))
    .find(([name]) => name === algorithm || name === `${algorithm}*`);
  return row?.slice(1) ?? assert.fail(`no row of ${algorithm}`);
}

Deno.test("a backend's line names version, path and what is missing", () => {
  const text = formatMatrix([FULL, ABSENT], 80);
  assert.match(text, /^full: ready, lib 1\.2 \(\/usr\/lib\/libfull\.so\.1\)\n/);
  assert.match(
    text,
    /\nabsent: not ready\n {2}missing: libabsent\.so\.1; install libabsent1\n/,
  );
});

Deno.test("the matrix shows offers, key lengths and what guests get", () => {
  const text = formatMatrix([FULL, ABSENT], 80);
  assert.deepEqual(rowOf(text, "cipher.aes-cbc"), ["yes"]);
  assert.deepEqual(rowOf(text, "mac.gmac-twofish"), ["part"]);
  assert.deepEqual(rowOf(text, "cipher.arc4*"), ["part"]);
  assert.deepEqual(rowOf(text, "mac.zuc-eia3"), ["-"]);
  assert.match(text, /\n {2}full, keys of 16,32 bytes: mac.gmac-twofish\n/);
  assert.match(text, /\n {2}full, keys of 5\.\.256 bytes: cipher.arc4\n/);
  assert.match(text, /\n\* weak: guests get it with --allow-weak only;/);
});

Deno.test("what probe tells fits 80 columns with all built-in backends", async () => {
  const all = await probeBackends();
  const ready = all.map((one) => ({
    ...one,
    probe: { ...one.probe, ready: true },
  }));
  for (const backends of [all, ready]) {
    for (const line of formatMatrix(backends, 80).split("\n")) {
      // A path may be longer by itself.
      const [longest = ""] = line.trim().split(" ").toSorted((a, b) =>
        b.length - a.length
      );
      assert.ok(line.length <= 80 || longest.length > 70, line);
    }
  }
});

Deno.test("a row and the JSON say how many primes an RSA key may have", () => {
  const three = [FULL, PLAIN_RSA, ABSENT];
  const text = formatMatrix(three, 80);
  assert.deepEqual(rowOf(text, "akcipher.rsa"), ["yes", "yes"]);
  assert.match(text, /\n {2}full, keys of 2 to 5 primes: akcipher.rsa\n/);
  assert.doesNotMatch(text, / plain, keys of/);
  const { algorithms } = JSON.parse(matrixAsJson(three));
  const { backends } = algorithms.find((one: { algorithm: string }) =>
    one.algorithm === "rsa"
  );
  assert.deepEqual(backends, {
    full: { offered: true, rsaPrimes: 5 },
    plain: { offered: true, rsaPrimes: 2 },
    absent: { offered: false, reason: "backend not ready" },
  });
});

Deno.test("IPSEC's suites are shown of each backend that has any", () => {
  const offers = [
    ...["cipher.aes-cbc", "aead.gcm", "aead.chacha20-poly1305"],
    ...["mac.hmac-sha1", "mac.gmac-aes", "cipher.aes-xts"],
  ].map((algorithm) => ({ algorithm }));
  const some = probed("some", { offers });
  const aeads = probed("aeads", { offers: [{ algorithm: "aead.ccm" }] });
  const absent = probed("absent", { ready: false, offers });
  const text = formatMatrix([some, aeads, absent, FULL], 80);
  assert.ok(
    text.includes(
      "IPSEC, in process only, as ESP with:\n" +
        "  some: gcm, chacha20-poly1305; " +
        "NULL, aes-cbc with hmac-sha1, gmac-aes\n" +
        "  aeads: ccm\n",
    ),
    text,
  );
  assert.ok(!formatMatrix([FULL], 80).includes("IPSEC"));
  const { backends } = JSON.parse(matrixAsJson([some, FULL]));
  assert.deepEqual(backends[0].ipsec, {
    aeads: ["gcm", "chacha20-poly1305"],
    ciphers: ["aes-cbc"],
    macs: ["hmac-sha1", "gmac-aes"],
  });
  assert.equal(backends[1].ipsec, null);
});

Deno.test("reasons are given for backends that are ready only", () => {
  const text = formatMatrix([FULL, ABSENT], 80);
  assert.match(text, /\n {2}full, not in libfull: [^:]*cipher\.zuc-eea3/);
  assert.match(text, /\n {2}full, not implemented by this backend: /);
  assert.doesNotMatch(text, / absent, /);
});

Deno.test("the JSON has every algorithm under every backend", () => {
  const { backends, algorithms } = JSON.parse(matrixAsJson([FULL, ABSENT]));
  assert.deepEqual(backends[1], {
    ipsec: null,
    name: "absent",
    ready: false,
    version: "",
    missing: [{ what: "libabsent.so.1", remedy: "install libabsent1" }],
  });
  assert.equal(backends[0].library, "/usr/lib/libfull.so.1");
  assert.equal(algorithms.length, ALGORITHMS.length);
  const row = (name: string) =>
    algorithms.find((one: { algorithm: string }) => one.algorithm === name);
  assert.deepEqual(row("gmac-twofish").backends, {
    full: { offered: true, keyBytes: [16, 32] },
    absent: { offered: false, reason: "backend not ready" },
  });
  assert.equal(row("aes-cbc").byDefault, true);
  assert.equal(row("des-ecb").byDefault, false);
  assert.equal(row("zuc-eea3").byDefault, false);
});

Deno.test("probe --json has all built-in backends, with a reason for each gap", async () => {
  const { backends, algorithms } = JSON.parse(await printed("--json"));
  assert.deepEqual(
    backends.map(({ name }: { name: string }) => name),
    BUILT_IN_BACKENDS,
  );
  for (const { name, ready, version, missing } of backends) {
    if (ready) assert.notEqual(version, "", name);
    else assert.notDeepEqual(missing, [], name);
    for (const { what, remedy } of missing) {
      assert.ok(what.length > 0 && remedy.length > 0, name);
    }
  }
  for (const { algorithm, backends: cells } of algorithms) {
    for (
      const [name, { offered, reason }] of Object.entries<
        Probe["offers"][0] & { offered: boolean; reason: string }
      >(cells)
    ) {
      assert.ok(offered || reason, `${algorithm} on ${name}`);
    }
  }
});

Deno.test("what the libraries that are here can do fills a row", async () => {
  const ready = (await probeBackends()).filter(({ probe }) => probe.ready);
  const text = await printed();
  for (const [column, { backend, probe }] of ready.entries()) {
    for (const { algorithm } of probe.offers) {
      const cell = rowOf(text, algorithm)[column];
      assert.match(cell!, /^(yes|part)$/, `${algorithm} of ${backend.name}`);
    }
  }
});

await testOnBackends(
  "a library's path is where it was loaded from",
  async (name) => {
    const [found] = await probeBackends([name]);
    const { library } = found!.probe;
    // Pure TypeScript has none.
    if (name === "noble" || name === "webcrypto") {
      return assert.equal(library, undefined);
    }
    const file = LIBRARY_FILES[name] ?? assert.fail(`${name} has no library`);
    assert.match(library!, new RegExp(`^/.*/${file}(\\.\\d+)+$`));
    assert.equal((await Deno.stat(library!)).isFile, true);
  },
);

testWith(LIBCRYPTO, "options of backends reach them", async () => {
  const { algorithms } = JSON.parse(
    await printed("--json", "--openssl-provider", "default"),
  );
  const arc4 = algorithms.find((one: { algorithm: string }) =>
    one.algorithm === "arc4"
  );
  assert.deepEqual(arc4.backends.openssl, {
    offered: false,
    reason: 'it is in the provider "legacy", which was not chosen',
  });
});

for (
  const [words, expected] of [
    [["--jsn"], /--jsn: expected --json, or another that --help/],
    [["--queues", "2"], /--queues: expected one that --help shows/],
    [["matrix"], /"matrix": expected options/],
    [["--openssl-provider", "a,b"], /--openssl-provider "a,b": .*NAME:PATH/],
    [["--openssl-engine", "nobody"], /--openssl-engine "nobody": .* lacks /],
    [["--openssl-properties", "=,"], /--openssl-properties "=,": .* lacks /],
  ] as const
) {
  testWith(
    LIBCRYPTO,
    `probe ${words.join(" ")} is refused in one line`,
    async () => {
      await assert.rejects(printed(...words), (error) => {
        assert.ok(error instanceof UsageError);
        assert.match(error.message, expected);
        assert.doesNotMatch(error.message, /\n/);
        return true;
      });
    },
  );
}

Deno.test("probe --backend shows the backends that are named, and a plugin's column", async () => {
  const { pathname } = new URL(
    "../examples/custom_backend.ts",
    import.meta.url,
  );
  const text = await printed("--backend", `${pathname},noble`);
  assert.match(text, /^node-crypto: ready/);
  assert.match(text, /^algorithm +node-crypto noble$/m);
  assert.deepEqual(rowOf(text, "cipher.aes-cbc"), ["part", "yes"]);
  await assert.rejects(
    printed("--backend", "nobel"),
    /Cannot find backend "nobel"/,
  );
});
