/**
 * The same metrics over OpenTelemetry, through the exporter of the runtime, which
 * `OTEL_DENO=true` turns on and the variables `OTEL_*` direct. A histogram goes
 * out as the counters of its buckets, since the threads have counted already.
 *
 * @module
 */

import {
  type Attributes,
  type Meter,
  metrics,
  type Observable,
} from "npm:@opentelemetry/api@1.10.0";
import type { DeviceStatus } from "./device_status.ts";
import { FAMILIES, type Family, type Sample } from "./families.ts";

/** Ends of the names of what a family goes out as. */
const HISTOGRAM_PARTS = ["_bucket", "_sum", "_count"] as const;

function observable(
  meter: Meter,
  name: string,
  { type, help: description }: Family,
): Observable {
  return type === "gauge"
    ? meter.createObservableGauge(name, { description })
    : meter.createObservableCounter(name, { description });
}

function observe(
  meter: Meter,
  family: Family,
  suffix: Sample["suffix"],
  read: () => DeviceStatus | undefined,
): void {
  const name = `${family.name}${suffix ?? ""}`;
  observable(meter, name, family).addCallback((result) => {
    const status = read();
    if (!status) return;
    for (const sample of family.samples(status)) {
      if (sample.suffix !== suffix) continue;
      result.observe(sample.value, sample.labels as Attributes);
    }
  });
}

/** Has the runtime export all metrics from now on. */
export function exportMetrics(read: () => DeviceStatus | undefined): void {
  const meter = metrics.getMeter("vhost-device-crypto");
  for (const family of FAMILIES) {
    const parts = family.type === "histogram" ? HISTOGRAM_PARTS : [undefined];
    for (const suffix of parts) observe(meter, family, suffix, read);
  }
}
