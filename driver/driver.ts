/**
 * A virtio-crypto driver in TypeScript: attaches to a device through a link,
 * opens sessions and runs requests.
 *
 * ```ts
 * import { createDevice } from "../mod.ts";
 *
 * await using driver = await Driver.start(await createDevice());
 * await using cipher = await driver.cipher({
 *   algorithm: "aes-cbc",
 *   key: new Uint8Array(32),
 *   direction: "encrypt",
 * });
 * const iv = new Uint8Array(16);
 * const ciphertext = await cipher.run(new Uint8Array(64), iv);
 * if (ciphertext.length !== 64) throw new Error("wrong length");
 * ```
 *
 * @module
 */

import { algorithmByName, type Service } from "../algorithms/catalogue.ts";
import { showInstead } from "../algorithms/inspect.ts";
import {
  type AeadSession,
  type ChainSession,
  type CipherSession,
  copyDescription,
  type EcdsaSession,
  type HashSession,
  type MacSession,
  type RsaSession,
  type SessionDescription,
  wipeKeys,
} from "../algorithms/session_description.ts";
import {
  type ConfigSpace,
  decodeConfigSpace,
  STATUS_HW_READY,
} from "../device/wire/config_space.ts";
import {
  STATUS_DRIVER_OK,
  STATUS_SUSPEND,
} from "../device/wire/device_status.ts";
import { F_RING_RESET, F_SUSPEND } from "../device/wire/features.ts";
import { type Layout, type WireMode, wireMode } from "../device/wire/mode.ts";
import { Burst, type BurstOptions } from "./burst.ts";
import { Draft9Requests } from "./draft9_requests.ts";
import type { DeviceLink } from "./link.ts";
import { chooseFeatures, type FeatureOptions } from "./negotiation.ts";
import { type DriverQueues, type QueueOptions, startQueues } from "./queues.ts";
import type { RequestQueue } from "./request_queue.ts";
import { RequestRunner } from "./request_runner.ts";
import {
  Draft9SessionControl,
  type SessionControl,
  VirtioSessionControl,
} from "./session_control.ts";
import {
  Aead,
  Akcipher,
  Chain,
  Cipher,
  Hash,
  Mac,
  type Session,
  type SessionParts,
} from "./sessions.ts";
import { SharedMemory, type SplitBuffers } from "./shared_memory.ts";
import { VirtioRequests } from "./virtio_requests.ts";

export { OperationError } from "./operation_error.ts";

/** How a driver runs its device. */
export interface DriverOptions extends FeatureOptions, QueueOptions {
  /** Request layout. Default: `"virtio"`. */
  readonly layout?: Layout;
  /** Cuts every buffer of requests into pieces of these lengths. */
  readonly splitBuffers?: SplitBuffers;
  /**
   * Opens sessions by another road than the control queue. The device then has
   * neither control queue nor config space for this driver.
   */
  readonly sessionControl?: SessionControl;
}

/** How a session is used. */
export interface SessionOptions {
  /** Sends all parameters with each request; `stateless` must be negotiated. */
  readonly stateless?: boolean;
  /** Data queue of its requests. Default: the queues in turn. */
  readonly dataQueue?: number;
}

type Parameters<
  D extends SessionDescription,
  Optional extends keyof D = never,
> =
  & Omit<D, "service" | Optional>
  & Partial<Pick<D, Optional>>;

/** The session object of each service. */
type SessionOf<D extends SessionDescription> = D extends CipherSession ? Cipher
  : D extends ChainSession ? Chain
  : D extends HashSession ? Hash
  : D extends MacSession ? Mac
  : D extends AeadSession ? Aead
  : Akcipher;

/** What lies behind a driver; no part of the API. */
export interface DriverInside {
  readonly memory: SharedMemory;
  readonly dataQueues: readonly RequestQueue[];
  /** Absent where sessions come by another road. */
  readonly controlQueue: RequestQueue | undefined;
}

let insideOfDriver: (driver: Driver) => DriverInside;

/** For tests and this room, which `mod.ts` does not hand on. */
export const insideOf = (driver: Driver): DriverInside =>
  insideOfDriver(driver);

/** A running driver. */
export class Driver implements AsyncDisposable {
  /** Features in force. */
  readonly features: bigint;
  /** Layout of requests, and which services go without sessions. */
  readonly mode: WireMode;
  /** The device's transport, which is closed with the driver. */
  readonly link: DeviceLink;
  readonly #inside: DriverInside;
  readonly #runners: readonly RequestRunner[];
  readonly #control: SessionControl;
  readonly #config: ConfigSpace | undefined;
  /** Those that are open; their keys go with the driver. */
  readonly #sessions = new Set<Session>();
  #nextQueue = 0;
  #closed = false;

