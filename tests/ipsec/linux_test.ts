/**
 * This device and Linux at the two ends of IPsec: each packet that one makes the
 * other takes, once.
 */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Status } from "../../device/wire/status.ts";
import {
  type InboundAssociation,
  type OutboundAssociation,
  runPacket,
} from "../../driver/ipsec.ts";
import { pattern } from "../../testing/ip_packets.ts";
import { IpsecBed, SUITES } from "../../testing/ipsec_bed.ts";
import {
  FROM_LINUX,
  HERE,
  innerPacket,
  LINUXES,
  only,
  OURS,
  setUpLinux,
  setUpNetwork,
  type Shape,
  THERE,
  TO_LINUX,
} from "./linux_ends.ts";
import { compareHeaders, compareLifetimes } from "./linux_headers.ts";
import { LinuxPeer, testWithLinux } from "./linux_peer.ts";

interface Pair extends AsyncDisposable {
  readonly outbound: OutboundAssociation;
  readonly inbound: InboundAssociation;
}

async function setUpDevice(bed: IpsecBed, shape: Shape): Promise<Pair> {
  const { suite, isTunnel, version, extended, udp } = shape;
  const common = {
    algorithms: suite,
    ...(extended && { extendedSequenceNumbers: true }),
    ...(udp && { udp: {} }),
  };
  const outbound = await bed.create({
    direction: "outbound",
    spi: TO_LINUX,
    ...common,
    ...(isTunnel && {
      tunnel: { source: OURS[version], destination: LINUXES[version] },
    }),
  });
  const inbound = await bed.create({
    direction: "inbound",
    spi: FROM_LINUX,
    mode: isTunnel ? "tunnel" : "transport",
    ...common,
  });
  return {
    outbound,
    inbound,
    async [Symbol.asyncDispose]() {
      await outbound.close();
      await inbound.close();
    },
  };
}

const PAYLOADS = [0, 3, 700].map(pattern);

const statusOf = async (inbound: InboundAssociation, packet: Uint8Array) =>
  (await runPacket(inbound, packet, packet.length)).status;

async function throughTunnel(linux: LinuxPeer, bed: IpsecBed, shape: Shape) {
  await setUpLinux(linux, shape);
  await using pair = await setUpDevice(bed, shape);
  for (const inner of [4, 6] as const) {
    for (const payload of PAYLOADS) {
      const packet = innerPacket(inner, HERE, THERE, payload);
      const sent = await pair.outbound.encapsulate(packet);
      const received = only(await linux.give("wire", sent.packet), "inside");
      strictEqual(
        received.map((one) => one.toHex()).join(),
        innerPacket(inner, HERE, THERE, payload, 1).toHex(),
      );
      if (payload === PAYLOADS[0]) {
        await expectReplayRefused(linux, sent.packet);
      }
      const back = innerPacket(inner, THERE, HERE, payload);
      const wire = only(await linux.give("inside", back), "wire");
      strictEqual(wire.length, 1);
      const opened = await pair.inbound.decapsulate(wire[0]!);
      strictEqual(
        opened.packet.toHex(),
        innerPacket(inner, THERE, HERE, payload, 1).toHex(),
      );
      strictEqual(await statusOf(pair.inbound, wire[0]!), Status.Error);
    }
  }
  await expectIcvChecked(linux, pair);
}

async function expectReplayRefused(linux: LinuxPeer, packet: Uint8Array) {
  const before = await linux.count("XfrmInStateSeqError");
  const again = await linux.give("wire", packet);
  deepStrictEqual(only(again, "inside"), []);
  deepStrictEqual(only(again, "udp"), []);
  strictEqual(await linux.count("XfrmInStateSeqError"), before + 1);
}

async function expectIcvChecked(linux: LinuxPeer, pair: Pair) {
  const packet = innerPacket(4, HERE, THERE, pattern(40));
  const sent = await pair.outbound.encapsulate(packet);
  sent.packet[sent.packet.length - 1]! ^= 1;
  const before = await linux.count("XfrmInStateProtoError");
  deepStrictEqual(only(await linux.give("wire", sent.packet), "inside"), []);
  strictEqual(await linux.count("XfrmInStateProtoError"), before + 1);
}

async function throughTransport(linux: LinuxPeer, bed: IpsecBed, shape: Shape) {
  const { version } = shape;
  await setUpLinux(linux, shape);
  await using pair = await setUpDevice(bed, shape);
  for (const payload of PAYLOADS) {
    const packet = innerPacket(version, OURS, LINUXES, payload);
    const sent = await pair.outbound.encapsulate(packet);
    const received = only(await linux.give("wire", sent.packet), "udp");
    deepStrictEqual(received.map((one) => one.toHex()), [payload.toHex()]);
    if (payload === PAYLOADS[0]) await expectReplayRefused(linux, sent.packet);
    const host = version === 4 ? `::ffff:${OURS[4]}` : OURS[6];
    const wire = only(await linux.send(host, payload), "wire");
    strictEqual(wire.length, 1);
    const opened = await pair.inbound.decapsulate(wire[0]!);
    const headerBytes = version === 4 ? 20 : 40;
    strictEqual(opened.packet[version === 4 ? 9 : 6], 17);
    strictEqual(
      opened.packet.subarray(headerBytes + 8).toHex(),
      payload.toHex(),
    );
    strictEqual(await statusOf(pair.inbound, wire[0]!), Status.Error);
  }
}

testWithLinux(
  "this device and Linux talk to each other, and refuse replays",
  async (context) => {
    await using linux = await LinuxPeer.start();
    await setUpNetwork(linux);
    await using bed = await IpsecBed.start();
    for (const [name, suite] of Object.entries(SUITES)) {
      for (const version of [4, 6] as const) {
        await context.step(
          `${name}, tunnel over IPv${version}`,
          () => throughTunnel(linux, bed, { suite, isTunnel: true, version }),
        );
        await context.step(
          `${name}, transport over IPv${version}`,
          () =>
            throughTransport(linux, bed, { suite, isTunnel: false, version }),
        );
      }
    }
    for (const name of ["AES-128-GCM", "AES-256-CBC and HMAC-SHA-256"]) {
      const suite = SUITES[name]!;
      await context.step(`${name} with ESN`, () =>
        throughTunnel(linux, bed, {
          suite,
          isTunnel: true,
          version: 4,
          extended: true,
        }));
      await context.step(`${name} in UDP`, () =>
        throughTunnel(linux, bed, {
          suite,
          isTunnel: true,
          version: 4,
          udp: true,
        }));
    }
    for (const version of [4, 6] as const) {
      await context.step(
        `DSCP, ECN, DF and TTL of a tunnel over IPv${version}`,
        () => compareHeaders(linux, bed, version),
      );
    }
    await context.step(
      "hard limits of packets and bytes",
      () => compareLifetimes(linux, bed),
    );
  },
);
