/**
 * `status`: what a running device tells of itself, in a terminal.
 *
 * @module
 */

import { messageOf } from "../backends/error_message.ts";
import {
  ADDRESS_FORM,
  addressInWords,
  type HttpAddress,
  parseHttpAddress,
} from "./http/http_address.ts";
import type { DeviceStatus, GuestStatus } from "./metrics/device_status.ts";
import { onOneLine } from "./log_format.ts";
import { CommandFailure, UsageError } from "./option_values.ts";

const EVERY_MS = 1000;
/** Clears a terminal, and goes to its first place. */
const CLEAR = "\x1b[2J\x1b[H";

type Print = (text: string) => void;

const short = (value: number): string => {
  const [size, letter] = ([[1e9, "G"], [1e6, "M"], [1e3, "k"]] as const)
    .find(([least]) => value >= least) ?? [1, ""];
  const scaled = value / size;
  const isWhole = scaled >= 100 || Number.isInteger(scaled);
  return `${isWhole ? Math.round(scaled) : scaled.toFixed(1)}${letter}`;
};

/** Asks once, by a connection that the answer ends. */
async function readStatus(address: HttpAddress): Promise<DeviceStatus> {
  const place = addressInWords(address);
  try {
    using connection = address.kind === "unix"
      ? await Deno.connect({ transport: "unix", path: address.path })
      : await Deno.connect({
        hostname: address.hostname,
        port: address.port,
      });
    const host = address.kind === "unix" ? "localhost" : place;
    const question = `GET /status.json HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
    await connection.write(new TextEncoder().encode(question));
    const answer = await new Response(connection.readable).text();
    const [head, body] = answer.split("\r\n\r\n", 2);
    if (head!.startsWith("HTTP/1.1 200 ")) return JSON.parse(body!);
    throw new Error(body?.trim() || "no answer");
  } catch (error) {
    const reason = messageOf(error);
    throw new CommandFailure(`Cannot read the status at ${place}: ${reason}`);
  }
}

/**
 * Columns as wide as their widest text; the first is to the left. A text may be a
 * guest's or a plugin's, and shows no more in a terminal than itself.
 */
function table(texts: readonly (readonly string[])[]): string {
  const rows = texts.map((row) => row.map(onOneLine));
  const widths = rows[0]!.map((_, i) =>
    Math.max(...rows.map((row) => row[i]!.length))
  );
  return rows.map((row) =>
    row.map((text, i) =>
      i === 0 ? text.padEnd(widths[i]!) : text.padStart(widths[i]!)
    ).join("  ").trimEnd()
  ).join("\n");
}

const total = (
  guest: GuestStatus | undefined,
  field: "requests" | "bytes" | "inFlight",
): number => (guest?.queues ?? []).reduce((sum, one) => sum + one[field], 0);

const failuresOf = ({ queues }: GuestStatus): number =>
  queues.flatMap(({ failures }) => Object.values(failures))
    .reduce((sum, one) => sum + one, 0);

function guestRows(
  status: DeviceStatus,
  before: DeviceStatus | undefined,
): readonly (readonly string[])[] {
  const seconds = status.at - (before?.at ?? status.startedAt);
  return status.guests.map((guest, i) => {
    const last = before?.guests[i];
    const rate = (field: "requests" | "bytes") =>
      short(Math.max(0, total(guest, field) - total(last, field)) / seconds);
    return [
      guest.name,
      guest.isReady ? guest.isConnected ? "connected" : "absent" : "no backend",
      ...[rate("requests"), rate("bytes"), `${total(guest, "inFlight")}`],
      ...[short(failuresOf(guest)), `${guest.sessions.open}`],
    ];
  });
}

/** Each backend once, with what it has done for all guests. */
function backendRows(
  { guests }: DeviceStatus,
): readonly (readonly string[])[] {
  const names = new Set(
    guests.flatMap(({ backends }) => backends.map(({ name }) => name)),
  );
  return [...names].map((name) => {
    const all = guests.flatMap(({ backends }) =>
      backends.filter((one) => one.name === name)
    );
    const failed = all.find(({ failure }) => failure !== undefined);
    const work = guests.flatMap(({ work }) =>
      work.filter(({ backend }) => backend === name)
    );
    const requests = work.reduce((sum, one) => sum + one.requests, 0);
    const isDrained = all.some((one) => one.isDrained);
    const state = failed?.failure ?? (isDrained ? "drained" : "works");
    return [name, short(requests), state];
  });
}

/** The status as a person reads it; rates are those since `before`. */
function statusAsText(
  status: DeviceStatus,
  before?: DeviceStatus,
): string {
  const minutes = Math.floor((status.at - status.startedAt) / 60);
  const rates = before ? "now" : "since the start";
  return [
    `${status.isReady ? "ready" : "NOT READY"}, up ${minutes} min, ` +
    `${short(status.residentBytes)}B resident, ` +
    `${status.threads.length} queue threads; rates ${rates}`,
    table([["backend", "requests", "state"], ...backendRows(status)]),
    table([
      ["guest", "state", "req/s", "B/s", "in flight", "not OK", "sessions"],
      ...guestRows(status, before),
    ]),
  ].join("\n\n") + "\n";
}

/**
 * The command.
 *
 * @throws {UsageError} for a mistake
 * @throws {CommandFailure} where nobody answers
 */
export async function statusCommand(
  words: readonly string[],
  print: Print,
): Promise<void> {
  const [text, more] = words.filter((word) => word !== "--watch");
  const address = text === undefined ? undefined : parseHttpAddress(text);
  if (!address || more !== undefined) {
    throw new UsageError(
      `Cannot use argument ${JSON.stringify(more ?? text ?? "")}: ` +
        `expected the address of --http: ${ADDRESS_FORM}`,
    );
  }
  let status = await readStatus(address);
  if (!words.includes("--watch")) return print(statusAsText(status));
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    const before = status;
    status = await readStatus(address);
    const screen = Deno.stdout.isTerminal() ? CLEAR : "";
    print(`${screen}${statusAsText(status, before)}`);
  }
}
