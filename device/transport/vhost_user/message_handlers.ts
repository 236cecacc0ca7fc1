/**
 * Which handler carries out which message.
 *
 * @module
 */

import {
  type Message,
  messageKey,
  messageRule,
  type OfferedMessage,
} from "./messages.ts";
import { type Outcome, Refused } from "./outcome.ts";

/** Carries out one message; descriptors that it leaves are not needed. */
export type MessageHandler = (message: Message) => Outcome | Promise<Outcome>;

/** A handler for every message that this back-end offers. */
export type MessageHandlers = {
  readonly [Key in OfferedMessage]: MessageHandler;
};

/** Carries out a message, unless what it needs was not negotiated or is missing. */
export function handleMessage(
  handlers: MessageHandlers,
  message: Message,
  negotiated: bigint,
): Outcome | Promise<Outcome> {
  const { feature, descriptors = 0 } = messageRule(message.request) ?? {};
  if (feature !== undefined && (negotiated & feature) === 0n) {
    return new Refused("its protocol feature is not negotiated");
  }
  if (message.fds.length < descriptors) return new Refused("no descriptor");
  const all: Readonly<Record<string, MessageHandler | undefined>> = handlers;
  const handler = all[messageKey(message.request) ?? ""];
  return handler ? handler(message) : new Refused("not offered");
}
