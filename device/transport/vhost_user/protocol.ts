/**
 * What each message of a front-end does.
 *
 * @module
 */

import type { Libc } from "../../../ffi/libc.ts";
import type { Device } from "../../device.ts";
import {
  F_VERSION_1,
  F_VHOST_USER_PROTOCOL_FEATURES,
} from "../../wire/features.ts";
import type { SessionLayout } from "../../wire/session_message.ts";
import { Connection } from "./connection.ts";
import type { Guest } from "./guest.ts";
import { memoryHandlers } from "./memory_messages.ts";
import { handleMessage, type MessageHandlers } from "./message_handlers.ts";
import {
  BackendRequest,
  CONFIG_HEADER_BYTES,
  MAX_CONFIG_BYTES,
  type Message,
  OFFERED_PROTOCOL_FEATURES,
  PROTOCOL_F_BACKEND_REQ,
  PROTOCOL_F_STATUS,
} from "./messages.ts";
import { type Outcome, Refused } from "./outcome.ts";
import { decodeConfigHeader, encodeBits, encodeUint64 } from "./payloads.ts";
import { RingMessages } from "./ring_messages.ts";
import { SessionMessages } from "./session_messages.ts";

const STATUS_FEATURES_OK = 0x8;
const EMPTY = new Uint8Array();

/** Handles the messages of one front-end. */
export class Protocol {
  readonly #libc: Libc;
  readonly #device: Device;
  readonly #guest: Guest;
  readonly #handlers: MessageHandlers;
  #featuresAccepted = false;
  #backendRequests: Connection | undefined;

  constructor(
    libc: Libc,
    device: Device,
    guest: Guest,
    sessionLayout: SessionLayout | undefined,
  ) {
    this.#libc = libc;
    this.#device = device;
    this.#guest = guest;
    this.#handlers = {
      ...this.#ownHandlers(),
      ...memoryHandlers(guest),
      ...new RingMessages(libc, guest).handlers,
      ...new SessionMessages(device, sessionLayout).handlers,
    };
  }

  /** Carries out one message; descriptors that it leaves are not needed. */
  handle(message: Message): Outcome | Promise<Outcome> {
    return handleMessage(
      this.#handlers,
      message,
      this.#guest.protocolFeatures,
    );
  }

  /** Tells the front-end of a new config space; returns what went wrong. */
  announceConfigChange(): string | undefined {
    const { generic, protocolFeatures } = this.#guest;
    if (!generic || (protocolFeatures & PROTOCOL_F_BACKEND_REQ) === 0n) {
      return undefined;
    }
    return this.#backendRequests?.request(BackendRequest.ConfigChange, EMPTY);
  }

  /** Closes what the messages have left open. */
  close(): void {
    this.#backendRequests?.close();
    this.#backendRequests = undefined;
  }

  #ownHandlers() {
    return {
      GetFeatures: () =>
        encodeBits(
          this.#device.offeredFeatures | F_VHOST_USER_PROTOCOL_FEATURES,
        ),
      SetFeatures: (message) => this.#setFeatures(message),
      GetProtocolFeatures: () => encodeBits(OFFERED_PROTOCOL_FEATURES),
      SetProtocolFeatures: (message) => this.#setProtocolFeatures(message),
      SetOwner: () => undefined,
      ResetOwner: () => this.#resetOwner(),
      // Without LOG_SHMFD there is nothing to log into.
      SetLogBase: () => undefined,
      SetLogFd: () => undefined,
      ResetDevice: () => this.#reset(),
      SetStatus: (message) => this.#setStatus(message),
      GetStatus: () => encodeUint64(this.#guest.status),
      GetConfig: (message) => this.#getConfig(message),
      SetConfig: () => new Refused("the config space is read-only", false),
      SetBackendReqFd: (message) => this.#setBackendRequests(message),
    } satisfies Partial<MessageHandlers>;
  }

  #setFeatures({ view }: Message): Outcome {
    const features = view.getBigUint64(0, true);
    const offered = this.#device.offeredFeatures |
      F_VHOST_USER_PROTOCOL_FEATURES;
    if ((features & ~offered) !== 0n) {
      return new Refused(`features 0x${features.toString(16)} not offered`);
    }
    const guest = this.#guest;
    guest.features = features;
    this.#featuresAccepted = this.#accept(
      features & ~F_VHOST_USER_PROTOCOL_FEATURES,
    );
    // With STATUS the front-end sees it from FEATURES_OK.
    const told = (guest.protocolFeatures & PROTOCOL_F_STATUS) !== 0n;
    return this.#featuresAccepted || told
      ? undefined
      : new Refused(`features 0x${features.toString(16)} are not acceptable`);
  }

  /**
   * QEMU's cryptodev sends bit 30 alone, whatever the guest negotiated with
   * QEMU; what it leaves out is not the guest's mistake.
   */
  #accept(features: bigint): boolean {
    if (this.#guest.generic) return this.#device.acceptFeatures(features);
    return features === 0n ||
      this.#device.acceptFeatures(features | F_VERSION_1);
  }

  #setProtocolFeatures({ view }: Message): Outcome {
    const features = view.getBigUint64(0, true);
    if ((features & ~OFFERED_PROTOCOL_FEATURES) !== 0n) {
      return new Refused(
        `protocol features 0x${features.toString(16)} not offered`,
      );
    }
    this.#guest.protocolFeatures = features;
    return undefined;
  }

  async #resetOwner(): Promise<Outcome> {
    for (const ring of this.#guest.rings) ring.started = false;
    await this.#guest.stopAll();
    return undefined;
  }

  async #reset(): Promise<Outcome> {
    this.#featuresAccepted = false;
    await this.#guest.reset();
    return undefined;
  }

  async #setStatus({ view }: Message): Promise<Outcome> {
    const status = view.getUint32(0, true) & 0xff;
    if (status === 0) {
      this.#featuresAccepted = false;
      await this.#guest.clearStatus();
      return undefined;
    }
    this.#guest.status = this.#featuresAccepted
      ? status
      : status & ~STATUS_FEATURES_OK;
    return undefined;
  }

  /** An empty answer is an error; the rest is as long as the question. */
  #getConfig({ view, payload }: Message): Outcome {
    const { offset, lengthBytes } = decodeConfigHeader(view);
    if (payload.length !== CONFIG_HEADER_BYTES + lengthBytes) {
      return new Refused(`${lengthBytes} bytes in ${payload.length}`);
    }
    if (lengthBytes === 0 || offset + lengthBytes > MAX_CONFIG_BYTES) {
      return EMPTY;
    }
    const config = new Uint8Array(MAX_CONFIG_BYTES);
    config.set(this.#device.readConfig());
    const answer = payload.slice();
    answer.set(
      config.subarray(offset, offset + lengthBytes),
      CONFIG_HEADER_BYTES,
    );
    return answer;
  }

  #setBackendRequests({ fds }: Message): Outcome {
    this.#backendRequests?.close();
    this.#backendRequests = new Connection(this.#libc, fds.shift()!);
    return undefined;
  }
}
