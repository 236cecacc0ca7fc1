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
} from "../device/wire/config_space.ts";
import {
  STATUS_DRIVER_OK,
  STATUS_SUSPEND,
} from "../device/wire/device_status.ts";
import { F_RING_RESET, F_SUSPEND } from "../device/wire/features.ts";
import type { WireMode } from "../device/wire/mode.ts";
import type { AssociationParameters } from "./association_parameters.ts";
import { Attachment } from "./attachment.ts";
import { Burst, type BurstOptions } from "./burst.ts";
import type { DriverOptions, SessionOptions } from "./driver_options.ts";
import type { AssociationOf } from "./ipsec.ts";
import type { DeviceLink } from "./link.ts";
import { makeSession, type SessionOf } from "./make_session.ts";
import {
  type Aead,
  type Akcipher,
  type Chain,
  type Cipher,
  type Hash,
  type Mac,
  moveTo,
  placeOf,
  type Session,
  type SessionPlace,
} from "./sessions.ts";

export type { DriverOptions, SessionOptions } from "./driver_options.ts";
export { OperationError } from "./operation_error.ts";

type Parameters<
  D extends SessionDescription,
  Optional extends keyof D = never,
> =
  & Omit<D, "service" | Optional>
  & Partial<Pick<D, Optional>>;

let attachmentOf: (driver: Driver) => Attachment;

/** What lies behind a driver, for tests and this room; no part of the API. */
export const insideOf = (driver: Driver): Attachment => attachmentOf(driver);

/**
 * A running driver. When its device dies, calls that are under way and all later
 * ones reject with a `DeviceLostError`; closing sessions and the driver does not.
 */
export class Driver implements AsyncDisposable {
  #attachment: Attachment;
  readonly #options: DriverOptions;
  /** Those that are open; their keys go with the driver. */
  readonly #sessions = new Set<Session>();
  #nextQueue = 0;
  #closed = false;
  #reconnecting: Promise<void> | undefined;

  private constructor(attachment: Attachment, options: DriverOptions) {
    this.#attachment = attachment;
    this.#options = options;
    // Not the memory, where the keys of stateless requests may lie.
    showInstead(this, () => ({
      state: this.#closed
        ? "closed"
        : this.#attachment.gone?.message ?? "running",
      layout: this.mode.layout,
      features: `0x${this.features.toString(16)}`,
      dataQueues: this.dataQueueCount,
      sessions: this.#sessions.size,
    }), "Driver");
  }

  /** Negotiates with the device behind `link` and sets up its queues. */
  static async start(
    link: DeviceLink,
    options: DriverOptions = {},
  ): Promise<Driver> {
    const own = { ...options };
    return new Driver(await Attachment.start(link, own), own);
  }

  static {
    attachmentOf = (driver) => driver.#attachment;
  }

  /** Features in force. */
  get features(): bigint {
    return this.#attachment.features;
  }

  /** Layout of requests, and which services go without sessions. */
  get mode(): WireMode {
    return this.#attachment.mode;
  }

  /** The device's transport, which is closed with the driver. */
  get link(): DeviceLink {
    return this.#attachment.link;
  }

  /** Data queues in use; a session's `dataQueue` is less. */
  get dataQueueCount(): number {
    return this.#attachment.dataQueues.length;
  }

