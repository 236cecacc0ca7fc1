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
import { MAX_GUEST_REGIONS } from "../../ring/guest_memory.ts";
import { Connection } from "./connection.ts";
import type { Guest } from "./guest.ts";
import {
  BackendRequest,
  CONFIG_HEADER_BYTES,
  decodeConfigHeader,
  decodeMemoryTable,
  decodeSingleRegion,
  encodeBits,
  encodeUint64,
  MAX_CONFIG_BYTES,
  type Message,
  OFFERED_PROTOCOL_FEATURES,
  PROTOCOL_F_BACKEND_REQ,
  PROTOCOL_F_CONFIG,
  PROTOCOL_F_CONFIGURE_MEM_SLOTS,
  PROTOCOL_F_CRYPTO_SESSION,
  PROTOCOL_F_RESET_DEVICE,
  PROTOCOL_F_STATUS,
  Request,
} from "./messages.ts";
import { type Outcome, Refused } from "./outcome.ts";
import { RingMessages } from "./ring_messages.ts";
import { SessionMessages } from "./session_messages.ts";

const STATUS_FEATURES_OK = 0x8;
const EMPTY = new Uint8Array();

/** Handles the messages of one front-end. */
export class Protocol {
  readonly #libc: Libc;
  readonly #device: Device;
  readonly #guest: Guest;
  readonly #sessions: SessionMessages;
  readonly #rings: RingMessages;
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
    this.#sessions = new SessionMessages(device, sessionLayout);
    this.#rings = new RingMessages(libc, guest);
  }

  /** Carries out one message; descriptors that it leaves are not needed. */
  handle(message: Message): Outcome | Promise<Outcome> {
    switch (message.request as Request) {
      case Request.GetFeatures:
        return encodeBits(
          this.#device.offeredFeatures | F_VHOST_USER_PROTOCOL_FEATURES,
        );
      case Request.SetFeatures:
        return this.#setFeatures(message);
      case Request.GetProtocolFeatures:
        return encodeBits(OFFERED_PROTOCOL_FEATURES);
      case Request.SetProtocolFeatures:
        return this.#setProtocolFeatures(message);
      case Request.SetOwner:
      // Without LOG_SHMFD there is nothing to log into.
      case Request.SetLogBase:
      case Request.SetLogFd:
        return undefined;
      case Request.ResetOwner:
        return this.#resetOwner();
      case Request.ResetDevice:
        return this.#gated(PROTOCOL_F_RESET_DEVICE) ?? this.#reset();
      case Request.SetStatus:
        return this.#gated(PROTOCOL_F_STATUS) ?? this.#setStatus(message);
      case Request.GetStatus:
        return this.#gated(PROTOCOL_F_STATUS) ??
          encodeUint64(this.#guest.status);
      case Request.GetConfig:
        return this.#gated(PROTOCOL_F_CONFIG) ?? this.#getConfig(message);
      case Request.SetConfig:
        return this.#gated(PROTOCOL_F_CONFIG) ??
          new Refused("the config space is read-only", false);
      case Request.SetBackendReqFd:
        return this.#gated(PROTOCOL_F_BACKEND_REQ) ??
          this.#setBackendRequests(message);
      default:
        return this.#handleMemory(message);
    }
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

  #handleMemory(message: Message): Outcome | Promise<Outcome> {
    switch (message.request as Request) {
      case Request.SetMemTable:
        return this.#setMemoryTable(message);
      case Request.GetMaxMemSlots:
        return this.#gated(PROTOCOL_F_CONFIGURE_MEM_SLOTS) ??
          encodeUint64(MAX_GUEST_REGIONS);
      case Request.AddMemReg:
        return this.#gated(PROTOCOL_F_CONFIGURE_MEM_SLOTS) ??
          this.#addRegion(message);
      case Request.RemMemReg:
        return this.#gated(PROTOCOL_F_CONFIGURE_MEM_SLOTS) ??
          this.#removeRegion(message);
      case Request.CreateCryptoSession:
        return this.#gated(PROTOCOL_F_CRYPTO_SESSION) ??
          this.#createSession(message);
      case Request.CloseCryptoSession:
        return this.#gated(PROTOCOL_F_CRYPTO_SESSION) ??
          this.#closeSession(message);
      default:
        return this.#rings.handle(message);
    }
  }

  /** Refuses what needs a protocol feature that was not negotiated. */
  #gated(feature: bigint): Refused | undefined {
    return (this.#guest.protocolFeatures & feature) === 0n
      ? new Refused("its protocol feature is not negotiated")
      : undefined;
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
    const fd = fds.shift();
    if (fd === undefined) return new Refused("no descriptor");
    this.#backendRequests?.close();
    this.#backendRequests = new Connection(this.#libc, fd);
    return undefined;
  }

  async #setMemoryTable({ view, fds }: Message): Promise<Outcome> {
    const regions = decodeMemoryTable(view);
    if (!regions) return new Refused("more regions than the payload has");
    if (fds.length < regions.length) {
      return new Refused(
        `${fds.length} descriptors for ${regions.length} regions`,
      );
    }
    const problem = this.#guest.memory.replace(regions, fds);
    if (problem !== undefined) return new Refused(problem);
    await this.#guest.memoryChanged();
    return undefined;
  }

  async #addRegion({ view, fds }: Message): Promise<Outcome> {
    const fd = fds[0];
    if (fd === undefined) return new Refused("no descriptor");
    const problem = this.#guest.memory.add(decodeSingleRegion(view), fd);
    if (problem !== undefined) return new Refused(problem);
    await this.#guest.memoryChanged();
    return undefined;
  }

  async #removeRegion({ view }: Message): Promise<Outcome> {
    const problem = this.#guest.memory.remove(decodeSingleRegion(view));
    if (problem !== undefined) return new Refused(problem);
    await this.#guest.memoryChanged();
    return undefined;
  }

  #createSession({ payload }: Message): Outcome {
    const answer = this.#sessions.create(payload);
    return typeof answer === "string" ? new Refused(answer) : answer;
  }

  #closeSession({ payload }: Message): Outcome {
    return this.#sessions.close(payload)
      ? undefined
      : new Refused("no such session", false);
  }
}
