/**
 * The front-end half of vhost-user: a device in another process, reached over
 * its socket, with memory that both map and eventfds for notifications.
 *
 * @module
 */

import { showInstead } from "../algorithms/inspect.ts";
import { startOf } from "../device/ring/ring_start.ts";
import {
  STATUS_ACKNOWLEDGE,
  STATUS_DRIVER,
  STATUS_DRIVER_OK,
  STATUS_FEATURES_OK,
} from "../device/wire/device_status.ts";
import { type Libc, type Mapping, openLibc, regionAt } from "../ffi/libc.ts";
import { sealSize } from "../ffi/libc_seals.ts";
import type { Region } from "../memory/region.ts";
import {
  F_RING_PACKED,
  F_VHOST_USER_PROTOCOL_FEATURES,
} from "../device/wire/features.ts";
import { wrongType, wrongValue } from "./argument.ts";
import type { DeviceLink, QueueAddresses } from "./link.ts";
import { BackendChannel } from "./vhost_user/backend_channel.ts";
import { FrontEndConnection } from "./vhost_user/connection.ts";
import {
  decodeConfig,
  decodeU64,
  encodeConfigRequest,
  encodeMemoryTable,
  encodeU64,
  encodeVringAddresses,
  encodeVringState,
  PROTOCOL_FEATURE,
  REQUEST,
} from "./vhost_user/messages.ts";
import { ReactorShare } from "./vhost_user/program_reactor.ts";

/** How to attach to a vhost-user device. */
export interface VhostUserOptions {
  /** Shared memory for rings, requests and data, from 64 KiB on. */
  readonly memoryBytes: number;
  /** Length of the device's config space; 48 for the v9 draft. */
  readonly configBytes?: number;
  /** Protocol features to use where the device has them; default all known. */
  readonly protocolFeatures?: bigint;
}

const DEFAULT_CONFIG_BYTES = 56;
/** Rings take most of it. */
const MINIMUM_BYTES = 65536;
/** Above 4 GiB, as part of a large guest's memory is. */
const GUEST_ADDRESS = 0x1_0000_0000;

const KNOWN_PROTOCOL_FEATURES = Object.values(PROTOCOL_FEATURE)
  .reduce((all, one) => all | one, 0n);

const STATUS_ACKNOWLEDGE_DRIVER = STATUS_ACKNOWLEDGE | STATUS_DRIVER;

/** The two eventfds of a queue. */
interface QueueDescriptors {
  readonly kick: number;
  readonly call: number;
}

/**
 * Attaches to the vhost-user device that listens at `socketPath`.
 *
 * @throws {TypeError | RangeError} for a wrong argument
 * @throws {Error} where nobody listens there
 */
export async function connectVhostUser(
  socketPath: string,
  options: VhostUserOptions,
): Promise<VhostUserLink> {
  const own = { ...options };
  checkOptions(socketPath, own);
  return await VhostUserLink.connect(socketPath, own);
}

function checkOptions(socketPath: string, options: VhostUserOptions): void {
  const doing = "connect to a vhost-user device";
  if (typeof socketPath !== "string") {
    throw wrongType(doing, "socketPath", socketPath, "a path");
  }
  const { memoryBytes, configBytes = DEFAULT_CONFIG_BYTES } = options;
  if (!Number.isSafeInteger(memoryBytes) || memoryBytes < MINIMUM_BYTES) {
    const expected = `a whole number from ${MINIMUM_BYTES} on`;
    throw wrongValue(doing, "memoryBytes", memoryBytes, expected);
  }
  if (!Number.isSafeInteger(configBytes) || configBytes < 1) {
    const expected = "a whole number from 1 on";
    throw wrongValue(doing, "configBytes", configBytes, expected);
  }
}

