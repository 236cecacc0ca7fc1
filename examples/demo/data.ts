/**
 * What the demo sends through the device.
 *
 * @module
 */

import { Mistake } from "../../testing/task.ts";

const DEFAULT_FILE = new URL("../../LICENSE", import.meta.url);
/** Of a longer file the demo takes the beginning: it costs time and memory. */
export const MOST_BYTES: number = 16 * 1024 * 1024;
const BLOCK_BYTES = 16;

/** Whole blocks, and what they are. */
export interface DemoData {
  readonly bytes: Uint8Array;
  readonly name: string;
}

/**
 * The beginning of a file, padded to whole blocks; or a file of the repository,
 * repeated.
 *
 * @throws {Mistake} for a file that cannot be read, or is empty
 */
export async function readData(path: string | undefined): Promise<DemoData> {
  if (path === undefined) return await repeated();
  try {
    using file = await Deno.open(path);
    const buffer = new Uint8Array(MOST_BYTES);
    const length = await fill(file, buffer);
    if (length === 0) throw new Mistake(`Cannot use "${path}": it is empty`);
    const blocks = Math.ceil(length / BLOCK_BYTES);
    const isWhole = await file.read(new Uint8Array(1)) === null;
    return {
      bytes: buffer.slice(0, blocks * BLOCK_BYTES),
      name: isWhole ? path : `the beginning of ${path}`,
    };
  } catch (error) {
    if (error instanceof Mistake) throw error;
    const reason = error instanceof Error ? error.message : `${error}`;
    throw new Mistake(`Cannot use "${path}": ${reason}`);
  }
}

/** Reads until `buffer` is full or the file at its end; the bytes read. */
async function fill(file: Deno.FsFile, buffer: Uint8Array): Promise<number> {
  let length = 0;
  while (length < buffer.length) {
    const read = await file.read(buffer.subarray(length));
    if (read === null) break;
    length += read;
  }
  return length;
}

async function repeated(): Promise<DemoData> {
  const text = await Deno.readFile(DEFAULT_FILE);
  const bytes = new Uint8Array(MOST_BYTES);
  for (let at = 0; at < bytes.length; at += text.length) {
    bytes.set(text.subarray(0, bytes.length - at), at);
  }
  return { bytes, name: "LICENSE, repeated" };
}
