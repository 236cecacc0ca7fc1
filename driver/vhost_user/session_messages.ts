/**
 * Sessions over the vhost-user socket, as QEMU's cryptodev opens them: messages
 * 26 and 27 in one of the three layouts that are about.
 *
 * @module
 */

import type { Service } from "../../algorithms/catalogue.ts";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import type { SessionLayout } from "../../device/wire/session_message.ts";
import {
  decodeSessionReply,
  encodeSessionMessage,
} from "../../device/wire/session_message_encode.ts";
import { Status } from "../../device/wire/status.ts";
import { OperationError } from "../operation_error.ts";
import { describeTarget, type SessionControl } from "../session_control.ts";
import type { VhostUserLink } from "../vhost_user_front_end.ts";

/** The `sessionControl` of a driver whose sessions are messages. */
export class SessionMessages implements SessionControl {
  readonly #link: VhostUserLink;
  readonly #layout: SessionLayout;

  /** `layout` is that of the device's QEMU (`--session-layout`). */
  constructor(link: VhostUserLink, layout: SessionLayout) {
    this.#link = link;
    this.#layout = layout;
  }

  /** Opens a session by message; see `SessionControl`. */
  async create(description: SessionDescription): Promise<number> {
    const payload = encodeSessionMessage(description, this.#layout);
    const sessionId = await this.#ask(payload).finally(() => payload.fill(0));
    if (sessionId >= 0) return sessionId;
    // The answer tells no reasons apart.
    throw new OperationError(
      `create a session of ${describeTarget(description)} by message`,
      Status.Error,
    );
  }

  /** The answer's identifier; negative for a failure. */
  async #ask(payload: Uint8Array): Promise<number> {
    const answer = await this.#link.createCryptoSession(payload);
    return answer.length === payload.length
      ? decodeSessionReply(answer, this.#layout)
      : -1;
  }

  /** Closes a session by message; see `SessionControl`. */
  destroy(_service: Service, sessionId: number): Promise<void> {
    return this.#link.closeCryptoSession(sessionId);
  }
}
