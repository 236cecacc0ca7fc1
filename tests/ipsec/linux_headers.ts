/**
 * What this device and Linux make of the same packets: outer headers, what of them
 * comes inside, and when an association is used up. Where the two differ it is
 * said here, with the RFC that this device follows.
 *
 * @module
 */

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Status } from "../../device/wire/status.ts";
import type { Lifetime } from "../../driver/association_parameters.ts";
import { runPacket, type SecurityAssociation } from "../../driver/ipsec.ts";
import { pattern } from "../../testing/ip_packets.ts";
import { type IpsecBed, SUITES } from "../../testing/ipsec_bed.ts";
import {
  HERE,
  type InnerFields,
  innerPacket,
  LINUXES,
  only,
  OURS,
  setUpLinux,
  THERE,
  TO_LINUX,
  type Version,
} from "./linux_ends.ts";
import type { LinuxPeer } from "./linux_peer.ts";

const SUITE = SUITES["AES-128-GCM"]!;
const PAYLOAD = pattern(40);
const ECT_0 = 2;
const CE = 3;
const DSCP = 46 << 2;

/** The fields of a header that are compared. */
interface HeaderFields {
  readonly trafficClass: number;
  readonly dontFragment: boolean;
  readonly ttl: number;
}

function fieldsOf(packet: Uint8Array): HeaderFields {
  const view = new DataView(packet.buffer, packet.byteOffset);
  return packet[0]! >> 4 === 4
    ? {
      trafficClass: packet[1]!,
      dontFragment: (view.getUint16(6) & 0x4000) !== 0,
      ttl: packet[8]!,
    }
    : {
      trafficClass: view.getUint16(0) >> 4 & 0xff,
      dontFragment: false,
      ttl: packet[7]!,
    };
}

const INNER: readonly InnerFields[] = [
  {},
  { trafficClass: DSCP, dontFragment: true, ttl: 9 },
  { trafficClass: DSCP | 1 },
  { trafficClass: ECT_0, ttl: 2 },
  { trafficClass: DSCP | CE },
];

/** Headers of tunnels over `version`, whose inner packets are of the same. */
export async function compareHeaders(
  linux: LinuxPeer,
  bed: IpsecBed,
  version: Version,
): Promise<void> {
  await setUpLinux(linux, { suite: SUITE, isTunnel: true, version });
  const common = { spi: TO_LINUX, algorithms: SUITE, ecn: true };
  await using outbound = await bed.create({
    direction: "outbound",
    ...common,
    tunnel: { source: OURS[version], destination: LINUXES[version] },
    copyDscp: true,
    copyDf: true,
    decrementTtl: true,
  });
  await using inbound = await bed.create({
    direction: "inbound",
    mode: "tunnel",
    ...common,
  });
  for (const fields of INNER) {
    const back = innerPacket(version, THERE, HERE, PAYLOAD, 0, fields);
    const [theirs] = only(await linux.give("inside", back), "wire");
    const ours = (await outbound.encapsulate(back)).packet;
    const outer = fieldsOf(theirs!);
    const isCe = (outer.trafficClass & 3) === ECT_0 &&
      ((fields.trafficClass ?? 0) & 3) === CE;
    deepStrictEqual(fieldsOf(ours), {
      ...outer,
      // RFC 6040 has CE outside, too; Linux goes by RFC 3168.
      ...(isCe && { trafficClass: outer.trafficClass | CE }),
    });
    strictEqual(
      (await inbound.decapsulate(ours)).packet.toHex(),
      innerPacket(version, THERE, HERE, PAYLOAD, 1, fields).toHex(),
    );
  }
  const last = innerPacket(version, THERE, HERE, PAYLOAD, 0, { ttl: 1 });
  deepStrictEqual(only(await linux.give("inside", last), "wire"), []);
  strictEqual((await run(outbound, last)).status, Status.Error);
  await compareCongestion(linux, bed, version);
}

const run = (association: SecurityAssociation, packet: Uint8Array) =>
  runPacket(association, packet, packet.length + 105);

