/**
 * How a session comes to be on a device: opened there, or as parameters of stateless
 * requests.
 *
 * @module
 */

import type { Service } from "../algorithms/catalogue.ts";
import type { SessionDescription } from "../algorithms/session_description.ts";
import type { ConfigSpace } from "../device/wire/config_space.ts";
import type { WireMode } from "../device/wire/mode.ts";
import { Status } from "../device/wire/status.ts";
import { wrongThing } from "./argument.ts";
import type { Attachment } from "./attachment.ts";
import { OperationError } from "./operation_error.ts";
import { PublicKeyRules } from "./public_key_rules.ts";
import { RequestRules } from "./request_rules.ts";
import type { SessionPlace } from "./session.ts";
import { describeTarget } from "./session_control.ts";

/**
 * Opens a session on the device, or only says how stateless requests go there; the
 * driver has `openCount` others.
 *
 * @throws {OperationError} if the device refuses
 */
export async function openPlace(
  attachment: Attachment,
  description: SessionDescription,
  dataQueue: number,
  isStateless: boolean,
  openCount: number,
): Promise<SessionPlace> {
  const { control, runners } = attachment;
  const place = {
    dataQueue,
    runner: runners[dataQueue]!,
    control,
    isGone: () => attachment.gone !== undefined,
  };
  if (isStateless) return place;
  try {
    return { ...place, sessionId: await control.create(description) };
  } catch (error) {
    throw explain(error, openCount);
  }
}

/** A device without REVISION_1 has no status for "no room". */
function explain(error: unknown, openCount: number): unknown {
  if (!(error instanceof OperationError)) return error;
  const { operation, status } = error;
  const mayLackRoom = status === Status.NoSpace ||
    status === Status.Error && openCount > 0;
  if (!mayLackRoom) return error;
  const hint = `this driver has ${openCount} sessions open; if these are all ` +
    "that the device allows (maxSessions), close some";
  return new OperationError(operation, status, hint);
}

/** What the session's requests have to look like. */
export function rulesFor(
  description: SessionDescription,
  isStateless: boolean,
  config: ConfigSpace | undefined,
) {
  const maxSizeBytes = config?.maxSizeBytes ?? Infinity;
  return {
    rules: new RequestRules(description, isStateless, maxSizeBytes),
    ...(description.service === "akcipher" &&
      { publicKeyRules: new PublicKeyRules(description) }),
  };
}

/** Refuses stateless requests that are not negotiated. */
export function checkStateless(
  description: SessionDescription,
  isStateless: boolean,
  mode: WireMode,
): void {
  const { service } = description;
  if (!isStateless || mode.stateless.has(serviceOf(service))) return;
  throw wrongThing(
    `open a session of ${describeTarget(description)}`,
    "stateless",
    "is true",
    "false: stateless requests of its service are not negotiated " +
      "(Driver.start with `stateless`)",
  );
}

/** A chain belongs to the CIPHER service. */
const serviceOf = (service: SessionDescription["service"]): Service =>
  service === "chain" ? "cipher" : service;
