/** Packets of this device's and of DPDK's librte_ipsec: each takes the other's. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import {
  ipv4Packet,
  ipv6Packet,
  pattern,
  udpDatagram,
} from "../../testing/ip_packets.ts";
import { IpsecBed, SUITES } from "../../testing/ipsec_bed.ts";
import { lines } from "../guest/guest.ts";
import { DpdkProgram, testWithDpdk } from "./dpdk_peer.ts";

const TUNNEL = { source: "198.51.100.1", destination: "198.51.100.2" };

testWithDpdk(
  "librte_ipsec and this device make and read the same packets, and refuse replays",
  async () => {
    await using program = await DpdkProgram.compile();
    const peer = new Deno.Command(program.path, {
      args: ["crypto_openssl", "serve"],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const input = peer.stdin.getWriter();
    const output = lines(peer.stdout);
    const ask = async (word: string, packet: Uint8Array): Promise<string> => {
      const line = `${word} ${packet.toHex()}\n`;
      await input.write(new TextEncoder().encode(line));
      return (await output.next()).value!;
    };
    await using bed = await IpsecBed.start();
    const common = { spi: 0x1001, algorithms: SUITES["AES-128-GCM"]! };
    await using outbound = await bed.create({
      direction: "outbound",
      ...common,
      tunnel: TUNNEL,
    });
    await using inbound = await bed.create({
      direction: "inbound",
      mode: "tunnel",
      ...common,
    });
    let sequence = 0;
    for (const lengthBytes of [0, 1, 2, 3, 100, 1200]) {
      const inner = ipv4Packet(udpDatagram(pattern(lengthBytes)));
      sequence++;
      const theirs = Uint8Array.fromHex(await ask("out", inner));
      // Their IV is the sequence number.
      bed.setIv(new DataView(theirs.buffer).getBigUint64(28));
      const { packet: ours } = await outbound.encapsulate(inner);
      strictEqual(ours.subarray(20).toHex(), theirs.subarray(20).toHex());
      strictEqual(new DataView(ours.buffer).getUint32(24), sequence);
      strictEqual(await ask("in", ours), inner.toHex());
      strictEqual(await ask("in", ours), "error");
      deepStrictEqual((await inbound.decapsulate(theirs)).packet, inner);
    }
    const spoiled = (await outbound.encapsulate(ipv6Packet(pattern(4)))).packet;
    spoiled[spoiled.length - 1]! ^= 1;
    strictEqual(await ask("in", spoiled), "error");
    await input.close();
    while (!(await output.next()).done);
    await peer.status;
  },
);
