/**
 * What all fuzz targets share: episodes that a seed repeats, and the numbers
 * that parsers stumble over.
 *
 * @module
 */

import type { Random } from "../../conformance/random.ts";
import type { Machine } from "../../testing/machine.ts";

/** Something that a hostile other side must never bring about. */
export class FuzzFailure extends Error {
  override readonly name = "FuzzFailure";
}

/** Throws unless `problem` is undefined. */
export function expectNone(what: string, problem: string | undefined): void {
  if (problem !== undefined) throw new FuzzFailure(`${what}: ${problem}`);
}

/** A run of cases on one device, which the seed of its `Random` repeats. */
export interface Episode {
  /** Tries one case. */
  step(): void | Promise<void>;
  /** Checks that the device still works and holds nothing, and ends it. */
  finish(): void | Promise<void>;
}

/** A surface of the device. */
export interface Target {
  readonly name: string;
  /** Cases of an episode. */
  readonly cases: number;
  start(backend: string, random: Random): Promise<Episode>;
}

const EDGES: readonly number[] = [
  ...[0, 1, 2, 3, 4, 7, 8, 12, 15, 16, 17, 31, 32, 63, 64, 65, 72, 104, 255],
  ...[256, 512, 513, 1023, 1024, 1025, 4095, 4096, 4097, 8191, 8192, 16384],
  ...[65535, 65536, 0x7fff_ffff, 0x8000_0000, 0xffff_0000, 0xffff_fff0],
  ...[0xffff_ffef, 0xffff_fffe, 0xffff_ffff],
];

/** A 32-bit number near an edge, small, or any. */
export function hostileWord(random: Random): number {
  switch (random.integer(4)) {
    case 0:
      return random.integer(0x1_0000_0000);
    case 1:
      return random.integer(300);
    default:
      return random.pick(EDGES);
  }
}

/** A guest address inside, around or far from the arena of `machine`. */
export function hostileAddress(random: Random, machine: Machine): bigint {
  const { guestAddress, region } = random.pick(machine.arena.regions);
  const inside = guestAddress + random.integer(region.lengthBytes);
  switch (random.integer(8)) {
    case 0:
      return BigInt(hostileWord(random)) << 32n | BigInt(hostileWord(random));
    case 1:
      return BigInt(guestAddress) - BigInt(random.integer(32));
    case 2:
      return BigInt(guestAddress + region.lengthBytes - random.integer(64));
    case 3:
      return 0xffff_ffff_ffff_ffffn - BigInt(random.integer(64));
    case 4:
      return BigInt(inside) + (1n << 53n);
    default:
      return BigInt(inside);
  }
}

/** Spoils one to three 32-bit words or bytes of `bytes`, before `end`. */
export function spoil(
  random: Random,
  bytes: Uint8Array<ArrayBuffer>,
  end = bytes.length,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let n = 1 + random.integer(3); n > 0; n--) {
    if (end >= 4 && !random.oneIn(4)) {
      const at = 4 * random.integer(Math.floor(end / 4));
      view.setUint32(at, hostileWord(random), true);
    } else if (end > 0) bytes[random.integer(end)] = random.integer(256);
  }
}

/** The device's own promises, and the fence. */
export function expectSound(machine: Machine): void {
  const { watch, arena } = machine;
  expectNone("backend contract", watch.problems[0]);
  expectNone("written outside guest memory", arena.fenceDamage());
}

/** After a reset no session may be open, in the table or on a backend. */
export function expectNoLeak(machine: Machine): void {
  machine.reset();
  const { watch, device } = machine;
  if (device.sessions.size !== 0 || watch.openSessions !== 0) {
    throw new FuzzFailure(
      `${device.sessions.size} sessions and ${watch.openSessions} of the ` +
        "backend are left after a reset",
    );
  }
}
