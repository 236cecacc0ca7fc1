/**
 * What can be changed while the program runs. Each change is told in the log.
 *
 * @module
 */

import { BPS_RANGE, OPS_RANGE, throttleOf } from "../../device/throttle.ts";
import type { Device } from "../../device/device.ts";
import type { Log } from "../../device/transport/vhost_user/log.ts";
import type { QueueThreads } from "../../device/transport/vhost_user/queue_threads.ts";
import type { LogTail } from "../log_tail.ts";
import {
  type HttpRequest,
  type HttpResponse,
  textResponse,
} from "./http_message.ts";

/** What changes are made to. */
export interface Changeable {
  readonly guests: readonly {
    readonly name: string;
    readonly device: Device;
  }[];
  readonly threads: Pick<QueueThreads, "drain">;
  readonly log: Log;
  readonly tail: LogTail;
}

/** Something that was asked for and cannot be. */
class Mistake extends Error {}

type Fields = Readonly<Record<string, unknown>>;

/** Carries out a change; says what has been done. */
type Change = (fields: Fields, target: Changeable) => string;

/** Without `error`, which would hide the changes after it. */
const LEVELS = ["warn", "info", "debug"] as const;

function changeLogLevel({ level }: Fields, { tail }: Changeable): string {
  const found = LEVELS.find((one) => one === level);
  if (!found) throw new Mistake(`expected level: one of ${LEVELS.join(", ")}`);
  const before = tail.level;
  tail.level = found;
  return `log level is ${found}, and was ${before}`;
}

function rate(
  fields: Fields,
  name: string,
  { minimum, maximum }: { readonly minimum: number; readonly maximum: number },
): number | undefined {
  const value = fields[name] ?? undefined;
  if (value === undefined) return undefined;
  const isWhole = typeof value === "number" && Number.isInteger(value);
  if (isWhole && value >= minimum && value <= maximum) return value;
  throw new Mistake(
    `expected ${name}: null or a whole number from ${minimum} to ${maximum}`,
  );
}

function changeThrottle(fields: Fields, { guests }: Changeable): string {
  const guest = guests.find(({ name }) => name === fields["guest"]);
  if (!guest) throw new Mistake("expected guest: the name of a socket");
  const ops = rate(fields, "requestsPerSecond", OPS_RANGE);
  const bps = rate(fields, "bytesPerSecond", BPS_RANGE);
  const limits = throttleOf({
    ops,
    bps,
    opsBurst: undefined,
    bpsBurst: undefined,
  });
  guest.device.changeThrottle(limits);
  return `${guest.name} may have ${ops ?? "any number of"} requests and ` +
    `${bps ?? "any number of"} bytes per second`;
}

function changeDrain(fields: Fields, { guests, threads }: Changeable): string {
  const { backend, drained } = fields;
  const names = new Set(
    guests.flatMap(({ device }) =>
      device.backendStates.map(({ name }) => name)
    ),
  );
  if (typeof backend !== "string" || !names.has(backend)) {
    throw new Mistake(`expected backend: one of ${[...names].join(", ")}`);
  }
  if (typeof drained !== "boolean") {
    throw new Mistake("expected drained: true or false");
  }
  for (const { device } of guests) device.drain(backend, drained);
  threads.drain(backend, drained);
  return drained
    ? `backend ${backend} gets no new sessions`
    : `backend ${backend} gets new sessions again`;
}

/** By path. */
export const CHANGES: ReadonlyMap<string, Change> = new Map([
  ["/log-level", changeLogLevel],
  ["/throttle", changeThrottle],
  ["/drain", changeDrain],
]);

function fieldsOf({ headers, body }: HttpRequest): Fields {
  // What a form of a page can send without asking is none of these.
  if (headers.get("content-type") !== "application/json") {
    throw new Mistake("expected Content-Type: application/json");
  }
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body));
    if (typeof value === "object" && value !== null) return value as Fields;
  } catch {
    // Told below.
  }
  throw new Mistake("expected an object in JSON");
}

/** Makes the change that `request` asks for, and tells of it. */
export function makeChange(
  change: Change,
  request: HttpRequest,
  target: Changeable,
): HttpResponse {
  try {
    const done = change(fieldsOf(request), target);
    target.log("warn", `changed over HTTP: ${done}`);
    return textResponse(200, done);
  } catch (error) {
    if (!(error instanceof Mistake)) throw error;
    return textResponse(400, error.message);
  }
}