  /** The config space as it was at the start. */
  get config(): ConfigSpace {
    const { config } = this.#attachment;
    if (config) return config;
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
    const attachment = this.#attachment;
    const queue = options.dataQueue ?? this.#nextQueue++ % this.dataQueueCount;
    if (!attachment.runners[queue]) {
      throw new RangeError(`There is no data queue ${queue}`);
    }
    // The caller may wipe or change its own as soon as this returns.
    const own = copyDescription(description);
    let place: SessionPlace;
    try {
      place = await openOn(attachment, own, queue, options.stateless ?? false);
      if (attachment.gone) throw attachment.gone;
    } catch (error) {
      wipeKeys(own);
      throw error;
    }
    const session = makeSession({
      description: own,
      place,
      closed: (session) => void this.#sessions.delete(session),
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

  /**
   * Creates a security association of the IPSEC service; the driver has to be
   * started with the option `ipsec`.
   */
  async ipsec<P extends AssociationParameters>(
    parameters: P,
  ): Promise<AssociationOf<P>> {
    return (await this.#attachment.ipsec()).create(parameters);
  }

  /** Lays out memory for many requests of one session and size. */
  burst(session: Session, options: BurstOptions): Burst {
    return new Burst(session, options);
  }

  /** Resets one data queue, which fails what is under way on it. */
  async resetQueue(index: number): Promise<void> {
    const queue = this.#attachment.dataQueues[index];
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
    for (const queue of this.#attachment.queues()) queue.pause();
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
    for (const queue of this.#attachment.queues()) queue.unpause();
  }

  /**
   * After a `DeviceLostError`: attaches to the device anew, at the same socket
   * and with the same options, and opens the sessions that are open on it again.
   * They go on as they were; bursts do not, and nothing that was lost is sent
   * again. If it rejects, the device is lost as before, and one may try again.
   */
  reconnect(): Promise<void> {
    this.#reconnecting ??= this.#reconnect()
      .finally(() => this.#reconnecting = undefined);
    return this.#reconnecting;
  }

  async #reconnect(): Promise<void> {
    const { gone, link } = this.#attachment;
    if (this.#closed) throw new Error("Cannot reconnect: the driver is closed");
    if (!gone) throw new Error("Cannot reconnect: the device is not lost");
    if (!link.reconnect || this.#options.sessionControl) {
      throw new Error(
        link.reconnect
          ? "Cannot reconnect: the driver's `sessionControl` is of the old link"
          : "Cannot reconnect: a device of this kind does not come again",
      );
    }
    await link.close();
    const next = await link.reconnect();
    try {
      await this.#moveTo(await Attachment.start(next, this.#options));
    } catch (error) {
      await next.close();
      throw error;
    }
  }

  /** All sessions are opened on `attachment`, or none has changed. */
  async #moveTo(attachment: Attachment): Promise<void> {
    const places = new Map<Session, SessionPlace>();
    for (const session of this.#sessions) {
      if (!session.isOpen) continue;
      const { description, id } = session;
      const { dataQueue } = placeOf(session);
      const queue = dataQueue % attachment.dataQueues.length;
      const isStateless = id === undefined;
      const place = await openOn(attachment, description, queue, isStateless);
      places.set(session, place);
    }
    if (this.#closed) throw new Error("The driver is closed");
    if (attachment.gone) throw attachment.gone;
    for (const [session, place] of places) moveTo(session, place);
    this.#attachment = attachment;
  }

  /** Fails what is under way and closes the link; a device that is lost, too. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#attachment.end(new Error("The driver is closed"));
    for (const { description } of this.#sessions) wipeKeys(description);
    this.#sessions.clear();
    await this.link.close();
  }

  /** Closes the driver. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Opens a session on the device, or only says how stateless requests go there. */
async function openOn(
  attachment: Attachment,
  description: SessionDescription,
  dataQueue: number,
  isStateless: boolean,
): Promise<SessionPlace> {
  const { control, runners } = attachment;
  const place = {
    dataQueue,
    runner: runners[dataQueue]!,
    control,
    isGone: () => attachment.gone !== undefined,
  };
  if (isStateless) return place;
  return { ...place, sessionId: await control.create(description) };
}

function fullResultBytes(service: "hash" | "mac", name: string): number {
  const algorithm = algorithmByName(service as Service, name);
  if (algorithm && "digestBytes" in algorithm) return algorithm.digestBytes;
  throw new TypeError(`There is no ${service} algorithm "${name}"`);
}
