/**
 * What ESP does to the headers around it (RFC 4301, RFC 4303, RFC 6040, RFC
 * 3948), over the whole way from a driver and back.
 */
import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import type {
  OutboundParameters,
  TunnelParameters,
} from "../../driver/association_parameters.ts";
import { addressBytes } from "../../driver/ip_address.ts";
import {
  checksum,
  type Ipv4Fields,
  ipv4Packet,
  type Ipv6Fields,
  ipv6Packet,
  pattern,
  udpDatagram,
} from "../../testing/ip_packets.ts";
import { IpsecBed, SUITES } from "../../testing/ipsec_bed.ts";

const GCM = SUITES["AES-128-GCM"]!;
/** An ICV that a test can see through, as nothing is encrypted. */
const CLEAR = SUITES["NULL and HMAC-SHA-256"]!;
const TUNNEL_4: TunnelParameters = {
  source: "198.51.100.1",
  destination: "198.51.100.2",
};
const TUNNEL_6: TunnelParameters = {
  source: "2001:db8::1",
  destination: "2001:db8::2",
};
const PAYLOAD = udpDatagram(pattern(30));
const FRAGMENT = 44;
const OPTIONS = 60;
const ROUTING = 43;
const HOP_BY_HOP = 0;

function wrap(
  bed: IpsecBed,
  changes: Partial<OutboundParameters> = {},
) {
  return bed.create({
    direction: "outbound",
    spi: 0x1001,
    algorithms: CLEAR,
    ...changes,
  });
}

function unwrap(
  bed: IpsecBed,
  mode: "tunnel" | "transport",
  changes: { udp?: object; ecn?: boolean; algorithms?: typeof GCM } = {},
) {
  return bed.create({
    direction: "inbound",
    mode,
    spi: 0x1001,
    algorithms: CLEAR,
    // Packets are made by hand, and some come twice.
    replayWindow: 0,
    ...changes,
  });
}

async function encapsulate(
  bed: IpsecBed,
  packet: Uint8Array,
  changes: Partial<OutboundParameters> = {},
): Promise<Uint8Array<ArrayBuffer>> {
  await using outbound = await wrap(bed, changes);
  return (await outbound.encapsulate(packet)).packet;
}

const viewOf = (bytes: Uint8Array) =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
const trafficClassOf = (packet: Uint8Array) =>
  packet[0]! >> 4 === 4 ? packet[1]! : viewOf(packet).getUint16(0) >> 4 & 0xff;

function expectSoundIpv4(packet: Uint8Array): void {
  const headerBytes = 4 * (packet[0]! & 15);
  strictEqual(checksum(packet.subarray(0, headerBytes)), 0, "checksum");
  strictEqual(viewOf(packet).getUint16(2), packet.length, "total length");
}

Deno.test("a tunnel's outer IPv4 header is what the association says", async () => {
  await using bed = await IpsecBed.start();
  await using outbound = await wrap(bed, {
    tunnel: { ...TUNNEL_4, dscp: 46, dontFragment: true, ttl: 33 },
  });
  for (let sequence = 1; sequence <= 3; sequence++) {
    const { packet } = await outbound.encapsulate(ipv4Packet(PAYLOAD));
    expectSoundIpv4(packet);
    strictEqual(packet[0], 0x45);
    strictEqual(packet[1], 46 << 2);
    strictEqual(viewOf(packet).getUint16(4), sequence, "another id for each");
    strictEqual(viewOf(packet).getUint16(6), 0x4000);
    deepStrictEqual([packet[8], packet[9]], [33, 50]);
    deepStrictEqual(packet.slice(12, 16), addressBytes(TUNNEL_4.source));
    deepStrictEqual(packet.slice(16, 20), addressBytes(TUNNEL_4.destination));
    strictEqual(viewOf(packet).getUint32(20), 0x1001);
    strictEqual(viewOf(packet).getUint32(24), sequence);
  }
});

Deno.test("a tunnel's outer IPv6 header is what the association says", async () => {
  await using bed = await IpsecBed.start();
  const packet = await encapsulate(bed, ipv4Packet(PAYLOAD), {
    tunnel: { ...TUNNEL_6, dscp: 63, ttl: 5, flowLabel: 0xfffff },
  });
  strictEqual(viewOf(packet).getUint32(0), 0x6fcfffff);
  strictEqual(viewOf(packet).getUint16(4), packet.length - 40);
  deepStrictEqual([packet[6], packet[7]], [50, 5]);
  deepStrictEqual(packet.slice(8, 24), addressBytes(TUNNEL_6.source));
  deepStrictEqual(packet.slice(24, 40), addressBytes(TUNNEL_6.destination));
  strictEqual(viewOf(packet).getUint32(40), 0x1001);
});

