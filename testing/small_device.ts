/**
 * A small device on one backend that a test has made.
 *
 * @module
 */

import type { OperationsBackend } from "../backends/backend.ts";
import { Device } from "../device/device.ts";

/** One data queue, and few and small sessions. */
export function smallDevice(backend: OperationsBackend): Device {
  const probe = backend.probe({});
  return new Device({
    backends: [{ backend, specifier: backend.name, options: {}, probe }],
    rules: [],
    fallback: "never",
    dataQueueCount: 1,
    maximumSessions: 4,
    maximumSizeBytes: 65536,
    layout: "virtio",
    allowWeak: false,
  });
}
