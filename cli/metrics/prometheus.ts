/**
 * Metrics in the text format of Prometheus. The client is loaded by whoever asks
 * for it: a program without the endpoint, or a user of the library, never does.
 *
 * @module
 */

import { type Metric, Registry } from "npm:prom-client@15.1.3";
import type { DeviceStatus } from "./device_status.ts";
import { FAMILIES, type Family } from "./families.ts";

/** What the text is. */
export const CONTENT_TYPE: string = Registry.PROMETHEUS_CONTENT_TYPE;

/** A metric as the registry asks it: the threads have counted already. */
function metricOf(
  { name, help, type, samples }: Family,
  status: DeviceStatus,
): Metric | undefined {
  const values = samples(status).map(({ labels, value, suffix = "" }) => ({
    ...{ labels, value, metricName: `${name}${suffix}` },
  }));
  if (values.length === 0) return undefined;
  const get = () => ({ name, help, type, aggregator: "sum", values });
  return { name, get } as unknown as Metric;
}

/** The whole text. */
export async function prometheusText(status: DeviceStatus): Promise<string> {
  const registry = new Registry();
  for (const family of FAMILIES) {
    const metric = metricOf(family, status);
    if (metric) registry.registerMetric(metric);
  }
  return await registry.metrics();
}
