/**
 * The messages that move a device's state (vhost-user, "Migrating back-end
 * state"): the front-end names a pipe or a socket, moves what comes through it,
 * and then asks whether that went well.
 *
 * @module
 */

import type { Device } from "../../device.ts";
import { loadDevice, saveDevice } from "./moved_device.ts";
import { FRONT_ENDS_FEATURES } from "./driver_features.ts";
import { isGeneric } from "./front_end_state.ts";
import type { Guest } from "./guest.ts";
import type { Log } from "./log.ts";
import type { MessageHandlers } from "./message_handlers.ts";
import type { Message } from "./messages.ts";
import type { Outcome } from "./outcome.ts";
import { decodeTransfer, encodeUint64 } from "./payloads.ts";
import { StateTransfer, type TransferOptions } from "./state_transfer.ts";

/** Answers of SET_DEVICE_STATE_FD: the front-end's own descriptor is used. */
const ACCEPTED = 0x100;
const REFUSED = 0x101;
const GOOD = 0;
const BAD = 1;
const SAVE = 0;
const LOAD = 1;
const PHASE_STOPPED = 0;
/** More than sessions take, and what they have in common. */
const BYTES_PER_SESSION = 32 * 1024;
const BYTES_IN_COMMON = 64 * 1024;

/** What the state is moved with. */
export interface StateOptions extends TransferOptions {
  readonly log: Log;
}

/** Moves the state of one front-end's device. */
export class StateMessages {
  readonly #options: StateOptions;
  readonly #device: Device;
  readonly #guest: Guest;
  #transfer: StateTransfer | undefined;
  #isClosed = false;
  readonly handlers = {
    SetDeviceStateFd: (message) => this.#begin(message),
    CheckDeviceState: () => this.#check(),
  } satisfies Partial<MessageHandlers>;

  constructor(device: Device, guest: Guest, options: StateOptions) {
    this.#options = options;
    this.#device = device;
    this.#guest = guest;
  }

  /** Takes nothing more: the front-end is gone. */
  close(): void {
    this.#isClosed = true;
    this.#giveUp();
  }

  /** Gives up what is under way. */
  #giveUp(): void {
    this.#transfer?.giveUp();
    this.#transfer = undefined;
  }

  #begin({ view, fds }: Message): Outcome {
    const { direction, phase } = decodeTransfer(view);
    const problem = this.#problem(direction, phase);
    if (problem !== undefined) {
      this.#options.log("warn", `SET_DEVICE_STATE_FD refused: ${problem}`);
      return encodeUint64(REFUSED);
    }
    // What is left of one that nobody has asked about.
    this.#giveUp();
    const fd = fds.shift()!;
    this.#transfer = direction === SAVE
      ? StateTransfer.save(this.#options, fd, this.#save())
      : StateTransfer.load(
        this.#options,
        fd,
        BYTES_IN_COMMON + BYTES_PER_SESSION * this.#device.sessions.maximum,
      );
    return encodeUint64(ACCEPTED);
  }

  #problem(direction: number, phase: number): string | undefined {
    if (direction !== SAVE && direction !== LOAD) {
      return `direction ${direction}`;
    }
    if (phase !== PHASE_STOPPED) return `phase ${phase}`;
    return this.#guest.rings.running ? "rings run" : undefined;
  }

  #save(): Uint8Array<ArrayBuffer> {
    const { features, protocolFeatures } = this.#guest.state;
    return saveDevice(this.#device, {
      features: features & ~FRONT_ENDS_FEATURES,
      isGeneric: isGeneric(protocolFeatures),
    });
  }

  async #check(): Promise<Outcome> {
    const transfer = this.#transfer;
    const problem = transfer
      ? await this.#outcome(transfer)
      : "nothing has been moved";
    this.#transfer = undefined;
    if (problem === undefined) {
      const { size } = this.#device.sessions;
      this.#options.log(
        "info",
        `${size} sessions moved: ${transfer!.direction}`,
      );
      return encodeUint64(GOOD);
    }
    this.#options.log(
      "warn",
      `the state of the device is not moved: ${problem}`,
    );
    return encodeUint64(BAD);
  }

  async #outcome(transfer: StateTransfer): Promise<string | undefined> {
    const moved = await transfer.ended;
    if (typeof moved === "string") return moved;
    if (transfer.direction === "save") return undefined;
    const { rings, state } = this.#guest;
    if (rings.running) {
      moved.fill(0);
      return "rings run";
    }
    const generic = isGeneric(state.protocolFeatures);
    const problem = await loadDevice(this.#device, moved, generic);
    moved.fill(0);
    if (this.#isClosed) {
      this.#device.sessions.clear();
      this.#device.resetAdministration();
    }
    if (problem === undefined) rings.drivers.hasMoved();
    return problem;
  }
}
