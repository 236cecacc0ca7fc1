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

import { showInstead } from "../algorithms/inspect.ts";
import {
  copyDescription,
  hideKeys,
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
import { wrongValue } from "./argument.ts";
import { Attachment } from "./attachment.ts";
import { Burst, type BurstOptions } from "./burst.ts";
import {
  describeAead,
  describeAkcipher,
  describeChain,
  describeCipher,
  describeHash,
  describeMac,
  describeSession,
} from "./describe_session.ts";
import type { DriverOptions, SessionOptions } from "./driver_options.ts";
import { type AssociationOf, prepareAssociation } from "./ipsec.ts";
import type { DeviceLink } from "./link.ts";
import { makeSession, type SessionOf } from "./make_session.ts";
import type {
  AeadParameters,
  ChainParameters,
  CipherParameters,
  EcdsaParameters,
  HashParameters,
  MacParameters,
  RsaParameters,
} from "./parameters.ts";
import { moveTo, placeOf, type Session, type SessionPlace } from "./session.ts";
import { checkSession } from "./session_check.ts";
import { checkStateless, openPlace, rulesFor } from "./session_place.ts";
import type { Aead, Akcipher, Chain, Cipher, Hash, Mac } from "./sessions.ts";

export type { DriverOptions, SessionOptions } from "./driver_options.ts";
export { OperationError } from "./operation_error.ts";

let attachmentOf: (driver: Driver) => Attachment;

/** What lies behind a driver, for tests and this room; no part of the API. */
export const insideOf = (driver: Driver): Attachment => attachmentOf(driver);

/**
 * Opens a session that sends what it is told, right or wrong, for tests of
 * devices; no part of the API.
 */
export let openUnchecked: <D extends SessionDescription>(
  driver: Driver,
  description: D,
  options?: SessionOptions,
) => Promise<SessionOf<D>>;

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
    openUnchecked = (driver, description, options) => {
      const own = { ...copyDescription(description) as typeof description };
      return driver.#open(own, options, false);
    };
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

  /**
   * Opens a session from a description: plain data, for example of a file or of
   * another program. The methods below say what it may be.
   */
  createSession<D extends SessionDescription>(
    description: D,
    options?: SessionOptions,
  ): Promise<SessionOf<D>> {
    const opened = this.#open(describeSession(description), options);
    return opened as unknown as Promise<SessionOf<D>>;
  }

  /**
   * Opens a CIPHER session.
   *
   * @throws {TypeError | RangeError} for a wrong parameter, or what the device
   * does not offer, before it is asked
   * @throws {OperationError} if the device refuses
   */
  cipher(
    parameters: CipherParameters,
    options?: SessionOptions,
  ): Promise<Cipher> {
    return this.#open(describeCipher(parameters), options);
  }

  /** Opens a session that chains a cipher and a hash or MAC; see `cipher`. */
  chain(
    parameters: ChainParameters,
    options?: SessionOptions,
  ): Promise<Chain> {
    return this.#open(describeChain(parameters), options);
  }

  /** Opens a HASH session; see `cipher`. */
  async hash(
    parameters: HashParameters,
    options?: SessionOptions,
  ): Promise<Hash> {
    return await this.#open(describeHash(parameters), options);
  }

  /** Opens a MAC session; see `cipher`. */
  mac(parameters: MacParameters, options?: SessionOptions): Promise<Mac> {
    return this.#open(describeMac(parameters), options);
  }

  /** Opens an AEAD session; see `cipher`. */
  aead(parameters: AeadParameters, options?: SessionOptions): Promise<Aead> {
    return this.#open(describeAead(parameters), options);
  }

  /** Opens an AKCIPHER session; see `cipher`. */
  akcipher(
    parameters: RsaParameters | EcdsaParameters,
    options?: SessionOptions,
  ): Promise<Akcipher> {
    return this.#open(describeAkcipher(parameters), options);
  }

  /** Opens a session whose description, with its keys, is the driver's own. */
  async #open<D extends SessionDescription>(
    described: D | Promise<D>,
    options: SessionOptions = {},
    isChecked = true,
  ): Promise<SessionOf<D>> {
    const { stateless = false, dataQueue } = options;
    const own = hideKeys(await described);
    try {
      const attachment = this.#attachment;
      if (attachment.gone) throw attachment.gone;
      if (isChecked) {
        checkSession(own, attachment.config);
        checkStateless(own, stateless, attachment.mode);
      }
      const queue = this.#queueFor(dataQueue);
      const place = await this.#placeOn(attachment, own, queue, stateless);
      if (attachment.gone) throw attachment.gone;
      const session = makeSession({
        description: own,
        place,
        ...(isChecked && rulesFor(own, stateless, attachment.config)),
        closed: (session) => void this.#sessions.delete(session),
      });
      this.#sessions.add(session);
      return session as unknown as SessionOf<D>;
    } catch (error) {
      wipeKeys(own);
      throw error;
    }
  }

  #queueFor(dataQueue: number | undefined): number {
    const count = this.dataQueueCount;
    if (dataQueue === undefined) return this.#nextQueue++ % count;
    if (Number.isInteger(dataQueue) && dataQueue >= 0 && dataQueue < count) {
      return dataQueue;
    }
    const expected = count === 1 ? "0" : `0 to ${count - 1}`;
    throw wrongValue("open a session", "dataQueue", dataQueue, expected);
  }

  #placeOn(
    attachment: Attachment,
    description: SessionDescription,
    dataQueue: number,
    isStateless: boolean,
  ): Promise<SessionPlace> {
    const others = this.#sessions.size;
    return openPlace(attachment, description, dataQueue, isStateless, others);
  }

  /**
   * Creates a security association of the IPSEC service; the driver has to be
   * started with the option `ipsec`.
   */
  async ipsec<P extends AssociationParameters>(
    parameters: P,
  ): Promise<AssociationOf<P>> {
    const prepared = prepareAssociation(parameters);
    try {
      const ipsec = await this.#attachment.ipsec();
      return await ipsec.create(prepared) as AssociationOf<P>;
    } finally {
      prepared.object.fill(0);
    }
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
   * They go on as they were; bursts and security associations do not, and
   * nothing that was lost is sent again. If it rejects, the device is lost as before, and one may try again.
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
      const place = await this.#placeOn(
        attachment,
        description,
        queue,
        isStateless,
      );
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
