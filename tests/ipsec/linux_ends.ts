/**
 * The two ends of a tunnel: Linux's set up like the device's, and the packets of
 * hosts behind them.
 *
 * @module
 */

import type {
  AeadAlgorithms,
  MacAlgorithms,
} from "../../driver/association_parameters.ts";
import {
  ipv4Packet,
  ipv6Packet,
  udpDatagram,
} from "../../testing/ip_packets.ts";
import type { GuestPacket, LinuxPeer } from "./linux_peer.ts";

/** Both versions of the addresses of the tunnel's ends, … */
export const OURS = { 4: "198.51.100.1", 6: "2001:db8::1" } as const;
export const LINUXES = { 4: "198.51.100.2", 6: "2001:db8::2" } as const;
/** … and of hosts in the networks behind them. */
export const HERE = { 4: "10.1.0.5", 6: "fd01::5" } as const;
export const THERE = { 4: "10.9.0.5", 6: "fd09::5" } as const;

export const TO_LINUX = 0x1001;
export const FROM_LINUX = 0x2002;

export type Version = 4 | 6;

/** How Linux's `ip xfrm state` names a suite. */
function xfrmAlgorithms(suite: AeadAlgorithms | MacAlgorithms): string {
  const hex = (...keys: (Uint8Array | undefined)[]) =>
    "0x" + keys.map((key) => key?.toHex() ?? "").join("");
  const aeads: Readonly<Record<string, string>> = {
    "gcm": "rfc4106(gcm(aes))",
    "ccm": "rfc4309(ccm(aes))",
    "chacha20-poly1305": "rfc7539esp(chacha20,poly1305)",
    "gmac-aes": "rfc4543(gcm(aes))",
  };
  if ("aead" in suite) {
    return `aead '${aeads[suite.aead]}' ${hex(suite.key, suite.salt)} 128`;
  }
  if (suite.mac === "gmac-aes") {
    return `aead '${aeads[suite.mac]}' ${hex(suite.macKey, suite.salt)} 128`;
  }
  const [mac, icvBits] = {
    "hmac-sha1": ["hmac(sha1)", 96],
    "hmac-sha256": ["hmac(sha256)", 128],
    "xcbc-aes": ["xcbc(aes)", 96],
    "cmac-aes": ["cmac(aes)", 96],
  }[suite.mac]!;
  const ciphers: Readonly<Record<string, string>> = {
    "aes-cbc": "cbc(aes)",
    "aes-ctr": "rfc3686(ctr(aes))",
  };
  const cipher = suite.cipher
    ? `'${ciphers[suite.cipher]}' ${hex(suite.cipherKey, suite.salt)}`
    : `'ecb(cipher_null)' ''`;
  return `enc ${cipher} auth-trunc '${mac}' ${hex(suite.macKey)} ${icvBits}`;
}

/** What the associations of a test have in common. */
export interface Shape {
  readonly suite: AeadAlgorithms | MacAlgorithms;
  readonly isTunnel: boolean;
  readonly version: Version;
  readonly extended?: boolean;
  readonly udp?: boolean;
  /** More of Linux's own words, for both of its states. */
  readonly words?: string;
}

export async function setUpNetwork(linux: LinuxPeer): Promise<void> {
  await linux.run("ip link set lo up");
  await linux.run(
    "for d in all default tun0 tun1; do " +
      "echo 0 >/proc/sys/net/ipv4/conf/$d/rp_filter; " +
      "echo 1 >/proc/sys/net/ipv6/conf/$d/forwarding; done; " +
      "echo 1 >/proc/sys/net/ipv4/ip_forward; " +
      "echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad",
  );
  const addresses = [
    ["tun0", `${LINUXES[4]}/24`],
    ["tun0", `${LINUXES[6]}/64 nodad`],
    ["tun1", "10.9.0.1/24"],
    ["tun1", "fd09::1/64 nodad"],
  ];
  for (const [name, address] of addresses) {
    await linux.run(`IP addr add ${address} dev ${name}`);
  }
  await linux.run("ip link set tun0 up && ip link set tun1 up");
  await linux.run(`IP route add 10.1.0.0/24 dev tun0`);
  await linux.run(`IP -6 route add fd01::/64 dev tun0`);
}

