/**
 * Writes the "newc" cpio archives that Linux unpacks as its first file system
 * (the kernel's Documentation/driver-api/early-userspace/buffer-format.rst).
 *
 * @module
 */

export interface CpioEntry {
  readonly path: string;
  /** Absent for a folder. */
  readonly content?: Uint8Array<ArrayBuffer>;
  readonly executable?: boolean;
}

const FOLDER = 0o040755;
const FILE = 0o100644;
const PROGRAM = 0o100755;

/** Times, owners and inode numbers are fixed, so the same entries give the same bytes. */
export function cpioArchive(
  entries: readonly CpioEntry[],
): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  entries.forEach((entry, index) => parts.push(...record(entry, index + 1)));
  parts.push(...record({ path: "TRAILER!!!", content: new Uint8Array() }, 0));
  return joined(parts);
}

function record(entry: CpioEntry, inode: number): Uint8Array<ArrayBuffer>[] {
  const content = entry.content ?? new Uint8Array();
  const mode = entry.content === undefined
    ? FOLDER
    : entry.executable
    ? PROGRAM
    : FILE;
  const name = new TextEncoder().encode(`${entry.path}\0`);
  const links = 1;
  const fields = [
    inode,
    mode,
    0,
    0,
    links,
    0,
    content.length,
    0,
    0,
    0,
    0,
    name.length,
    0,
  ];
  const header = new TextEncoder().encode(
    "070701" +
      fields.map((field) => field.toString(16).padStart(8, "0")).join(""),
  );
  return [
    header,
    name,
    padding(header.length + name.length),
    content,
    padding(content.length),
  ];
}

function padding(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array((4 - (length % 4)) % 4);
}

function joined(
  parts: readonly Uint8Array<ArrayBuffer>[],
): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(
    parts.reduce((length, part) => length + part.length, 0),
  );
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
