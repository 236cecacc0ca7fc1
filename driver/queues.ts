/**
 * The queues of a driver: where their rings lie, and how they are started.
 *
 * @module
 */

import { MAX_RING_SIZE } from "../device/ring/layout.ts";
import type { ConfigSpace } from "../device/wire/config_space.ts";
import {
  F_ADMIN_VQ,
  F_EVENT_IDX,
  F_IN_ORDER,
  F_INDIRECT_DESC,
  F_NOTIFICATION_DATA,
  F_RING_PACKED,
} from "../device/wire/features.ts";
import { wrongValue } from "./argument.ts";
import type { DeviceLink } from "./link.ts";
import { RequestQueue } from "./request_queue.ts";
import { createDriverQueue } from "./rings/create_driver_queue.ts";
import { indirectTableBytes, ringBytes } from "./rings/layout.ts";
import type { SharedMemory } from "./shared_memory.ts";

/** How a driver sets up its queues. */
export interface QueueOptions {
  /** Descriptors of each ring, a power of two. Default: 256. */
  readonly queueSize?: number;
  /** Data queues to use. Default: all that the device has. */
  readonly dataQueues?: number;
  /** Most descriptors of a request, with indirect tables. Default: 16. */
  readonly maxDescriptors?: number;
}

const DEFAULT_QUEUE_SIZE = 256;
const DEFAULT_MAX_DESCRIPTORS = 16;

/** The queues of a driver. */
export interface DriverQueues {
  readonly data: readonly RequestQueue[];
  readonly control: RequestQueue | undefined;
  readonly administration: RequestQueue | undefined;
}

function checkOptions(options: QueueOptions): void {
  const {
    queueSize = DEFAULT_QUEUE_SIZE,
    dataQueues = 1,
    maxDescriptors = DEFAULT_MAX_DESCRIPTORS,
  } = options;
  const isPowerOfTwo = Number.isInteger(Math.log2(queueSize));
  if (!isPowerOfTwo || queueSize < 1 || queueSize > MAX_RING_SIZE) {
    const expected = `a power of two up to ${MAX_RING_SIZE}`;
    throw wrongValue("start", "queueSize", queueSize, expected);
  }
  for (const [name, value] of Object.entries({ dataQueues, maxDescriptors })) {
    if (Number.isSafeInteger(value) && value >= 1) continue;
    throw wrongValue("start", name, value, "a whole number from 1 on");
  }
}

/** Sets up the data queues, and the control and administration queue if any. */
export async function startQueues(
  link: DeviceLink,
  features: bigint,
  memory: SharedMemory,
  config: ConfigSpace | undefined,
  options: QueueOptions,
): Promise<DriverQueues> {
  checkOptions(options);
  const count = options.dataQueues ?? config?.maxDataQueues ?? 1;
  if (config && count > config.maxDataQueues) {
    const expected = `at most ${config.maxDataQueues}, as the device has`;
    throw wrongValue("start", "dataQueues", count, expected);
  }
  const data: RequestQueue[] = [];
  for (let index = 0; index < count; index++) {
    data.push(await startQueue(link, features, memory, index, options));
  }
  // The control queue has the number of all data queues (virtio 1.4 §5.9.2).
  const control = config &&
    await startQueue(link, features, memory, config.maxDataQueues, options);
  // Its place is the transport's to tell; every one here has it next.
  const administration = config && (features & F_ADMIN_VQ) !== 0n
    ? await startQueue(
      link,
      features,
      memory,
      config.maxDataQueues + 1,
      options,
    )
    : undefined;
  return { data, control, administration };
}

async function startQueue(
  link: DeviceLink,
  features: bigint,
  memory: SharedMemory,
  index: number,
  options: QueueOptions,
): Promise<RequestQueue> {
  const has = (feature: bigint) => (features & feature) !== 0n;
  const size = options.queueSize ?? DEFAULT_QUEUE_SIZE;
  const maxDescriptors = options.maxDescriptors ?? DEFAULT_MAX_DESCRIPTORS;
  const packed = has(F_RING_PACKED);
  const ringOptions = {
    region: memory.region,
    regionGuestAddress: memory.guestAddress,
    offset: memory.reserve(ringBytes(size, packed)),
    size,
    packed,
    eventIndex: has(F_EVENT_IDX),
    inOrder: has(F_IN_ORDER),
    ...(has(F_INDIRECT_DESC) && {
      indirect: {
        offset: memory.reserve(indirectTableBytes(size, maxDescriptors)),
        maxDescriptors,
      },
    }),
  };
  const queue = new RequestQueue(
    link,
    index,
    () => createDriverQueue(ringOptions),
    has(F_NOTIFICATION_DATA),
  );
  await queue.start();
  return queue;
}
