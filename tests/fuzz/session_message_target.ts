/**
 * Payloads of vhost-user session messages in all three layouts.
 *
 * @module
 */

import type { Random } from "../../conformance/random.ts";
import { carryOut } from "../../device/control_outcome.ts";
import {
  decodeSessionClose,
  decodeSessionMessage,
  detectSessionLayout,
  encodeSessionReply,
  type SessionLayout,
} from "../../device/wire/session_message.ts";
import { encodeSessionMessage } from "../../device/wire/session_message_encode.ts";
import { Machine } from "../../testing/machine.ts";
import { legalSessions } from "../../testing/valid_requests.ts";
import {
  type Episode,
  expectNoLeak,
  expectNone,
  FuzzFailure,
  spoil,
  type Target,
} from "./episode.ts";

const MAXIMUM_SESSIONS = 16;
const LAYOUTS: readonly SessionLayout[] = ["A", "B", "C"];

class SessionMessageEpisode implements Episode {
  readonly #random: Random;
  readonly #machine: Machine;

  constructor(machine: Machine, random: Random) {
    this.#random = random;
    this.#machine = machine;
  }

  step(): void {
    const random = this.#random;
    const { device, watch } = this.#machine;
    const made = this.#makePayload();
    const payload = random.oneIn(9)
      ? made.slice(0, random.integer(made.length + 1))
      : made;
    const layout = detectSessionLayout(payload) ?? random.pick(LAYOUTS);
    const request = decodeSessionMessage(
      payload,
      layout,
      device.threadSettings,
    );
    const outcome = carryOut(request, device, 0);
    if (outcome instanceof Promise) throw new FuzzFailure("opened on a lane");
    const { sessionId } = outcome;
    encodeSessionReply(
      payload,
      layout,
      Number.isNaN(sessionId) ? -1 : sessionId,
    );
    if (device.sessions.size > MAXIMUM_SESSIONS) {
      throw new FuzzFailure(`${device.sessions.size} sessions`);
    }
    if (random.oneIn(3)) {
      const id = decodeSessionClose(random.bytes(random.pick([8, 8, 8, 4, 0])));
      device.sessions.destroy(random.oneIn(2) ? id : sessionId);
    }
    expectNone("backend contract", watch.problems[0]);
  }

  #makePayload(): Uint8Array<ArrayBuffer> {
    const random = this.#random;
    const fitting = legalSessions().filter(({ service }) =>
      service === "cipher" || service === "chain" || service === "akcipher"
    );
    const description = random.pick(fitting);
    const layout = description.service === "akcipher"
      ? "C"
      : random.pick(LAYOUTS);
    const payload = encodeSessionMessage(description, layout);
    if (!random.oneIn(5)) spoil(random, payload, 64);
    if (random.oneIn(3)) spoil(random, payload);
    return payload;
  }

  finish(): void {
    expectNoLeak(this.#machine);
    this.#machine[Symbol.dispose]();
  }
}

export const SESSION_MESSAGE_TARGET: Target = {
  name: "session-messages",
  cases: 400,
  async start(backend, random) {
    const maximumSessions = MAXIMUM_SESSIONS;
    return new SessionMessageEpisode(
      await Machine.start({ backend, maximumSessions }),
      random,
    );
  },
};
