/**
 * Sessions that come by messages (26 and 27) and not by the control queue.
 *
 * @module
 */

import type { Device } from "../../device.ts";
import {
  decodeSessionClose,
  decodeSessionMessage,
  detectSessionLayout,
  encodeSessionReply,
  SESSION_MESSAGE_BYTES,
  type SessionLayout,
} from "../../wire/session_message.ts";
import { Status } from "../../wire/status.ts";
import type { MessageHandlers } from "./message_handlers.ts";
import type { Message } from "./messages.ts";
import { type Outcome, Refused } from "./outcome.ts";

/** Session messages of one connection. */
export class SessionMessageHandlers {
  readonly #device: Device;
  /** The front-end's layout, once it is known: it does not change. */
  #layout: SessionLayout | undefined;
  readonly handlers = {
    CreateCryptoSession: (message) => this.#answerCreate(message),
    CloseCryptoSession: (message) =>
      this.#close(message) ? undefined : new Refused("no such session", false),
  } satisfies Partial<MessageHandlers>;

  constructor(device: Device, layout: SessionLayout | undefined) {
    this.#device = device;
    this.#layout = layout;
  }

  get layout(): SessionLayout | undefined {
    return this.#layout;
  }

  /** Creates a session. */
  async #answerCreate({ payload, number }: Message): Promise<Outcome> {
    const layout = this.#layout ?? detectSessionLayout(payload);
    if (
      layout === undefined || payload.length !== SESSION_MESSAGE_BYTES[layout]
    ) {
      return new Refused(
        `a payload of ${payload.length} bytes has no known layout`,
      );
    }
    this.#layout = layout;
    const id = await this.#create(payload, layout, number);
    // The message stays whole until its answer is kept: it may be done again.
    return encodeSessionReply(new Uint8Array(payload.length), layout, id);
  }

  /** Answers a message that asks for a session with ERR. */
  refuse({ payload }: Message): Outcome {
    const layout = this.#layout ?? detectSessionLayout(payload);
    if (
      layout === undefined || payload.length !== SESSION_MESSAGE_BYTES[layout]
    ) return new Refused("it is not tried again");
    const reply = new Uint8Array(payload.length);
    return encodeSessionReply(reply, layout, -Status.Error);
  }

  /** The identifier of a new session, negative for a failure. */
  async #create(
    payload: Uint8Array,
    layout: SessionLayout,
    origin: number,
  ): Promise<number> {
    const { sessions, threadSettings } = this.#device;
    const request = decodeSessionMessage(payload, layout, threadSettings);
    if (request.kind === "refused") {
      sessions.refuse(request);
      return -request.status;
    }
    const created = await sessions.create(request.description, origin);
    return "status" in created ? -created.status : created.id;
  }

  /** Destroys the session that a close message names; false: there is none. */
  #close({ payload, number }: Message): boolean {
    const id = decodeSessionClose(payload);
    return this.#device.sessions.destroy(id, number) === Status.Ok;
  }
}
