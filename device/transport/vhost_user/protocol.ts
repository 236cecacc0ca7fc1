/**
 * What each message of a front-end does.
 *
 * @module
 */

import type { Libc } from "../../../ffi/libc.ts";
import type { Device } from "../../device.ts";
import {
  STATUS_DRIVER_OK,
  STATUS_FEATURES_OK,
  STATUS_NEEDS_RESET,
} from "../../wire/device_status.ts";
import { F_VHOST_USER_PROTOCOL_FEATURES } from "../../wire/features.ts";
import type { SessionLayout } from "../../wire/session_message.ts";
import { Connection } from "./connection.ts";
import { acceptFeatures, FRONT_ENDS_FEATURES } from "./driver_features.ts";
import { isGeneric } from "./front_end_state.ts";
import type { Guest } from "./guest.ts";
import { memoryHandlers } from "./memory_messages.ts";
import { handleMessage, type MessageHandlers } from "./message_handlers.ts";
import {
  BackendRequest,
  CONFIG_HEADER_BYTES,
  LOG_BYTES,
  MAX_CONFIG_BYTES,
  type Message,
  OFFERED_PROTOCOL_FEATURES,
  PROTOCOL_F_BACKEND_REQ,
  PROTOCOL_F_LOG_SHMFD,
  Request,
} from "./messages.ts";
import { type Outcome, Refused } from "./outcome.ts";
import {
  decodeConfigHeader,
  decodeLog,
  encodeBits,
  encodeUint64,
} from "./payloads.ts";
import { RingMessages } from "./ring_messages.ts";
import { StateMessages, type StateOptions } from "./state_messages.ts";
import { SessionMessageHandlers } from "./session_messages.ts";

/** Status bits that are the driver's to set; a front-end may write back all. */
const DRIVERS_STATUS = 0xff & ~STATUS_NEEDS_RESET;
const EMPTY = new Uint8Array();

/** Handles the messages of one front-end. */
export class Protocol {
  readonly #libc: Libc;
  readonly #device: Device;
  readonly #guest: Guest;
  readonly #handlers: MessageHandlers;
  readonly #sessionMessages: SessionMessageHandlers;
  readonly #stateMessages: StateMessages;
  #backendRequests: Connection | undefined;
  /** The front-end does not know of it yet. */
  #configChanged = false;

