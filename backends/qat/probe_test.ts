import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { StandIn } from "../../tests/qat_stand_in/control.ts";
import {
  type Libraries,
  type Part,
  realLibraries,
  standIn,
} from "../../tests/qat_stand_in/parts.ts";
import { testWith } from "../../testing/real_parts.ts";
import qat from "./qat.ts";

const real = realLibraries();
const part = standIn();

const PROBE = `
  import qat from ${JSON.stringify(import.meta.resolve("./qat.ts"))};
  const probe = qat.probe(JSON.parse(Deno.args[0]));
  console.log(JSON.stringify(probe));
`;

interface Printed {
  readonly probe: ReturnType<typeof qat.probe>;
  readonly stderr: string;
}

/** A probe that takes longer hangs: its process ends without an answer. */
const PATIENCE_MS = 60_000;

/** Probes in a process of its own; its stdout must be one JSON text. */
async function probeInProcess(
  libraries: Partial<Libraries>,
  wrap: (command: string[]) => string[] = (command) => command,
): Promise<Printed> {
  const script = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(script, PROBE);
    const [program, ...args] = wrap([
      Deno.execPath(),
      "run",
      "-A",
      "--config",
      new URL("../../deno.json", import.meta.url).pathname,
      script,
      JSON.stringify(libraries),
    ]);
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const { stdout, stderr } = await new Deno.Command(program!, {
      args,
      signal,
    }).output();
    const [out, err] = [stdout, stderr].map((one) =>
      new TextDecoder().decode(one)
    );
    try {
      return { probe: JSON.parse(out!), stderr: err! };
    } catch {
      throw new Error(`stdout "${out}", stderr "${err}"`);
    }
  } finally {
    await Deno.remove(script);
  }
}

Deno.test("without the library the probe names it", () => {
  const probe = qat.probe({ library: "/nowhere/libqat.so.4" });
  strictEqual(probe.ready, false);
  match(probe.missing[0]!.what, /\/nowhere\/libusdm\.so\.0/);
  match(probe.missing[0]!.remedy, /libqat4/);
});

testWith(
  real,
  "the real library without a device: the probe names what is missing",
  async () => {
    // In a process of its own: both libqats have the same soname.
    const { probe } = await probeInProcess(real.libraries);
    strictEqual(probe.ready, false);
    deepStrictEqual(probe.offers, []);
    match(probe.missing[0]!.what, /QuickAssist|QAT|vfio|qat/);
  },
);

testWith(real, "what the library prints does not reach stdout", async () => {
  const { stderr } = await probeInProcess(real.libraries);
  match(stderr, /vfio|ADF_UIO_PROXY/);
});

Deno.test("a smallest size that is no number is named by the probe", () => {
  const probe = qat.probe({ "min-bytes": "2k" });
  strictEqual(probe.ready, false);
  const { what, option } = probe.missing[0]!;
  match(what, /min-bytes is "2k", expected 0 to 999999999 bytes/);
  strictEqual(option, "min-bytes");
});

testWith(
  part,
  "symmetric requests are worth a card from a size on, of public keys all",
  () => {
    using _standIn = new StandIn(part.libraries);
    const sizes = (options: Record<string, string>) => {
      const { offers } = qat.probe({ ...part.libraries, ...options });
      ok(offers.length > 20);
      const of = (name: string) =>
        offers.find(({ algorithm }) => algorithm === name)!.fromBytes;
      return ["cipher.aes-cbc", "mac.hmac-sha1", "akcipher.rsa"].map(of);
    };
    deepStrictEqual(sizes({}), [2048, 2048, undefined]);
    deepStrictEqual(sizes({ "min-bytes": "64" }), [64, 64, undefined]);
  },
);

/** A private /run with a manager that takes connections and says nothing. */
const silentManager = (command: string[]): string[] => [
  "unshare",
  "--user",
  "--map-root-user",
  "--mount",
  "sh",
  "-c",
  "mount -t tmpfs none /run && mkdir /run/qat && " +
  `"$0" eval 'const l = Deno.listen({ transport: "unix", path: ` +
  `"/run/qat/qatmgr.sock" }); for await (const c of l) globalThis.c = c;' & ` +
  "listener=$!; while [ ! -S /run/qat/qatmgr.sock ]; do sleep 0.05; done; " +
  '"$@"; kill $listener',
  Deno.execPath(),
  ...command,
];

function namespaces(): Part {
  const { success } = new Deno.Command("unshare", {
    args: ["--user", "--map-root-user", "--mount", "true"],
  }).outputSync();
  return {
    ...real,
    present: real.present && success,
    remedy: success ? real.remedy : "allow user namespaces",
  };
}

testWith(
  namespaces(),
  "the real library with a silent manager: the probe does not hang",
  async () => {
    const { probe } = await probeInProcess(
      real.libraries,
      silentManager,
    );
    match(probe.missing[0]!.what, /an answer of the qat manager/);
    match(probe.missing[0]!.remedy, /systemctl restart qat/);
  },
);

/** Offers of the stand-in as one generation. */
function offersOf(generation: string, legacy: number) {
  using _standIn = new StandIn(part.libraries, {
    GENERATION: generation,
    LEGACY: legacy,
  });
  const { ready, offers, notOffered } = qat.probe({ ...part.libraries });
  ok(ready);
  const names = new Map(offers.map((one) => [one.algorithm, one.keyBytes]));
  return { names, notOffered };
}

testWith(part, "capabilities decide what is offered", () => {
  const gen4 = offersOf("gen4", 1).names;
  ok(gen4.has("cipher.aes-cbc") && gen4.has("cipher.aes-ecb"));
  ok(gen4.has("hash.sha1") && gen4.has("mac.hmac-sha1"));
  deepStrictEqual(gen4.get("mac.cmac-aes"), [16]);
  const modern = offersOf("gen4", 0);
  ok(!modern.names.has("cipher.aes-ecb") && !modern.names.has("hash.sha1"));
  match(modern.notOffered["hash.sha1"]!, /capabilities/);
  strictEqual(offersOf("gen5", 1).names.get("mac.cmac-aes"), undefined);
  const gen6 = offersOf("gen6", 1).names;
  ok(gen6.has("aead.gcm") && gen6.has("cipher.aes-xts"));
  ok(!gen6.has("cipher.aes-cbc") && !gen6.has("aead.ccm"));
  deepStrictEqual(gen6.get("cipher.aes-ctr"), [16, 32]);
});

testWith(
  part,
  "a device for one service says what it is not configured for",
  () => {
    for (
      const [services, missing] of [[1, "akcipher.rsa"], [2, "hash.sha256"]]
    ) {
      using _standIn = new StandIn(part.libraries, { SERVICES: services! });
      const { ready, notOffered } = qat.probe({ ...part.libraries });
      ok(ready);
      match(notOffered[missing!]!, /configured without/);
    }
  },
);
