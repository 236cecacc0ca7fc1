/**
 * Where a PIN comes from: a file that is read at each login, or a descriptor,
 * which can be read once only and is remembered.
 *
 * @module
 */

import { keyRoom } from "../../algorithms/key_bytes.ts";
import { messageOf } from "../error_message.ts";
import type { PinSource } from "./options.ts";

const LONGEST_PIN_BYTES = 256;
/** Read, write or execute for others than owner and group. */
const FOR_OTHERS = 0o007;
const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** By descriptor: what it gave to this thread. */
const remembered = new Map<number, Uint8Array<ArrayBuffer>>();

/** The PIN, for the caller to wipe; a text says why there is none. */
export function readPin(source: PinSource): Uint8Array<ArrayBuffer> | string {
  return "file" in source
    ? readFile(source.file, source.file)
    : readDescriptor(source.descriptor);
}

function readDescriptor(descriptor: number): Uint8Array<ArrayBuffer> | string {
  let pin = remembered.get(descriptor);
  if (!pin) {
    const name = `descriptor ${descriptor}`;
    const read = readFile(`/proc/self/fd/${descriptor}`, name);
    if (typeof read === "string") return read;
    remembered.set(descriptor, pin = read);
  }
  const copy = keyRoom(pin.length);
  copy.set(pin);
  return copy;
}

function readFile(
  path: string,
  name: string,
): Uint8Array<ArrayBuffer> | string {
  const room = keyRoom(LONGEST_PIN_BYTES + 2);
  try {
    using file = Deno.openSync(path);
    const { isFile, mode } = file.statSync();
    if (isFile && ((mode ?? 0) & FOR_OTHERS) !== 0) {
      return `others may read the PIN in ${name}: chmod o= it`;
    }
    let length = 0;
    for (;;) {
      const read = file.readSync(room.subarray(length));
      if (!read) break;
      length += read;
    }
    return trimmed(room, length) ?? `${name} holds no PIN`;
  } catch (error) {
    const reason = messageOf(error);
    return `the PIN in ${name} cannot be read: ${reason}`;
  } finally {
    room.fill(0);
  }
}

/** A copy without the end of the line; undefined for none, or a longer one. */
function trimmed(
  room: Uint8Array,
  length: number,
): Uint8Array<ArrayBuffer> | undefined {
  let end = length;
  if (room[end - 1] === NEWLINE) end--;
  if (room[end - 1] === CARRIAGE_RETURN) end--;
  if (end < 1 || end > LONGEST_PIN_BYTES) return undefined;
  const pin = keyRoom(end);
  pin.set(room.subarray(0, end));
  return pin;
}