/** A vhost-user device as the driver sees it. */
export class VhostUserLink implements DeviceLink {
  /** Guest address of the first byte of `memory`. */
  readonly memoryGuestAddress: number = GUEST_ADDRESS;
  offeredFeatures = 0n;
  readonly #libc: Libc;
  readonly #connection: FrontEndConnection;
  readonly #options: VhostUserOptions;
  readonly #share: ReactorShare;
  readonly #queues = new Map<number, QueueDescriptors>();
  readonly #started = new Set<number>();
  readonly #notified = new Map<number, () => void>();
  #memory: Region | undefined;
  #memoryFd = -1;
  #mapping: Mapping | undefined;
  #channel: BackendChannel | undefined;
  #configChanged: () => void = () => {};
  #gone: (reason: string) => void = () => {};
  /** Bit 30, where the device offers it: it goes back with every choice. */
  #protocolBit = 0n;
  #acceptedFeatures = 0n;
  #status = 0;
  #closed = false;

  private constructor(
    libc: Libc,
    share: ReactorShare,
    connection: FrontEndConnection,
    options: VhostUserOptions,
  ) {
    this.#libc = libc;
    this.#share = share;
    this.#connection = connection;
    this.#options = options;
    connection.onLost = (reason) => this.#gone(reason);
    showInstead(this, () => ({
      socketPath: connection.path,
      state: this.#closed ? "closed" : connection.lost ?? "connected",
      offeredFeatures: `0x${this.offeredFeatures.toString(16)}`,
    }), "VhostUserLink");
  }

  /** What {@linkcode connectVhostUser} calls. */
  static async connect(
    socketPath: string,
    options: VhostUserOptions,
  ): Promise<VhostUserLink> {
    const own = { ...options };
    const libc = openLibc();
    const share = new ReactorShare(libc);
    let link: VhostUserLink | undefined;
    try {
      const connection = FrontEndConnection.open(
        libc,
        share.reactor,
        socketPath,
      );
      link = new VhostUserLink(libc, share, connection, own);
      await link.#open();
      return link;
    } catch (error) {
      await (link ?? share).close();
      throw error;
    }
  }

