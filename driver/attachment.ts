/**
 * A driver's hold on one device, from negotiation until one of the two is gone.
 *
 * @module
 */

import {
  type ConfigSpace,
  decodeConfigSpace,
  STATUS_HW_READY,
} from "../device/wire/config_space.ts";
import { type WireMode, wireMode } from "../device/wire/mode.ts";
import { DeviceLostError } from "./device_lost_error.ts";
import { Draft9Requests } from "./draft9_requests.ts";
import type { DriverOptions } from "./driver_options.ts";
import { Ipsec } from "./ipsec.ts";
import type { DeviceLink } from "./link.ts";
import { chooseFeatures } from "./negotiation.ts";
import { type DriverQueues, startQueues } from "./queues.ts";
import type { RequestQueue } from "./request_queue.ts";
import { RequestRunner } from "./request_runner.ts";
import {
  Draft9SessionControl,
  type SessionControl,
  VirtioSessionControl,
} from "./session_control.ts";
import { SharedMemory } from "./shared_memory.ts";
import { VirtioRequests } from "./virtio_requests.ts";

/** A device with its queues. */
export class Attachment {
  readonly link: DeviceLink;
  /** Features in force. */
  readonly features: bigint;
  readonly mode: WireMode;
  /** As it was at the start; absent where sessions come by another road. */
  readonly config: ConfigSpace | undefined;
  readonly memory: SharedMemory;
  readonly dataQueues: readonly RequestQueue[];
  /** Absent where sessions come by another road. */
  readonly controlQueue: RequestQueue | undefined;
  /** Only with the option `ipsec`. */
  readonly administrationQueue: RequestQueue | undefined;
  readonly control: SessionControl;
  /** By data queue. */
  readonly runners: readonly RequestRunner[];
  #ipsec: Promise<Ipsec> | undefined;
  #gone: Error | undefined;

  private constructor(
    link: DeviceLink,
    features: bigint,
    config: ConfigSpace | undefined,
    memory: SharedMemory,
    queues: DriverQueues,
    options: DriverOptions,
  ) {
    const mode = wireMode(options.layout ?? "virtio", features);
    this.link = link;
    this.features = features;
    this.mode = mode;
    this.config = config;
    this.memory = memory;
    this.dataQueues = queues.data;
    this.controlQueue = queues.control;
    this.administrationQueue = queues.administration;
    const isDraft = mode.layout === "draft-9";
    this.control = options.sessionControl ??
      (isDraft
        ? new Draft9SessionControl(queues.control!, memory)
        : new VirtioSessionControl(queues.control!, memory, mode));
    const format = isDraft ? new Draft9Requests() : new VirtioRequests(mode);
    this.runners = queues.data.map((queue) =>
      new RequestRunner(queue, memory, format)
    );
  }

  /** Negotiates with the device behind `link` and sets up its queues. */
  static async start(
    link: DeviceLink,
    options: DriverOptions,
  ): Promise<Attachment> {
    const features = chooseFeatures(link.offeredFeatures, options);
    await link.acceptFeatures(features);
    const config = options.sessionControl
      ? undefined
      : decodeConfigSpace(await link.readConfig(), options.layout ?? "virtio");
    // The driver must not send requests before that (virtio 1.4 §5.9.5.2).
    if (config && (config.status & STATUS_HW_READY) === 0) {
      throw new Error("Cannot start: the device is not ready");
    }
    const memory = new SharedMemory(
      link.memory,
      link.memoryGuestAddress,
      options.splitBuffers,
    );
    const queues = await startQueues(link, features, memory, config, options);
    const parts = [link, features, config, memory, queues, options] as const;
    const attachment = new Attachment(...parts);
    link.onDisconnect?.((reason) =>
      attachment.end(new DeviceLostError(reason))
    );
    return attachment;
  }

  /** The IPSEC service, agreed on with the device at first use. */
  async ipsec(): Promise<Ipsec> {
    const { administrationQueue, dataQueues, memory, mode } = this;
    if (!administrationQueue) {
      throw new Error(
        "Cannot use IPSEC: the driver was started without the option ipsec",
      );
    }
    this.#ipsec ??= Ipsec.start(administrationQueue, dataQueues, memory, mode);
    return await this.#ipsec;
  }

  /** Why the device is no longer used, once it is not. */
  get gone(): Error | undefined {
    return this.#gone;
  }

  /** Fails what is under way, and all that comes. */
  end(reason: Error): void {
    this.#gone ??= reason;
    for (const queue of this.queues()) queue.abandon(this.#gone);
  }

  /** The data queues, and the other ones where there are any. */
  *queues(): Iterable<RequestQueue> {
    yield* this.dataQueues;
    if (this.controlQueue) yield this.controlQueue;
    if (this.administrationQueue) yield this.administrationQueue;
  }
}