Deno.test("the trailer pads with 1, 2, 3, … to words, and names what is inside", async () => {
  await using bed = await IpsecBed.start();
  const inside = (packet: Uint8Array) => packet.slice(28, -16);
  for (const [lengthBytes, padding] of [[0, 2], [1, 1], [2, 0], [3, 3]]) {
    const inner = ipv4Packet(pattern(lengthBytes!));
    const sent = await encapsulate(bed, inner, { tunnel: TUNNEL_4 });
    const expected = [
      ...inner,
      ...[1, 2, 3].slice(0, padding),
      padding,
      4,
    ];
    deepStrictEqual([...inside(sent)], expected);
  }
  const six = ipv6Packet(pattern(2));
  const tunnelled = await encapsulate(bed, six, { tunnel: TUNNEL_4 });
  strictEqual(inside(tunnelled).at(-1), 41);
  const transport = await encapsulate(bed, ipv4Packet(pattern(2)));
  deepStrictEqual([...inside(transport)], [...pattern(2), 0, 17]);
});

Deno.test("DSCP is the association's own, or copied where that is wanted", async () => {
  await using bed = await IpsecBed.start();
  const tunnels = [{ ...TUNNEL_4, dscp: 10 }, { ...TUNNEL_6, dscp: 10 }];
  for (const tunnel of tunnels) {
    for (const make of [ipv4Packet, ipv6Packet]) {
      const inner = make(PAYLOAD, { trafficClass: 46 << 2 | 2 });
      const own = await encapsulate(bed, inner, { tunnel });
      strictEqual(trafficClassOf(own), 10 << 2, "ECN does not pass");
      const copied = await encapsulate(bed, inner, { tunnel, copyDscp: true });
      strictEqual(trafficClassOf(copied), 46 << 2);
      const both = await encapsulate(bed, inner, {
        tunnel,
        copyDscp: true,
        ecn: true,
      });
      strictEqual(trafficClassOf(both), 46 << 2 | 2);
      const ecn = await encapsulate(bed, inner, { tunnel, ecn: true });
      strictEqual(trafficClassOf(ecn), 10 << 2 | 2);
      if (own[0]! >> 4 === 4) expectSoundIpv4(both);
    }
  }
});

Deno.test("DF is the association's own, or copied of an IPv4 packet", async () => {
  await using bed = await IpsecBed.start();
  const flags = async (
    inner: Uint8Array,
    dontFragment: boolean,
    copyDf: boolean,
  ) => {
    const tunnel = { ...TUNNEL_4, dontFragment };
    const packet = await encapsulate(bed, inner, { tunnel, copyDf });
    expectSoundIpv4(packet);
    return viewOf(packet).getUint16(6);
  };
  const set = ipv4Packet(PAYLOAD, { fragment: 0x4000 });
  const clear = ipv4Packet(PAYLOAD);
  strictEqual(await flags(set, false, false), 0);
  strictEqual(await flags(set, false, true), 0x4000);
  strictEqual(await flags(clear, true, true), 0);
  strictEqual(await flags(clear, true, false), 0x4000);
  strictEqual(await flags(ipv6Packet(PAYLOAD), true, true), 0x4000);
  strictEqual(await flags(ipv6Packet(PAYLOAD), false, true), 0);
});

Deno.test("TTL and hop limit go down where that is wanted, and at 1 nothing leaves", async () => {
  await using bed = await IpsecBed.start();
  const inbound = await unwrap(bed, "tunnel");
  const cases = [
    (ttl: number) => ipv4Packet(PAYLOAD, { ttl }),
    (hopLimit: number) => ipv6Packet(PAYLOAD, { hopLimit }),
  ];
  for (const make of cases) {
    for (const ttl of [255, 2]) {
      const wish = { tunnel: TUNNEL_4, decrementTtl: true };
      const sent = await encapsulate(bed, make(ttl), wish);
      const { packet } = await inbound.decapsulate(sent);
      deepStrictEqual(packet, make(ttl - 1), "with its checksum mended");
      const kept = await encapsulate(bed, make(ttl), { tunnel: TUNNEL_4 });
      deepStrictEqual((await inbound.decapsulate(kept)).packet, make(ttl));
    }
    for (const ttl of [1, 0]) {
      await rejects(
        encapsulate(bed, make(ttl), { tunnel: TUNNEL_4, decrementTtl: true }),
        /answered ERR/,
      );
    }
  }
});

/** Result of RFC 6040 §4.2, figure 4, by inner and outer ECN; -1: dropped. */
const DECAPSULATED = [
  [0, 0, 0, -1],
  [1, 1, 1, 3],
  [2, 1, 2, 3],
  [3, 3, 3, 3],
];