  get memory(): Region {
    if (this.#memory) return this.#memory;
    throw new Error("The vhost-user device is closed");
  }

  /** Protocol features in force on the connection. */
  get protocolFeatures(): bigint {
    return this.#connection.protocolFeatures;
  }

  /** Maps the memory and shakes hands. */
  async #open(): Promise<void> {
    this.#mapMemory();
    const connection = this.#connection;
    const features = decodeU64(await connection.ask(REQUEST.GET_FEATURES));
    this.offeredFeatures = features & ~F_VHOST_USER_PROTOCOL_FEATURES;
    this.#protocolBit = features & F_VHOST_USER_PROTOCOL_FEATURES;
    if (this.#protocolBit !== 0n) {
      const offered = decodeU64(
        await connection.ask(REQUEST.GET_PROTOCOL_FEATURES),
      );
      const accepted = offered & KNOWN_PROTOCOL_FEATURES &
        (this.#options.protocolFeatures ?? KNOWN_PROTOCOL_FEATURES);
      await connection.tell(
        REQUEST.SET_PROTOCOL_FEATURES,
        encodeU64(accepted),
      );
      connection.protocolFeatures = accepted;
    }
    await connection.tell(REQUEST.SET_OWNER, new Uint8Array(0));
    if (connection.has(PROTOCOL_FEATURE.BACKEND_REQ)) {
      await this.#openBackendChannel();
    }
  }

  /** Number of queues that the device has, the control queue included. */
  async queueCount(): Promise<number> {
    const answer = await this.#connection.ask(REQUEST.GET_QUEUE_NUM);
    return Number(decodeU64(answer));
  }

  async acceptFeatures(features: bigint): Promise<void> {
    this.#acceptedFeatures = features;
    await this.#setStatus(STATUS_ACKNOWLEDGE_DRIVER);
    await this.#connection.tell(
      REQUEST.SET_FEATURES,
      encodeU64(features | this.#protocolBit),
    );
    await this.#setStatus(STATUS_ACKNOWLEDGE_DRIVER | STATUS_FEATURES_OK);
    if (this.#connection.has(PROTOCOL_FEATURE.STATUS)) {
      const status = decodeU64(await this.#connection.ask(REQUEST.GET_STATUS));
      if ((Number(status) & STATUS_FEATURES_OK) === 0) {
        throw new Error(
          `The device refused features 0x${features.toString(16)}`,
        );
      }
    }
    await this.#connection.tell(
      REQUEST.SET_MEM_TABLE,
      encodeMemoryTable(
        GUEST_ADDRESS,
        this.memory.lengthBytes,
        this.memory.address,
      ),
      [this.#memoryFd],
    );
  }

  async readConfig(): Promise<Uint8Array> {
    const lengthBytes = this.#options.configBytes ?? DEFAULT_CONFIG_BYTES;
    const config = decodeConfig(
      await this.#connection.ask(
        REQUEST.GET_CONFIG,
        encodeConfigRequest(lengthBytes),
      ),
    );
    if (config?.length === lengthBytes) return config;
    throw new Error(
      `The device has no config space of ${lengthBytes} bytes`,
    );
  }

  async startQueue(index: number, addresses: QueueAddresses): Promise<void> {
    const connection = this.#connection;
    const { kick, call } = this.#descriptorsOf(index);
    const packed = (this.#acceptedFeatures & F_RING_PACKED) !== 0n;
    const vring = new Uint8Array([index, 0, 0, 0, 0, 0, 0, 0]);
    await connection.tell(
      REQUEST.SET_VRING_NUM,
      encodeVringState(index, addresses.size),
    );
    await connection.tell(
      REQUEST.SET_VRING_BASE,
      encodeVringState(index, startOf(packed)),
    );
    await connection.tell(
      REQUEST.SET_VRING_ADDR,
      encodeVringAddresses(index, {
        descriptorAddress: this.#toUserAddress(addresses.descriptorAddress),
        usedAddress: this.#toUserAddress(addresses.usedAddress),
        availableAddress: this.#toUserAddress(addresses.availableAddress),
      }),
    );
    await connection.tell(REQUEST.SET_VRING_CALL, vring, [call]);
    await connection.tell(REQUEST.SET_VRING_KICK, vring, [kick]);
    if (this.#protocolBit !== 0n) {
      await connection.tell(
        REQUEST.SET_VRING_ENABLE,
        encodeVringState(index, 1),
      );
    }
    this.#started.add(index);
    await this.#setStatus(
      STATUS_ACKNOWLEDGE_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK,
    );
  }

  kick(index: number): void {
    const queue = this.#queues.get(index);
    if (queue) this.#libc.signal(queue.kick);
  }

  onNotification(index: number, notified: () => void): void {
    this.#notified.set(index, notified);
  }

  onConfigChange(changed: () => void): void {
    this.#configChanged = changed;
  }

  onDisconnect(gone: (reason: string) => void): void {
    this.#gone = gone;
    const { lost } = this.#connection;
    if (lost !== undefined) gone(lost);
  }

  /** Attaches anew to the device at the same socket. */
  reconnect(): Promise<VhostUserLink> {
    return connectVhostUser(this.#connection.path, this.#options);
  }

  /** Device status as the device tells it; undefined where it does not. */
  async readStatus(): Promise<number | undefined> {
    if (!this.#connection.has(PROTOCOL_FEATURE.STATUS)) return undefined;
    return Number(decodeU64(await this.#connection.ask(REQUEST.GET_STATUS)));
  }

  async resetQueue(index: number): Promise<void> {
    await this.#stopQueue(index);
    this.#started.delete(index);
  }

  async reset(): Promise<void> {
    for (const index of this.#started) await this.#stopQueue(index);
    this.#started.clear();
    if (this.#connection.has(PROTOCOL_FEATURE.RESET_DEVICE)) {
      await this.#connection.tell(REQUEST.RESET_DEVICE, new Uint8Array(0));
    }
    await this.#setStatus(0);
  }

  /** Sends CREATE_CRYPTO_SESSION with `payload` and returns the answer's. */
  createCryptoSession(payload: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    return this.#connection.ask(REQUEST.CREATE_CRYPTO_SESSION, payload);
  }

  /** Sends CLOSE_CRYPTO_SESSION. */
  closeCryptoSession(sessionId: number): Promise<void> {
    return this.#connection.tell(
      REQUEST.CLOSE_CRYPTO_SESSION,
      encodeU64(BigInt(sessionId)),
    );
  }

  /** Hangs up; views of `memory` are empty from then on. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
    this.#channel?.close();
    for (const { kick, call } of this.#queues.values()) {
      this.#share.reactor.unwatch(call);
      this.#libc.close(kick);
      this.#libc.close(call);
    }
    if (this.#memory) {
      // Detaches every view, so that a late access finds nothing to read.
      this.#memory.bytes.buffer.transfer();
      this.#memory = undefined;
    }
    if (this.#mapping) this.#libc.unmap(this.#mapping);
    if (this.#memoryFd >= 0) this.#libc.close(this.#memoryFd);
    await this.#share.close();
  }

  #mapMemory(): void {
    const { memoryBytes } = this.#options;
    this.#memoryFd = this.#libc.memfdCreate("vhost-user-memory", memoryBytes);
    if (this.#memoryFd < 0) this.#fail("make shared memory", this.#memoryFd);
    // A device may refuse what could become shorter while it uses it.
    sealSize(this.#libc, this.#memoryFd);
    const mapping = this.#libc.map(this.#memoryFd, 0, memoryBytes);
    if (typeof mapping === "number") {
      return this.#fail("map shared memory", mapping);
    }
    this.#mapping = mapping;
    this.#memory = regionAt(mapping.address, memoryBytes);
  }

  async #openBackendChannel(): Promise<void> {
    const channel = new BackendChannel(
      this.#libc,
      this.#share.reactor,
      () => this.#configChanged(),
    );
    this.#channel = channel;
    try {
      await this.#connection.tell(
        REQUEST.SET_BACKEND_REQ_FD,
        new Uint8Array(0),
        [channel.deviceFd],
      );
    } finally {
      channel.handOver();
    }
  }

  #descriptorsOf(index: number): QueueDescriptors {
    const known = this.#queues.get(index);
    if (known) return known;
    const kick = this.#libc.eventfd();
    if (kick < 0) this.#fail("make an eventfd", kick);
    const call = this.#libc.eventfd();
    if (call < 0) {
      this.#libc.close(kick);
      this.#fail("make an eventfd", call);
    }
    const made = { kick, call };
    this.#queues.set(index, made);
    const watched = this.#share.reactor.watch(call, () => {
      this.#libc.clear(call);
      this.#notified.get(index)?.();
    });
    if (watched < 0) this.#fail("wait for a queue", watched);
    return made;
  }

  async #stopQueue(index: number): Promise<void> {
    if (this.#protocolBit !== 0n) {
      await this.#connection.tell(
        REQUEST.SET_VRING_ENABLE,
        encodeVringState(index, 0),
      );
    }
    await this.#connection.ask(
      REQUEST.GET_VRING_BASE,
      encodeVringState(index, 0),
    );
  }

  async #setStatus(status: number): Promise<void> {
    if (!this.#connection.has(PROTOCOL_FEATURE.STATUS)) return;
    if (this.#status === status) return;
    this.#status = status;
    await this.#connection.tell(REQUEST.SET_STATUS, encodeU64(BigInt(status)));
  }

  #toUserAddress(guestAddress: number): number {
    return guestAddress - GUEST_ADDRESS + this.memory.address;
  }

  #fail(what: string, result: number): never {
    throw new Error(`Cannot ${what}: ${this.#libc.describe(result)}`);
  }
}
