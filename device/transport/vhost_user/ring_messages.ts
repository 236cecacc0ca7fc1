/**
 * The messages that set up, start and stop rings.
 *
 * @module
 */

import { MAX_RING_SIZE } from "../../ring/layout.ts";
import type { Guest } from "./guest.ts";
import type { MessageHandlers } from "./message_handlers.ts";
import type { Message } from "./messages.ts";
import { isPacked } from "./front_end_state.ts";
import { type Outcome, Refused, ReplyWithDescriptor } from "./outcome.ts";
import {
  decodeInflight,
  decodeRingAddresses,
  decodeRingDescriptor,
  decodeRingState,
  encodeInflight,
  encodeRingState,
  encodeUint64,
} from "./payloads.ts";
import type { Vring } from "./vring.ts";

/** Handles the ring messages of one front-end. */
export class RingMessages {
  readonly #guest: Guest;
  readonly handlers = {
    GetQueueNum: () => encodeUint64(this.#guest.rings.count),
    SetVringNum: (message) => this.#setRingSize(message),
    SetVringAddr: (message) => this.#setRingAddresses(message),
    SetVringBase: (message) => this.#setRingBase(message),
    GetVringBase: (message) => this.#getRingBase(message),
    SetVringKick: (message) => this.#setKick(message),
    SetVringCall: (message) => this.#setCall(message),
    SetVringErr: (message) => this.#setError(message),
    SetVringEnable: (message) => this.#enableRing(message),
    GetInflightFd: (message) => this.#offerInflight(message),
    SetInflightFd: (message) => this.#useInflight(message),
  } satisfies Partial<MessageHandlers>;

  constructor(guest: Guest) {
    this.#guest = guest;
  }

  /** The ring with this index, in full width (CVE-2020-10723). */
  #ring(index: number): Vring | Refused {
    const { rings } = this.#guest;
    return rings.at(index) ?? new Refused(`ring ${index} of ${rings.count}`);
  }

  #setRingSize({ view }: Message): Outcome {
    const { index, value } = decodeRingState(view);
    const ring = this.#ring(index);
    if (ring instanceof Refused) return ring;
    if (ring.running) return new Refused(`ring ${index} is running`);
    if (value === 0 || value > MAX_RING_SIZE) {
      return new Refused(`ring ${index} of ${value} entries`);
    }
    Object.assign(ring.state, { size: value, told: true });
    return undefined;
  }

  /** QEMU repeats the addresses of a running ring when logging changes. */
  async #setRingAddresses({ view }: Message): Promise<Outcome> {
    const { index, ...addresses } = decodeRingAddresses(view);
    const ring = this.#ring(index);
    if (ring instanceof Refused) return ring;
    const old = ring.state.addresses;
    const goesOn = ring.running && old?.descriptor === addresses.descriptor &&
      old.available === addresses.available && old.used === addresses.used;
    if (goesOn && old.log === addresses.log) return undefined;
    await this.#guest.rings.stop(ring);
    Object.assign(ring.state, { addresses, told: !goesOn });
    return this.#refresh(ring);
  }

  #setRingBase({ view }: Message): Outcome {
    const { index, value } = decodeRingState(view);
    const ring = this.#ring(index);
    if (ring instanceof Refused) return ring;
    if (ring.running) return new Refused(`ring ${index} is running`);
    Object.assign(ring.state, { base: value, told: true, baseTold: true });
    return undefined;
  }

  async #getRingBase({ view }: Message): Promise<Outcome> {
    const { index } = decodeRingState(view);
    const ring = this.#ring(index);
    if (ring instanceof Refused) return ring;
    return encodeRingState(index, await this.#guest.rings.end(ring));
  }

  async #setKick(message: Message): Promise<Outcome> {
    const ring = this.#ringWithDescriptor(message);
    if (ring instanceof Refused) return ring;
    const kickFd = this.#takeDescriptor(message);
    const problem = await this.#guest.rings.changeKick(ring, kickFd);
    return problem === undefined ? undefined : new Refused(problem);
  }

  /** Waits: messages faster than a busy thread would pile descriptors up. */
  async #setCall(message: Message): Promise<Outcome> {
    const ring = this.#ringWithDescriptor(message);
    if (ring instanceof Refused) return ring;
    await this.#guest.changeCall(ring, this.#takeDescriptor(message));
    return undefined;
  }

  #setError(message: Message): Outcome {
    const ring = this.#ringWithDescriptor(message);
    if (ring instanceof Refused) return ring;
    this.#guest.changeError(ring, this.#takeDescriptor(message));
    return undefined;
  }

  async #enableRing({ view }: Message): Promise<Outcome> {
    const { index, value } = decodeRingState(view);
    const ring = this.#ring(index);
    if (ring instanceof Refused) return ring;
    if (value > 1) return new Refused(`ring ${index} enabled with ${value}`);
    const before = ring.state.enabled;
    ring.state.enabled = value === 1;
    const outcome = await this.#refresh(ring);
    if (outcome instanceof Refused) ring.state.enabled = before;
    return outcome;
  }

  #offerInflight({ view, payload }: Message): Outcome {
    const { inflight, state } = this.#guest;
    const offered = inflight.offer(decodeInflight(view), isPacked(state));
    return typeof offered === "string" ? new Refused(offered) : (
      new ReplyWithDescriptor(
        encodeInflight(offered, payload.length),
        inflight.offered,
      )
    );
  }

  #useInflight({ view, fds }: Message): Outcome {
    const { inflight, rings, state } = this.#guest;
    if (rings.running) return new Refused("rings run");
    const problem = inflight.use(
      decodeInflight(view),
      fds[0]!,
      isPacked(state),
    );
    return problem === undefined ? undefined : new Refused(problem);
  }

  /** The ring that a descriptor is for, when the message has it. */
  #ringWithDescriptor({ view, fds }: Message): Vring | Refused {
    const { index, hasDescriptor } = decodeRingDescriptor(view);
    return hasDescriptor && fds.length === 0
      ? new Refused(`no descriptor for ring ${index}`)
      : this.#ring(index);
  }

  /** Takes the message's descriptor, or -1 where it says that it has none. */
  #takeDescriptor({ view, fds }: Message): number {
    return decodeRingDescriptor(view).hasDescriptor ? fds.shift()! : -1;
  }

  async #refresh(ring: Vring): Promise<Outcome> {
    const problem = await this.#guest.rings.refresh(ring);
    return problem === undefined ? undefined : new Refused(problem);
  }
}