Deno.test("congestion that a tunnel has met passes to what was inside (RFC 6040)", async () => {
  await using bed = await IpsecBed.start();
  await using heeds = await unwrap(bed, "tunnel", { ecn: true });
  await using ignores = await unwrap(bed, "tunnel");
  for (const make of [ipv4Packet, ipv6Packet]) {
    for (let inner = 0; inner < 4; inner++) {
      for (let outer = 0; outer < 4; outer++) {
        const packet = make(PAYLOAD, { trafficClass: 0xb8 | inner });
        const sent = await encapsulate(bed, packet, { tunnel: TUNNEL_4 });
        sent[1] = sent[1]! | outer;
        const plain = await ignores.decapsulate(sent);
        deepStrictEqual(plain.packet, packet);
        const expected = DECAPSULATED[inner]![outer]!;
        if (expected < 0) {
          await rejects(heeds.decapsulate(sent), /answered ERR/);
          continue;
        }
        const raised = make(PAYLOAD, { trafficClass: 0xb8 | expected });
        const heeded = await heeds.decapsulate(sent);
        deepStrictEqual(heeded.packet, raised, `${inner} in ${outer}`);
      }
    }
  }
});

Deno.test("transport mode keeps IPv4's header and options, and gives them back", async () => {
  await using bed = await IpsecBed.start();
  await using inbound = await unwrap(bed, "transport");
  const options = Uint8Array.of(0x94, 4, 0, 0, 1, 1, 1, 0);
  const fields: readonly Ipv4Fields[] = [
    { trafficClass: 0xbb, id: 77, fragment: 0x4000, ttl: 9 },
    { options },
    { options: new Uint8Array(40).fill(1), protocol: 6 },
  ];
  for (const one of fields) {
    const packet = ipv4Packet(PAYLOAD, one);
    const headerBytes = packet.length - PAYLOAD.length;
    const sent = await encapsulate(bed, packet);
    expectSoundIpv4(sent);
    strictEqual(sent[9], 50);
    const kept = [...sent.slice(0, headerBytes)];
    const changed = [2, 3, 9, 10, 11];
    deepStrictEqual(
      kept.filter((_, at) => !changed.includes(at)),
      [...packet.slice(0, headerBytes)].filter((_, at) =>
        !changed.includes(at)
      ),
    );
    deepStrictEqual((await inbound.decapsulate(sent)).packet, packet);
  }
});

/** An extension header of 8 bytes; more of them with `words`. */
function extension(next: number, type: number, words = 0): Uint8Array {
  const header = new Uint8Array(8 * (words + 1));
  header[0] = next;
  if (type !== FRAGMENT) header[1] = words;
  return header;
}

/** A chain of extension headers before UDP; gives the packet's payload. */
function chainOf(types: readonly number[]): Uint8Array<ArrayBuffer> {
  const headers = types.flatMap((type, index) => [
    ...extension(types[index + 1] ?? 17, type, type === ROUTING ? 2 : 0),
  ]);
  return Uint8Array.from([...headers, ...PAYLOAD]);
}

Deno.test("transport mode puts ESP behind the extension headers that routers look at", async () => {
  await using bed = await IpsecBed.start();
  await using inbound = await unwrap(bed, "transport");
  /** Extension headers, and how many bytes of them come before ESP. */
  const cases: readonly [readonly number[], number][] = [
    [[], 0],
    [[HOP_BY_HOP], 8],
    [[HOP_BY_HOP, ROUTING], 32],
    [[FRAGMENT], 8],
    [[OPTIONS], 0],
    [[HOP_BY_HOP, OPTIONS], 8],
    [[OPTIONS, ROUTING], 32],
    [[HOP_BY_HOP, OPTIONS, ROUTING, FRAGMENT, OPTIONS], 48],
  ];
  for (const [types, before] of cases) {
    const fields: Ipv6Fields = {
      nextHeader: types[0] ?? 17,
      trafficClass: 0xbb,
      hopLimit: 3,
    };
    const packet = ipv6Packet(chainOf(types), fields);
    const sent = await encapsulate(bed, packet);
    strictEqual(viewOf(sent).getUint16(4), sent.length - 40);
    strictEqual(viewOf(sent).getUint32(40 + before), 0x1001, `${types}`);
    deepStrictEqual((await inbound.decapsulate(sent)).packet, packet);
  }
});

Deno.test("ESP behind destination options is found, and they stay", async () => {
  await using bed = await IpsecBed.start();
  await using inbound = await unwrap(bed, "transport");
  const sent = await encapsulate(bed, ipv6Packet(PAYLOAD));
  const options = extension(50, OPTIONS, 1);
  const packet = ipv6Packet(
    Uint8Array.from([...options, ...sent.slice(40)]),
    { nextHeader: OPTIONS },
  );
  options[0] = 17;
  deepStrictEqual(
    (await inbound.decapsulate(packet)).packet,
    ipv6Packet(Uint8Array.from([...options, ...PAYLOAD]), {
      nextHeader: OPTIONS,
    }),
  );
});