  constructor(
    libc: Libc,
    device: Device,
    guest: Guest,
    sessionLayout: SessionLayout | undefined,
    state: Omit<StateOptions, "libc">,
  ) {
    this.#libc = libc;
    this.#device = device;
    this.#guest = guest;
    this.#sessionMessages = new SessionMessageHandlers(device, sessionLayout);
    this.#stateMessages = new StateMessages(device, guest, {
      ...state,
      libc,
    });
    this.#handlers = {
      ...this.#ownHandlers(),
      ...memoryHandlers(guest),
      ...new RingMessages(guest).handlers,
      ...this.#sessionMessages.handlers,
      ...this.#stateMessages.handlers,
    };
  }

  /** Layout of session messages, once it is known. */
  get sessionLayout(): SessionLayout | undefined {
    return this.#sessionMessages.layout;
  }

  /** Where requests of this back-end go; -1: nowhere. */
  get backendRequestsFd(): number {
    return this.#backendRequests?.fd ?? -1;
  }

  /** Sends requests of this back-end through `fd` from now on. */
  changeBackendRequests(fd: number): void {
    this.#backendRequests?.close();
    this.#backendRequests = new Connection(this.#libc, fd);
  }

  /** What a message is answered with that is not carried out. */
  refuse(message: Message): Outcome {
    return message.request === Request.CreateCryptoSession
      ? this.#sessionMessages.refuse(message)
      : new Refused("processes have ended with it");
  }

  /** Carries out one message; descriptors that it leaves are not needed. */
  handle(message: Message): Outcome | Promise<Outcome> {
    return handleMessage(
      this.#handlers,
      message,
      this.#guest.state.protocolFeatures,
    );
  }

  /**
   * Tells the front-end of a new config space, or will when it has started a
   * ring; returns what went wrong.
   */
  announceConfigChange(): string | undefined {
    const { protocolFeatures } = this.#guest.state;
    if (
      !isGeneric(protocolFeatures) ||
      (protocolFeatures & PROTOCOL_F_BACKEND_REQ) === 0n
    ) return undefined;
    this.#configChanged = true;
    return this.sendWaiting();
  }

  /** Whether the front-end has yet to hear of a new config space. */
  get configWaits(): boolean {
    return this.#configChanged;
  }

  /** Sends what waited for the device to be resumed; returns what went wrong. */
  sendWaiting(): string | undefined {
    if (!this.#configChanged || this.#guest.suspended) return undefined;
    this.#configChanged = false;
    return this.#backendRequests?.request(BackendRequest.ConfigChange, EMPTY);
  }

  /** Has a message under way that waits for the front-end end soon. */
  giveUp(): void {
    this.#stateMessages.close();
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
          this.#device.offeredFeatures | FRONT_ENDS_FEATURES,
        ),
      SetFeatures: (message) => this.#setFeatures(message),
      GetProtocolFeatures: () => encodeBits(OFFERED_PROTOCOL_FEATURES),
      SetProtocolFeatures: (message) => this.#setProtocolFeatures(message),
      SetOwner: () => this.#setOwner(),
      ResetOwner: () => this.#resetOwner(),
      SetLogBase: (message) => this.#setLog(message),
      // A front-end looks at the log when it wants to know.
      SetLogFd: () => undefined,
      ResetDevice: () => this.#reset(),
      SetStatus: (message) => this.#setStatus(message),
      GetStatus: () => encodeUint64(this.#guest.status),
      GetConfig: (message) => this.#getConfig(message),
      SetConfig: () => new Refused("the config space is read-only", false),
      SetBackendReqFd: (message) => this.#setBackendRequests(message),
    } satisfies Partial<MessageHandlers>;
  }

  async #setFeatures({ view }: Message): Promise<Outcome> {
    const features = view.getBigUint64(0, true);
    const offered = this.#device.offeredFeatures | FRONT_ENDS_FEATURES;
    if ((features & ~offered) !== 0n) {
      return new Refused(`features 0x${features.toString(16)} not offered`);
    }
    const { rings, state } = this.#guest;
    const changed = (features ^ state.features) & ~FRONT_ENDS_FEATURES;
    if (changed !== 0n) {
      if (rings.running) {
        return new Refused(
          `features 0x${features.toString(16)} while rings run with ` +
            `0x${state.features.toString(16)}`,
        );
      }
      rings.drivers.initialises("the driver has chosen other features");
    }
    Object.assign(state, { features, featuresTold: true });
    await this.#guest.logChanged();
    // Some front-ends say them in halves: a ring that starts will need them all.
    acceptFeatures(this.#device, state);
    if ((features & F_VHOST_USER_PROTOCOL_FEATURES) !== 0n) return undefined;
    for (const ring of state.rings) ring.enabled = true;
    return refusal(await rings.refreshAll());
  }

  /**
   * Has everybody mark in another log; nobody marks in the one before when this is
   * answered. The answer is the question, whatever REPLY_ACK says.
   */
  async #setLog({ view, payload, fds }: Message): Promise<Outcome> {
    const { protocolFeatures } = this.#guest.state;
    // Without it there is nothing to log into.
    if ((protocolFeatures & PROTOCOL_F_LOG_SHMFD) === 0n) return undefined;
    if (payload.length !== LOG_BYTES) {
      return new Refused(`${payload.length} bytes, expected ${LOG_BYTES}`);
    }
    const [fd] = fds;
    if (fd === undefined) return new Refused("no descriptor");
    const problem = await this.#guest.changeLog(decodeLog(view), fd);
    return problem === undefined ? payload.slice() : new Refused(problem);
  }

  async #setProtocolFeatures({ view }: Message): Promise<Outcome> {
    const features = view.getBigUint64(0, true);
    return (features & ~OFFERED_PROTOCOL_FEATURES) === 0n
      ? refusal(await this.#guest.changeProtocolFeatures(features))
      : new Refused(`protocol features 0x${features.toString(16)} not offered`);
  }

  async #setOwner(): Promise<Outcome> {
    await this.#guest.newOwner();
    return undefined;
  }

  /** Deprecated: it may disable all rings, and nothing else. */
  async #resetOwner(): Promise<Outcome> {
    const { rings, state } = this.#guest;
    for (const ring of state.rings) ring.enabled = false;
    return refusal(await rings.refreshAll());
  }

  async #reset(): Promise<Outcome> {
    await this.#guest.reset();
    return undefined;
  }

  async #setStatus({ view }: Message): Promise<Outcome> {
    const status = view.getUint32(0, true) & DRIVERS_STATUS;
    if (status === 0) {
      await this.#guest.clearStatus();
      return undefined;
    }
    const { rings, state } = this.#guest;
    const before = state.status;
    state.status = state.featuresTold && acceptFeatures(this.#device, state)
      ? status
      : status & ~STATUS_FEATURES_OK;
    if ((status & STATUS_FEATURES_OK) === 0) {
      rings.drivers.initialises("the driver has begun its initialisation");
    }
    if ((status & ~before & STATUS_DRIVER_OK) === 0) return undefined;
    state.tellsDriverOk = true;
    rings.lookAtAll();
    return refusal(await rings.refreshAll());
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
    this.changeBackendRequests(fds.shift()!);
    return undefined;
  }
}

/** The refusal of a message for which something is wrong. */
function refusal(problem: string | undefined): Outcome {
  return problem === undefined ? undefined : new Refused(problem);
}
