import assert from "node:assert/strict";
import { attach, encryptSomething } from "../../testing/attached_driver.ts";
import { ServeProcess } from "../../testing/command_process.ts";
import { temporaryFolder } from "../../testing/files.ts";

interface Exported {
  readonly resourceMetrics: readonly {
    readonly scopeMetrics: readonly {
      readonly metrics: readonly {
        readonly name: string;
        readonly sum?: {
          readonly isMonotonic: boolean;
          readonly dataPoints: readonly {
            readonly asDouble: number;
            readonly attributes: readonly {
              readonly key: string;
              readonly value: { readonly stringValue: string };
            }[];
          }[];
        };
      }[];
    }[];
  }[];
}

const REQUESTS = 5;

Deno.test("the runtime's exporter sends the metrics of queue threads to a collector", async () => {
  await using folder = await temporaryFolder();
  const socket = `${folder.path}/crypto.sock`;
  const found = Promise.withResolvers<readonly string[]>();
  // What a collector does with it is not this program's matter.
  await using collector = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      const text = await request.text();
      if (new URL(request.url).pathname === "/v1/metrics") {
        const { resourceMetrics } = JSON.parse(text) as Exported;
        const points = resourceMetrics.flatMap(({ scopeMetrics }) =>
          scopeMetrics.flatMap(({ metrics }) => metrics)
        ).filter(({ name }) => name === "vhost_device_crypto_requests_total")
          .flatMap(({ sum }) => sum!.dataPoints);
        const point = points.find(({ asDouble }) => asDouble === REQUESTS);
        if (point) {
          found.resolve([
            ...point.attributes.map(({ key, value }) =>
              `${key}=${value.stringValue}`
            ).sort(),
          ]);
        }
      }
      return Response.json({});
    },
  );
  await using _device = await ServeProcess.startIn(
    {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.addr.port}`,
      OTEL_METRIC_EXPORT_INTERVAL: "500",
    },
    "cryptodev mode",
    ...["--socket-path", socket, "--backend", "noble"],
  );
  await using driver = await attach(socket);
  for (let i = 0; i < REQUESTS; i++) await encryptSomething(driver);
  const overdue = setTimeout(() => found.reject("nothing came"), 20_000);
  assert.deepEqual(await found.promise, [
    ...["algorithm=aes-cbc", "backend=noble", `guest=${socket}`],
    "service=cipher",
  ]);
  clearTimeout(overdue);
});