Deno.test("fragments go through tunnels and not through transport mode", async () => {
  await using bed = await IpsecBed.start();
  await using inbound = await unwrap(bed, "tunnel");
  const six = chainOf([FRAGMENT]);
  six[3] = 1;
  const fragments = [
    ipv4Packet(PAYLOAD, { fragment: 0x2000 }),
    ipv4Packet(PAYLOAD, { fragment: 5 }),
    ipv6Packet(six, { nextHeader: FRAGMENT }),
  ];
  for (const fragment of fragments) {
    const sent = await encapsulate(bed, fragment, { tunnel: TUNNEL_4 });
    deepStrictEqual((await inbound.decapsulate(sent)).packet, fragment);
    await rejects(encapsulate(bed, fragment), /answered ERR/);
  }
  const sent = await encapsulate(bed, ipv4Packet(PAYLOAD), {
    tunnel: TUNNEL_4,
  });
  sent[6] = 0x20;
  await rejects(inbound.decapsulate(sent), /answered ERR/, "of an ESP packet");
});

Deno.test("UDP encapsulation has 8 bytes more, with its ports and no checksum", async () => {
  await using bed = await IpsecBed.start();
  await using inbound = await unwrap(bed, "tunnel", { udp: {} });
  const inner = ipv4Packet(PAYLOAD);
  const cases = [
    { tunnel: TUNNEL_4, udp: {}, ports: "11941194" },
    {
      tunnel: TUNNEL_4,
      udp: { sourcePort: 1, destinationPort: 0xffff },
      ports: "0001ffff",
    },
    { tunnel: TUNNEL_6, udp: {}, ports: "11941194" },
  ];
  for (const { tunnel, udp, ports } of cases) {
    const sent = await encapsulate(bed, inner, { tunnel, udp });
    const at = tunnel === TUNNEL_4 ? 20 : 40;
    strictEqual(sent[tunnel === TUNNEL_4 ? 9 : 6], 17);
    strictEqual(sent.subarray(at, at + 4).toHex(), ports);
    strictEqual(viewOf(sent).getUint16(at + 4), sent.length - at);
    strictEqual(viewOf(sent).getUint16(at + 6), 0);
    // A NAT may change the ports.
    sent[at] = sent[at]! ^ 0x5a;
    deepStrictEqual((await inbound.decapsulate(sent)).packet, inner);
  }
  const plain = await encapsulate(bed, inner, { tunnel: TUNNEL_4 });
  await rejects(inbound.decapsulate(plain), /answered ERR/, "without UDP");
  const keepAlive = ipv4Packet(udpDatagram(Uint8Array.of(0xff)));
  await rejects(inbound.decapsulate(keepAlive), /answered ERR/);
  const ike = ipv4Packet(udpDatagram(new Uint8Array(64)));
  await rejects(inbound.decapsulate(ike), /answered ERR/);
});

Deno.test("bytes behind a packet are not part of it, of an inner one neither", async () => {
  await using bed = await IpsecBed.start();
  await using inbound = await unwrap(bed, "tunnel");
  for (const inner of [ipv4Packet(PAYLOAD), ipv6Packet(PAYLOAD)]) {
    const longer = Uint8Array.from([...inner, 1, 2, 3]);
    const sent = await encapsulate(bed, longer, { tunnel: TUNNEL_4 });
    const exact = await encapsulate(bed, inner, { tunnel: TUNNEL_4 });
    strictEqual(sent.length, exact.length);
    const received = Uint8Array.from([...sent, 9, 9, 9]);
    deepStrictEqual((await inbound.decapsulate(received)).packet, inner);
  }
});

Deno.test("a packet of 65535 bytes is the longest that leaves", async () => {
  await using bed = await IpsecBed.start();
  await using inbound = await unwrap(bed, "tunnel");
  // 20 outer, 8 ESP, 2 trailer, 16 ICV: a multiple of 4 in between.
  const longest = 65535 - 20 - 8 - 16 - (65535 - 44) % 4 - 2;
  const inner = ipv4Packet(pattern(longest - 20));
  const sent = await encapsulate(bed, inner, { tunnel: TUNNEL_4 });
  deepStrictEqual((await inbound.decapsulate(sent)).packet, inner);
  await rejects(
    encapsulate(bed, ipv4Packet(pattern(longest - 19)), { tunnel: TUNNEL_4 }),
    /answered ERR/,
  );
  const six = ipv6Packet(pattern(65535));
  await rejects(encapsulate(bed, six, { tunnel: TUNNEL_6 }), /answered ERR/);
});
