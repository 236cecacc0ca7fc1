/**
 * The queues of a device in process, each with the service that its index asks for.
 *
 * @module
 */

import { ControlQueue } from "../../control_queue.ts";
import { DataQueue } from "../../data_queue.ts";
import { COUNTERS } from "../../queue_counts.ts";
import type { Device } from "../../device.ts";
import type { QueueService } from "../../queue_service.ts";
import type { GuestMemory } from "../../ring/guest_memory.ts";
import { startOf } from "../../ring/ring_start.ts";
import type { Virtqueue } from "../../ring/virtqueue.ts";
import { ServedQueue } from "../../served_queue.ts";
import type { ThreadSessions } from "../../session/thread_sessions.ts";
import { F_EVENT_IDX, F_IN_ORDER, F_RING_PACKED } from "../../wire/features.ts";
import { Throttle } from "../../throttle.ts";
import type { InProcessQueue } from "./in_process_device.ts";

/** What all queues of one device have. */
export interface QueueParts {
  readonly device: Device;
  readonly memory: GuestMemory;
  readonly sessions: ThreadSessions;
}

/**
 * A queue that is to be opened. `answered` hears that a control request which had
 * waited has its answer.
 */
export function createQueue(
  index: number,
  { size, ...place }: InProcessQueue,
  parts: QueueParts,
  answered: () => void,
): ServedQueue {
  const features = parts.device.acceptedFeatures;
  const packed = (features & F_RING_PACKED) !== 0n;
  return new ServedQueue({
    form: {
      size,
      packed,
      base: startOf(packed),
      eventIndex: (features & F_EVENT_IDX) !== 0n,
      inOrder: (features & F_IN_ORDER) !== 0n,
    },
    locate: () => place,
    create: (virtqueue) => {
      const service = createService(index, virtqueue, parts);
      if (service instanceof ControlQueue) {
        service.answered = answered;
      }
      return service;
    },
  });
}

function createService(
  index: number,
  virtqueue: Virtqueue,
  { device, memory, sessions }: QueueParts,
): QueueService {
  if (index === device.dataQueueCount) {
    return device.createControlQueue(virtqueue, memory);
  }
  if (index === device.adminQueueIndex) {
    return device.createAdminQueue(virtqueue);
  }
  return new DataQueue({
    virtqueue,
    memory,
    mode: device.mode,
    sessions,
    settings: device.threadSettings,
    counters: new Float64Array(COUNTERS),
    throttle: device.throttle &&
      new Throttle(device.throttle, () => performance.now()),
    ...(device.adminQueueIndex !== undefined &&
      { associations: device.associations! }),
  });
}
