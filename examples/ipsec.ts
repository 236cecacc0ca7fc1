/**
 * Two virtio-crypto devices with an IPsec tunnel between them: a packet goes into
 * the one and comes out of the other. It needs no permission:
 * `deno run examples/ipsec.ts`.
 *
 * @module
 */

import { createDevice, Driver } from "../mod.ts";

/** An IPv4 packet with a text in it, from 10.0.0.1 to 10.0.0.2. */
function packetOf(text: string): Uint8Array {
  const payload = new TextEncoder().encode(text);
  const packet = new Uint8Array(20 + payload.length);
  const view = new DataView(packet.buffer);
  packet.set([0x45, 0, 0, packet.length, 0, 0, 0, 0, 64, 253]);
  packet.set([10, 0, 0, 1, 10, 0, 0, 2], 12);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(10, ~sum & 0xffff);
  packet.set(payload, 20);
  return packet;
}

await using here = await Driver.start(await createDevice(), { ipsec: true });
await using there = await Driver.start(await createDevice(), { ipsec: true });

// Both ends know these, from a key exchange that is not a device's matter.
const algorithms = {
  aead: "gcm",
  key: crypto.getRandomValues(new Uint8Array(32)),
  salt: crypto.getRandomValues(new Uint8Array(4)),
};
const spi = 0x1001;

await using outbound = await here.ipsec({
  direction: "outbound",
  spi,
  algorithms,
  tunnel: { source: "198.51.100.1", destination: "198.51.100.2" },
});
await using inbound = await there.ipsec({
  direction: "inbound",
  mode: "tunnel",
  spi,
  algorithms,
});

const packet = packetOf("The way of a packet: tunnel, device, tunnel.");
console.log(`packet   ${packet.toHex()}`);
const sent = await outbound.encapsulate(packet);
console.log(`ESP      ${sent.packet.toHex()}`);
const received = await inbound.decapsulate(sent.packet);
console.log(
  `received ${new TextDecoder().decode(received.packet.subarray(20))}`,
);
try {
  await inbound.decapsulate(sent.packet);
} catch (error) {
  console.log(`again    ${(error as Error).message}`);
}
