import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { DeviceStatus } from "../../cli/metrics/device_status.ts";
import { FAMILIES } from "../../cli/metrics/families.ts";
import { prometheusText } from "../../cli/metrics/prometheus.ts";
import { exists } from "../../testing/files.ts";
import { type RealPart, testWith } from "../../testing/real_parts.ts";

const ROOT = new URL("../../", import.meta.url);
const RULES = new URL(
  "contrib/prometheus/vhost-device-crypto.rules.yml",
  ROOT,
);
const DASHBOARD = new URL("contrib/grafana/vhost-device-crypto.json", ROOT);
const PROMTOOL = "/usr/bin/promtool";

const PROMETHEUS: RealPart = {
  present: await exists(PROMTOOL),
  name: "promtool",
  remedy: "install prometheus",
};

/** All that a status may have, with names that have to be escaped. */
const STATUS: DeviceStatus = {
  ...{ startedAt: 1, at: 2, isReady: true, residentBytes: 3, cpuSeconds: 4 },
  ...{ lostLines: 5, logLevel: "info", lostThreads: 6 },
  threads: [{
    ...{ number: 0, rings: 1, sleeps: 2, sleptSeconds: 3.5 },
    ...{ spins: 4, spinsInVain: 5 },
  }],
  latencyBounds: [0.001, 0.01],
  guests: [
    {
      name: 'a "guest"\\\n',
      ...{ isConnected: true, isReady: true, connections: 1 },
      ...{ refusedConnections: 1, resumed: 1, memoryBytes: 4096 },
      sessions: { open: 1, created: 3, closed: 2, refused: { NOSPC: 1 } },
      placements: [{ backend: "noble", reason: 'rule "x"', sessions: 3 }],
      backends: [
        { name: "noble", version: "1", failures: 2, isDrained: false },
        {
          ...{ name: "qat", version: "", failures: 0, isDrained: true },
          failure: "no card",
        },
      ],
      queues: [{
        ...{ queue: 0, requests: 9, bytes: 99, inFlight: 1, movedOn: 1 },
        ...{ waitedSeconds: 0.5, failures: { ERR: 2, BADMSG: 1 } },
      }],
      work: [{
        ...{ backend: "noble", service: "cipher", algorithm: "aes-cbc" },
        ...{ requests: 6, bytes: 66, failures: 1 },
      }],
      latency: [{
        ...{ service: "cipher", buckets: [1, 2, 3], count: 6 },
        sumSeconds: 0.5,
      }],
      limits: { requestsPerSecond: 10, bytesPerSecond: 2048 },
    },
  ],
};

/** What promtool says to `input`; it must take it. */
async function promtool(args: string[], input = ""): Promise<string> {
  const child = new Deno.Command(PROMTOOL, {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const text = new TextDecoder().decode(stdout) +
    new TextDecoder().decode(stderr);
  strictEqual(code, 0, text);
  return text;
}

testWith(
  PROMETHEUS,
  "promtool finds nothing to say of the metrics",
  async () => {
    const text = await prometheusText(STATUS);
    strictEqual(await promtool(["check", "metrics"], text), "");
    for (const { name } of FAMILIES) ok(text.includes(`# HELP ${name} `), name);
    ok(
      text.includes(
        '{guest="a \\"guest\\"\\\\\\n",service="cipher",le="+Inf"} 6',
      ),
    );
  },
);

testWith(PROMETHEUS, "promtool takes the alert rules", async () => {
  await promtool(["check", "rules", RULES.pathname]);
});

Deno.test("alert rules and dashboard name metrics that there are", async () => {
  const known = new Set(FAMILIES.map(({ name }) => name));
  for (const file of [RULES, DASHBOARD]) {
    const text = await Deno.readTextFile(file);
    const named = text.matchAll(/\b(?:vhost_device_crypto|process)_[a-z_]+/g);
    const unknown = [...new Set([...named].map(([name]) => name))].filter((
      name,
    ) => !known.has(name.replace(/_bucket$/, "")));
    deepStrictEqual(unknown, []);
  }
});

Deno.test("a socket that nobody has used has no series of its own", async () => {
  const [guest] = STATUS.guests;
  const unused = { ...guest!, connections: 0, resumed: 0 };
  const text = await prometheusText({ ...STATUS, guests: [unused] });
  ok(!text.includes("guest="), text);
});