/** Each outer with each inner ECN; undefined: the packet is dropped. */
async function compareCongestion(
  linux: LinuxPeer,
  bed: IpsecBed,
  version: Version,
): Promise<void> {
  const common = { spi: TO_LINUX, algorithms: SUITE };
  await using outbound = await bed.create({
    direction: "outbound",
    ...common,
    tunnel: { source: OURS[version], destination: LINUXES[version] },
  });
  await using inbound = await bed.create({
    direction: "inbound",
    mode: "tunnel",
    ...common,
    ecn: true,
  });
  for (const outer of [0, 1, ECT_0, CE]) {
    for (const inner of [0, 1, ECT_0, CE]) {
      const packet = innerPacket(version, HERE, THERE, PAYLOAD, 0, {
        trafficClass: inner,
      });
      const sent = (await outbound.encapsulate(packet)).packet;
      setCongestion(sent, outer);
      const [theirs] = only(await linux.give("wire", sent), "inside");
      const { status, destination } = await run(inbound, sent);
      const ours = status === Status.Ok
        ? fieldsOf(destination).trafficClass
        : undefined;
      const seen = theirs && fieldsOf(theirs).trafficClass;
      // RFC 6040 §4.2; Linux goes by RFC 3168.
      const differs = outer === CE && inner === 0
        ? { ours: undefined, seen: 0 }
        : outer === 1 && inner === ECT_0
        ? { ours: 1, seen: ECT_0 }
        : undefined;
      deepStrictEqual(
        { ours, seen },
        differs ?? { ours: seen, seen },
        `outer ${outer}, inner ${inner}`,
      );
    }
  }
}

/** Marks an outer header on the way. */
function setCongestion(packet: Uint8Array, ecn: number): void {
  const view = new DataView(packet.buffer, packet.byteOffset);
  if (packet[0]! >> 4 === 6) {
    view.setUint16(0, view.getUint16(0) & ~0x30 | ecn << 4);
    return;
  }
  packet[1] = packet[1]! & ~3 | ecn;
  view.setUint16(10, 0);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(10, ~sum & 0xffff);
}

const TRIES = 4;
/** An inner packet is 68 bytes long. */
const LIMITS: readonly (readonly [string, Lifetime, number])[] = [
  ["limit packet-hard 2", { hardPackets: 2 }, 2],
  ["limit byte-hard 137", { hardBytes: 137 }, 3],
  ["limit byte-hard 136", { hardBytes: 136 }, 2],
];

/** How many packets pass before an association is used up, both ways. */
export async function compareLifetimes(
  linux: LinuxPeer,
  bed: IpsecBed,
): Promise<void> {
  const tunnel = { source: OURS[4], destination: LINUXES[4] };
  const common = { spi: TO_LINUX, algorithms: SUITE };
  for (const [words, lifetime, expected] of LIMITS) {
    const shape = { suite: SUITE, isTunnel: true, version: 4, words } as const;
    await setUpLinux(linux, shape);
    await using unlimited = await bed.create({
      direction: "outbound",
      ...common,
      tunnel,
    });
    await using outbound = await bed.create({
      direction: "outbound",
      ...common,
      tunnel,
      lifetime,
    });
    await using inbound = await bed.create({
      direction: "inbound",
      mode: "tunnel",
      ...common,
      lifetime,
    });
    const passed = { out: 0, in: 0, theirsOut: 0, theirsIn: 0 };
    for (let i = 0; i < TRIES; i++) {
      const back = innerPacket(4, THERE, HERE, PAYLOAD);
      if ((await run(outbound, back)).status === Status.Ok) passed.out++;
      const wire = await linux.give("inside", back);
      passed.theirsOut += only(wire, "wire").length;
      const packet = innerPacket(4, HERE, THERE, PAYLOAD);
      const sent = (await unlimited.encapsulate(packet)).packet;
      if ((await run(inbound, sent)).status === Status.Ok) passed.in++;
      const inside = await linux.give("wire", sent);
      passed.theirsIn += only(inside, "inside").length;
    }
    deepStrictEqual(passed, {
      out: expected,
      in: expected,
      theirsOut: expected,
      theirsIn: expected,
    }, words);
  }
}