  private constructor(
    link: DeviceLink,
    features: bigint,
    mode: WireMode,
    memory: SharedMemory,
    queues: DriverQueues,
    options: DriverOptions,
    config: ConfigSpace | undefined,
  ) {
    this.link = link;
    this.features = features;
    this.mode = mode;
    this.#inside = {
      memory,
      dataQueues: queues.data,
      controlQueue: queues.control,
    };
    this.#config = config;
    // Not the memory, where the keys of stateless requests may lie.
    showInstead(this, () => ({
      state: this.#closed ? "closed" : "running",
      layout: mode.layout,
      features: `0x${features.toString(16)}`,
      dataQueues: this.dataQueueCount,
      sessions: this.#sessions.size,
    }), "Driver");
    const format = mode.layout === "draft-9"
      ? new Draft9Requests()
      : new VirtioRequests(mode);
    this.#runners = queues.data.map((queue) =>
      new RequestRunner(queue, memory, format)
    );
    this.#control = options.sessionControl ??
      (mode.layout === "draft-9"
        ? new Draft9SessionControl(queues.control!, memory)
        : new VirtioSessionControl(queues.control!, memory, mode));
  }

  /** Negotiates with the device behind `link` and sets up its queues. */
  static async start(
    link: DeviceLink,
    options: DriverOptions = {},
  ): Promise<Driver> {
    const features = chooseFeatures(link.offeredFeatures, options);
    await link.acceptFeatures(features);
    const layout = options.layout ?? "virtio";
    const config = options.sessionControl
      ? undefined
      : decodeConfigSpace(await link.readConfig(), layout);
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
    const mode = wireMode(layout, features);
    const parts = [link, features, mode, memory, queues] as const;
    const driver = new Driver(...parts, options, config);
    link.onDisconnect?.((reason) => driver.#abandon(reason));
    return driver;
  }

  static {
    insideOfDriver = (driver) => driver.#inside;
  }

  /** Data queues in use; a session's `dataQueue` is less. */
  get dataQueueCount(): number {
    return this.#runners.length;
  }

  /** The config space as it was at the start. */
  get config(): ConfigSpace {
    if (this.#config) return this.#config;
    throw new Error("The device shows this driver no config space");
  }

  /** Reads the config space again. */
  async readConfig(): Promise<ConfigSpace> {
    return decodeConfigSpace(await this.link.readConfig(), this.mode.layout);
  }

  /** Opens a session; rejects with an `OperationError` if the device refuses. */
  async createSession<D extends SessionDescription>(
    description: D,
    options: SessionOptions = {},
  ): Promise<SessionOf<D>> {
    const queue = options.dataQueue ?? this.#nextQueue++ % this.#runners.length;
    const runner = this.#runners[queue];
    if (!runner) throw new RangeError(`There is no data queue ${queue}`);
    const control = this.#control;
    // The caller may wipe or change its own as soon as this returns.
    const own = copyDescription(description);
    const parts = {
      description: own,
      runner,
      control,
      closed: (session: Session) => void this.#sessions.delete(session),
    };
    let sessionId: number | undefined;
    try {
      if (!options.stateless) sessionId = await control.create(own);
      // It may have been closed meanwhile.
      if (this.#closed) throw new Error("The driver is closed");
    } catch (error) {
      wipeKeys(own);
      throw error;
    }
    const session = makeSession({
      ...parts,
      ...(sessionId !== undefined && { sessionId }),
    });
    this.#sessions.add(session);
    return session as unknown as SessionOf<D>;
  }

  /** Opens a CIPHER session. */
  cipher(
    parameters: Parameters<CipherSession>,
    options?: SessionOptions,
  ): Promise<Cipher> {
    return this.createSession({ service: "cipher", ...parameters }, options);
  }

  /** Opens a session that chains a cipher and a hash or MAC. */
  chain(
    parameters: Parameters<ChainSession, "authKey" | "resultBytes">,
    options?: SessionOptions,
  ): Promise<Chain> {
    const hash = parameters.hashMode === "plain" ? "hash" : "mac";
    return this.createSession({
      service: "chain",
      authKey: new Uint8Array(0),
      resultBytes: fullResultBytes(hash, parameters.hashAlgorithm),
      ...parameters,
    }, options);
  }

  /** Opens a HASH session; the digest is whole unless `resultBytes` is given. */
  hash(
    parameters: Parameters<HashSession, "resultBytes">,
    options?: SessionOptions,
  ): Promise<Hash> {
    return this.createSession({
      service: "hash",
      resultBytes: fullResultBytes("hash", parameters.algorithm),
      ...parameters,
    }, options);
  }

  /** Opens a MAC session; the code is whole unless `resultBytes` is given. */
  mac(
    parameters: Parameters<MacSession, "resultBytes">,
    options?: SessionOptions,
  ): Promise<Mac> {
    return this.createSession({
      service: "mac",
      resultBytes: fullResultBytes("mac", parameters.algorithm),
      ...parameters,
    }, options);
  }

  /** Opens an AEAD session; the tag has 16 bytes unless `tagBytes` is given. */
  aead(
    parameters: Parameters<AeadSession, "tagBytes">,
    options?: SessionOptions,
  ): Promise<Aead> {
    return this.createSession(
      { service: "aead", tagBytes: 16, ...parameters },
      options,
    );
  }

  /** Opens an AKCIPHER session. */
  akcipher(
    parameters: Parameters<RsaSession> | Parameters<EcdsaSession>,
    options?: SessionOptions,
  ): Promise<Akcipher> {
    return this.createSession(
      { service: "akcipher", ...parameters } as RsaSession | EcdsaSession,
      options,
    );
  }

  /** Lays out memory for many requests of one session and size. */
  burst(session: Session, options: BurstOptions): Burst {
    return new Burst(session, options);
  }

  /** Resets one data queue, which fails what is under way on it. */
  async resetQueue(index: number): Promise<void> {
    const queue = this.#inside.dataQueues[index];
    if (!queue) throw new RangeError(`There is no data queue ${index}`);
    if ((this.features & F_RING_RESET) === 0n) {
      throw new Error("Cannot reset one queue: RING_RESET is not in force");
    }
    await queue.reset();
  }

  /**
   * Suspends the device (virtio 1.4 §3.4). What is under way comes to its end;
   * requests made from now on wait for `resume`. Sessions stay.
   */
  async suspend(): Promise<void> {
    if ((this.features & F_SUSPEND) === 0n || !this.link.suspend) {
      throw new Error("Cannot suspend the device: SUSPEND is not in force");
    }
    for (const queue of this.#queues()) queue.pause();
    const status = await this.link.suspend();
    if ((status & (STATUS_SUSPEND | STATUS_DRIVER_OK)) !== STATUS_SUSPEND) {
      throw new Error(
        `The device did not suspend: its status is 0x${status.toString(16)}`,
      );
    }
  }

  /** Lets a suspended device run again, and sends what has waited for it. */
  async resume(): Promise<void> {
    const status = await this.link.resume?.() ?? 0;
    if ((status & (STATUS_SUSPEND | STATUS_DRIVER_OK)) !== STATUS_DRIVER_OK) {
      throw new Error(
        `The device did not resume: its status is 0x${status.toString(16)}`,
      );
    }
    for (const queue of this.#queues()) queue.unpause();
  }

  *#queues(): Iterable<RequestQueue> {
    const { dataQueues, controlQueue } = this.#inside;
    yield* dataQueues;
    if (controlQueue) yield controlQueue;
  }

  /** Fails what is under way and closes the link. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#abandon(new Error("The driver is closed"));
    for (const { description } of this.#sessions) wipeKeys(description);
    this.#sessions.clear();
    await this.link.close();
  }

  /** Closes the driver. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #abandon(reason: Error): void {
    for (const queue of this.#queues()) queue.abandon(reason);
  }
}

function makeSession(parts: SessionParts<SessionDescription>): Session {
  const { description } = parts;
  switch (description.service) {
    case "cipher":
      return new Cipher({ ...parts, description });
    case "chain":
      return new Chain({ ...parts, description });
    case "hash":
      return new Hash({ ...parts, description });
    case "mac":
      return new Mac({ ...parts, description });
    case "aead":
      return new Aead({ ...parts, description });
    case "akcipher":
      return new Akcipher({ ...parts, description });
  }
}

function fullResultBytes(service: "hash" | "mac", name: string): number {
  const algorithm = algorithmByName(service as Service, name);
  if (algorithm && "digestBytes" in algorithm) return algorithm.digestBytes;
  throw new TypeError(`There is no ${service} algorithm "${name}"`);
}
