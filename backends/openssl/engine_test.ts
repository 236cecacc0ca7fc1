import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import type { Missing } from "../backend.ts";
import { testWith } from "../../testing/real_parts.ts";
import openssl from "./openssl.ts";

// A default engine belongs to the process: each of these tests has its own.

const SOURCE =
  new URL("../../testing/openssl_test_engine.c", import.meta.url).pathname;
const BACKEND = new URL("./openssl.ts", import.meta.url).href;
const LIBRARY = new URL("./library.ts", import.meta.url).href;
const READ_OPTIONS = new URL("./options.ts", import.meta.url).href;
const KIT = new URL("../../testing/openssl_requests.ts", import.meta.url).href;
const OPERATIONS = new URL("../burst_operations.ts", import.meta.url).href;
const LIBCRYPTO = {
  present: openssl.probe({}).ready,
  name: "libcrypto 3",
  remedy: "install Debian's libssl3",
};

interface Outcome {
  readonly ready: boolean;
  readonly missing: readonly Missing[];
  /** 32 bytes of 00 … 1f under AES-CBC with a key of that many bits. */
  readonly ciphertexts: Readonly<Record<string, string>>;
  /** Whether anything is done past EVP, which asks engines. */
  readonly goesPastEvp: boolean;
}

/** Probes and uses the backend with an engine, in a process of its own. */
async function useEngine(
  engine: string,
  environment: Record<string, string> = {},
): Promise<Outcome> {
  const script = `
    import openssl from ${JSON.stringify(BACKEND)};
    import { openOperations } from ${JSON.stringify(OPERATIONS)};
    import { CryptoLibrary } from ${JSON.stringify(LIBRARY)};
    import { readOpensslOptions } from ${JSON.stringify(READ_OPTIONS)};
    import { counting, runOnce } from ${JSON.stringify(KIT)};
    const options = { engine: ${JSON.stringify(engine)} };
    const { ready, missing } = openssl.probe(options);
    const ciphertexts = {};
    let goesPastEvp = false;
    if (ready) {
      const library = new CryptoLibrary(readOpensslOptions(options));
      goesPastEvp = library.isDefaultCipher("AES-128-GCM") ||
        library.hash("SHA2-256") !== null;
      library.close();
      const thread = openOperations(openssl, options);
      for (const keyBytes of [16, 32]) {
        const answer = runOnce(thread, {
          service: "cipher", algorithm: "aes-cbc", direction: "encrypt",
          key: counting(keyBytes),
        }, { source: counting(32), iv: counting(16) });
        ciphertexts[8 * keyBytes] = answer.destination.toHex();
      }
      thread.close();
    }
    console.log(JSON.stringify({
      ready, missing, ciphertexts, goesPastEvp,
    }));`;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--ext=ts", script],
    env: { NO_COLOR: "1", ...environment },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  strictEqual(text(stderr), "");
  return JSON.parse(text(stdout));
}

function aesCbc(keyBytes: number): string {
  const counting = (length: number) => Uint8Array.from({ length }, (_, i) => i);
  const cipher = createCipheriv(
    `aes-${8 * keyBytes}-cbc`,
    counting(keyBytes),
    counting(16),
  ).setAutoPadding(false);
  return cipher.update(counting(32)).toString("hex");
}

/** Builds the engine into `folder`; false where there is no compiler for it. */
async function buildEngine(folder: string): Promise<boolean> {
  try {
    const { success } = await new Deno.Command("cc", {
      args: [
        "-shared",
        "-fPIC",
        "-o",
        `${folder}/test_engine.so`,
        SOURCE,
        "-lcrypto",
      ],
      stderr: "null",
    }).output();
    return success;
  } catch {
    return false;
  }
}

const folder = await Deno.makeTempDir();
globalThis.addEventListener(
  "unload",
  () => Deno.removeSync(folder, { recursive: true }),
);
const hasEngine = await buildEngine(folder);

testWith(
  {
    present: LIBCRYPTO.present && hasEngine,
    name: "libcrypto 3, a C compiler and libcrypto's headers",
    remedy: "install Debian's gcc and libssl-dev",
  },
  "an engine does what it has and the providers do the rest",
  async () => {
    const environment = { OPENSSL_ENGINES: folder };
    const outcome = await useEngine("test_engine", environment);
    deepStrictEqual(outcome.missing, []);
    strictEqual(outcome.goesPastEvp, false);
    const fromEngine = Uint8Array.from({ length: 32 }, (_, i) => i ^ 0x5a);
    deepStrictEqual(outcome.ciphertexts, {
      128: fromEngine.toHex(),
      256: aesCbc(32),
    });
  },
);

testWith(
  LIBCRYPTO,
  "an engine that libcrypto ships loads and leaves AES to providers",
  async () => {
    const outcome = await useEngine("loader_attic");
    deepStrictEqual(outcome.missing, []);
    deepStrictEqual(outcome.ciphertexts, { 128: aesCbc(16), 256: aesCbc(32) });
  },
);

testWith(
  LIBCRYPTO,
  "an engine that is not there is refused with its package",
  async () => {
    const environment = { OPENSSL_ENGINES: folder };
    const packages = {
      qatengine: /package qatengine/,
      gost: /libengine-gost-openssl/,
      nobody: /engines directory/,
    };
    for (const [engine, remedy] of Object.entries(packages)) {
      const { ready, missing } = await useEngine(engine, environment);
      strictEqual(ready, false);
      strictEqual(missing.length, 1);
      strictEqual(missing[0]!.option, "engine");
      match(
        missing[0]!.what,
        new RegExp(
          `^engine "${engine}": it is not installed, or found no device ` +
            `\\(.*/${engine}\\.so: `,
        ),
      );
      match(missing[0]!.remedy, remedy);
    }
  },
);

/** VIA's and Zhaoxin's processors show PadLock's parts among their flags. */
const hasPadLock = /^flags\s*:.*\b(ace|rng|phe)_en\b/m.test(
  await Deno.readTextFile("/proc/cpuinfo"),
);

testWith(
  {
    ...LIBCRYPTO,
    present: LIBCRYPTO.present && !hasPadLock,
    isHardware: hasPadLock,
  },
  "an engine without its device is refused with what it needs",
  async () => {
    const outcome = await useEngine("padlock");
    deepStrictEqual(outcome, {
      ready: false,
      missing: [{
        what: outcome.missing[0]!.what,
        remedy: "it needs a VIA or Zhaoxin processor with PadLock",
        option: "engine",
      }],
      ciphertexts: {},
      goesPastEvp: false,
    });
    match(
      outcome.missing[0]!.what,
      /^engine "padlock": it does not start without its device or driver \(/,
    );
  },
);