export async function setUpLinux(
  linux: LinuxPeer,
  shape: Shape,
): Promise<void> {
  const { suite, isTunnel, version, extended, udp, words } = shape;
  const mode = isTunnel ? "tunnel" : "transport";
  const ours = OURS[version];
  const linuxes = LINUXES[version];
  const rest = [
    `mode ${mode} reqid 1 replay-window 64`,
    // A tunnel is for packets of both versions.
    isTunnel || extended ? "flag" : "",
    isTunnel ? "af-unspec" : "",
    extended ? "esn" : "",
    xfrmAlgorithms(suite),
    udp ? "encap espinudp 4500 4500 0.0.0.0" : "",
    words ?? "",
  ].join(" ");
  const state = (from: string, to: string, spi: number) =>
    `xfrm state add src ${from} dst ${to} proto esp spi ${spi} ${rest}`;
  // One program for all: under emulation the start of one is what takes time.
  const commands = [
    "xfrm state flush",
    "xfrm policy flush",
    state(ours, linuxes, TO_LINUX),
    state(linuxes, ours, FROM_LINUX),
  ];
  const tmpl = (from: string, to: string) =>
    isTunnel
      ? `tmpl src ${from} dst ${to} proto esp reqid 1 mode tunnel`
      : "tmpl proto esp reqid 1 mode transport";
  const nets = isTunnel
    ? [["10.1.0.0/24", "10.9.0.0/24"], ["fd01::/64", "fd09::/64"]]
    : [[
      `${ours}/${version === 4 ? 32 : 128}`,
      `${linuxes}/${version === 4 ? 32 : 128}`,
    ]];
  for (const [here, there] of nets) {
    const policy = (direction: string, from: string, to: string, by: string) =>
      `xfrm policy add dir ${direction} src ${from} dst ${to} ${by}`;
    commands.push(
      policy("out", there!, here!, tmpl(linuxes, ours)),
      policy("in", here!, there!, tmpl(ours, linuxes)),
    );
    if (isTunnel) {
      commands.push(policy("fwd", here!, there!, tmpl(ours, linuxes)));
    }
  }
  const batch = commands.map((one) => `"${one}"`).join(" ");
  await linux.run(`printf '%s\\n' ${batch} | IP -batch -`);
}

/** What the kernel of an IPv6 host says of its own accord. */
const isChatter = (packet: Uint8Array) =>
  packet[0]! >> 4 === 6 && (packet[6] === 0 || packet[6] === 58);

export const only = (
  packets: readonly GuestPacket[],
  place: GuestPacket["place"],
) =>
  packets.filter((packet) =>
    packet.place === place && (place === "udp" || !isChatter(packet.bytes))
  ).map(({ bytes }) => bytes);

const DONT_FRAGMENT = 0x4000;

/** What of an inner packet's header is other than usual. */
export interface InnerFields {
  /** DSCP and ECN. */
  readonly trafficClass?: number;
  /** IPv4 only. */
  readonly dontFragment?: boolean;
  readonly ttl?: number;
}

/** A packet from one network to the other, as it is after `hops` routers. */
export function innerPacket(
  version: Version,
  from: Readonly<Record<Version, string>>,
  to: Readonly<Record<Version, string>>,
  payload: Uint8Array,
  hops = 0,
  fields: InnerFields = {},
): Uint8Array<ArrayBuffer> {
  const addresses = { source: from[version], destination: to[version] };
  const datagram = withChecksum(udpDatagram(payload), addresses, version);
  const { trafficClass = 0, dontFragment = false, ttl = 64 } = fields;
  return version === 4
    ? ipv4Packet(datagram, {
      ...addresses,
      trafficClass,
      fragment: dontFragment ? DONT_FRAGMENT : 0,
      ttl: ttl - hops,
    })
    : ipv6Packet(datagram, {
      ...addresses,
      trafficClass,
      hopLimit: ttl - hops,
    });
}

/** IPv6 wants one; IPv4 has none here. */
function withChecksum(
  datagram: Uint8Array<ArrayBuffer>,
  addresses: { source: string; destination: string },
  version: Version,
): Uint8Array<ArrayBuffer> {
  if (version === 4) return datagram;
  const pseudo = ipv6Packet(datagram, addresses);
  let sum = 17 + datagram.length;
  for (let i = 8; i < pseudo.length; i += 2) {
    sum += pseudo[i]! << 8 | (pseudo[i + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  new DataView(datagram.buffer).setUint16(6, ~sum & 0xffff || 0xffff);
  return datagram;
}
