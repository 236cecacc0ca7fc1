import {
  deepStrictEqual,
  match,
  strictEqual,
  throws,
} from "node:assert/strict";
import { dirname } from "node:path";
import type { BackendOptions, Probe } from "../backend.ts";
import { testWith } from "../../testing/real_parts.ts";
import { openOperations } from "../burst_operations.ts";
import openssl from "./openssl.ts";
import {
  counting,
  opensslTest,
  runOnce,
} from "../../testing/openssl_requests.ts";

const offersOf = (probe: Probe) =>
  probe.offers.map(({ algorithm }) => algorithm);

/** The path of Debian's legacy provider, if it is there. */
function legacyModule(): string | undefined {
  const { library } = openssl.probe({});
  const path = `${dirname(library ?? "")}/ossl-modules/legacy.so`;
  try {
    return Deno.statSync(path).isFile ? path : undefined;
  } catch {
    return undefined;
  }
}

const legacy = legacyModule();
const LEGACY = {
  present: legacy !== undefined,
  name: "libcrypto 3 with its legacy provider",
  remedy: "install Debian's libssl3",
};

function missingOf(options: BackendOptions) {
  const probe = openssl.probe(options);
  strictEqual(probe.ready, false);
  deepStrictEqual(probe.offers, []);
  return probe.missing[0]!;
}

opensslTest("only the providers that are named are loaded", () => {
  const probe = openssl.probe({ providers: "default" });
  strictEqual(offersOf(probe).includes("cipher.aes-cbc"), true);
  strictEqual(offersOf(probe).includes("cipher.arc4"), false);
  match(probe.notOffered["cipher.arc4"]!, /"legacy", which was not chosen/);
});

for (const how of ["name", "module", "folder"] as const) {
  testWith(
    LEGACY,
    `the legacy provider is loaded by its ${how}`,
    () => {
      const path = how === "module" ? legacy! : dirname(legacy!);
      const providers = how === "name" ? "legacy" : `legacy:${path}`;
      const probe = openssl.probe({ providers });
      deepStrictEqual(offersOf(probe).filter((name) => /des|arc4/.test(name)), [
        "cipher.arc4",
        "cipher.des-ecb",
        "cipher.des-cbc",
      ]);
      strictEqual(offersOf(probe).includes("cipher.aes-cbc"), false);
      const thread = openOperations(openssl, { providers });
      const answer = runOnce(thread, {
        service: "cipher",
        algorithm: "arc4",
        direction: "encrypt",
        key: new TextEncoder().encode("Key"),
      }, { source: new TextEncoder().encode("Plaintext") });
      strictEqual(answer.destination.toHex(), "bbf316e8d940af0ad3");
      thread.close();
    },
  );
}

opensslTest("a provider that is not there is named with its remedy", () => {
  const missing = missingOf({ providers: "default,nobody" });
  strictEqual(missing.option, "providers");
  throws(() => openssl.open({ providers: "default,nobody" }), /"nobody"/);
  match(missing.what, /^provider "nobody": .*nobody\.so/);
  match(missing.remedy, /nobody:PATH/);
  match(missingOf({ providers: "default,,legacy" }).what, /a provider in ""/);
  match(missingOf({ providers: "base" }).what, /none of the catalogue/);
});

opensslTest("properties choose among what the providers have", (thread) => {
  const chosen = openssl.probe({ properties: "provider=default" });
  strictEqual(offersOf(chosen).includes("hash.sha256"), true);
  strictEqual(offersOf(chosen).includes("cipher.arc4"), false);
  match(chosen.notOffered["cipher.arc4"]!, /properties "provider=default"/);
  const request = { source: counting(3), digestBytes: 32 };
  const hash = {
    service: "hash",
    algorithm: "sha256",
    resultBytes: 32,
  } as const;
  const other = openOperations(openssl, { properties: "provider=default" });
  strictEqual(
    runOnce(other, hash, request).digest.toHex(),
    runOnce(thread, hash, request).digest.toHex(),
  );
  other.close();
});

opensslTest("properties that nothing has are named, and syntax too", () => {
  const none = missingOf({ properties: "provider=nobody" });
  strictEqual(none.option, "properties");
  match(none.what, /"provider=nobody"/);
  const broken = missingOf({ properties: "=,," });
  strictEqual(broken.option, "properties");
  throws(() => openssl.open({ properties: "=,," }), /"=,,"/);
  match(broken.what, /"=,,"/);
});

opensslTest(
  "an unusable option leaves other threads as they were",
  (thread) => {
    missingOf({ properties: "=,,", providers: "default" });
    const answer = runOnce(thread, {
      service: "hash",
      algorithm: "sha1",
      resultBytes: 20,
    }, { source: new TextEncoder().encode("abc"), digestBytes: 20 });
    strictEqual(
      answer.digest.toHex(),
      "a9993e364706816aba3e25717850c26c9cd0d89d",
    );
  },
);

const OLD_LIBRARY = "unsigned long OpenSSL_version_num(void)" +
  "{ return 0x1010117fL; }";

/** A library that says it is libcrypto 1.1.1; false without a compiler. */
async function buildOldLibrary(path: string): Promise<boolean> {
  try {
    const compiler = new Deno.Command("cc", {
      args: ["-shared", "-fPIC", "-x", "c", "-", "-o", path],
      stdin: "piped",
      stderr: "null",
    }).spawn();
    const input = compiler.stdin.getWriter();
    await input.write(new TextEncoder().encode(OLD_LIBRARY));
    await input.close();
    return (await compiler.status).success;
  } catch {
    return false;
  }
}

const oldFolder = await Deno.makeTempDir();
globalThis.addEventListener(
  "unload",
  () => Deno.removeSync(oldFolder, { recursive: true }),
);
const oldLibrary = `${oldFolder}/libcrypto.so.1.1`;

testWith(
  {
    present: await buildOldLibrary(oldLibrary),
    name: "a C compiler",
    remedy: "install Debian's gcc",
  },
  "libcrypto 1.1 is refused in one line",
  () => {
    const { what, remedy } = missingOf({ library: oldLibrary });
    strictEqual(
      what,
      `"${oldLibrary}" is libcrypto 1.1.1, expected 3.0 or later`,
    );
    match(remedy, /libcrypto 3/);
    throws(
      () => openssl.open({ library: oldLibrary }),
      /is libcrypto 1\.1\.1/,
    );
  },
);
