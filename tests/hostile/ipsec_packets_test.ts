/**
 * Packets that whoever has the keys may send: their ICV is right, and what is
 * inside is not. And packets whose headers lie.
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createHmac } from "node:crypto";
import { Status } from "../../device/wire/status.ts";
import type {
  InboundParameters,
  MacAlgorithms,
} from "../../driver/association_parameters.ts";
import { type InboundAssociation, runPacket } from "../../driver/ipsec.ts";
import {
  ipv4Packet,
  ipv6Packet,
  pattern,
  udpDatagram,
} from "../../testing/ip_packets.ts";
import { IpsecBed, SUITES } from "../../testing/ipsec_bed.ts";

const SPI = 0x1001;
/** Nothing is encrypted, so that a test can write what it likes. */
const SUITE = SUITES["NULL and HMAC-SHA-256"] as MacAlgorithms;
const INNER = ipv4Packet(udpDatagram(pattern(20)));

/** ESP with a right ICV around `data`, which ends with its trailer. */
function sealed(
  data: readonly number[],
  sequence = 1,
  spi = SPI,
): Uint8Array<ArrayBuffer> {
  const covered = new Uint8Array(8 + data.length);
  const view = new DataView(covered.buffer);
  view.setUint32(0, spi);
  view.setUint32(4, sequence);
  covered.set(data, 8);
  const icv = createHmac("sha256", SUITE.macKey).update(covered).digest();
  return Uint8Array.from([...covered, ...icv.subarray(0, 16)]);
}

const inIpv4 = (esp: Uint8Array) => ipv4Packet(esp, { protocol: 50 });

async function withInbound(
  changes: Partial<InboundParameters>,
  body: (inbound: InboundAssociation) => Promise<void>,
): Promise<void> {
  await using bed = await IpsecBed.start();
  await using inbound = await bed.create({
    direction: "inbound",
    mode: "tunnel",
    spi: SPI,
    algorithms: SUITE,
    replayWindow: 0,
    ...changes,
  });
  await body(inbound);
}

async function expectRefused(
  inbound: InboundAssociation,
  packet: Uint8Array,
  what: string,
  status = Status.Error,
): Promise<void> {
  const outcome = await runPacket(inbound, packet, packet.length);
  strictEqual(outcome.status, status, what);
  strictEqual(outcome.writtenBytes, 1, what);
  ok(outcome.destination.every((byte) => byte === 0), what);
}

/** Data of a tunnel: a packet, padding and the trailer. */
const trailer = (...bytes: number[]) => [...INNER, ...bytes];

Deno.test("what is inside is looked at although the ICV is right", async () => {
  await withInbound({}, async (inbound) => {
    const cases: Readonly<Record<string, readonly number[]>> = {
      "padding that is not 1, 2, …": trailer(1, 3, 2, 4),
      "padding of zeros": trailer(0, 0, 2, 4),
      "padding longer than all data": [1, 2, 255, 4],
      "padding that is all data and one byte more": [1, 2, 3, 4],
      "nothing but padding": [1, 2, 2, 4],
      "another next header than its version": trailer(1, 2, 2, 41),
      "a next header that is no IP": trailer(1, 2, 2, 17),
      "a dummy packet": trailer(1, 2, 2, 59),
      "an inner packet of version 5": [0x55, ...trailer(1, 2, 2, 4).slice(1)],
      "an inner packet longer than the data": [
        ...INNER.with(3, INNER.length + 1),
        ...[1, 2, 2, 4],
      ],
      "an inner header of 16 bytes": [
        0x44,
        ...trailer(1, 2, 2, 4).slice(1),
      ],
      "an inner header of 60 bytes that is not there": [
        0x4f,
        ...trailer(1, 2, 2, 4).slice(1),
      ],
    };
    for (const [what, data] of Object.entries(cases)) {
      strictEqual(data.length % 4, 0, what);
      await expectRefused(inbound, inIpv4(sealed(data)), what);
    }
    const good = inIpv4(sealed(trailer(1, 2, 2, 4)));
    const { destination } = await runPacket(inbound, good, INNER.length);
    deepStrictEqual(destination, INNER);
  });
});

Deno.test("padding of 254 bytes is legal", async () => {
  await withInbound({}, async (inbound) => {
    const padding = Array.from({ length: 254 }, (_, i) => i + 1);
    const data = [...INNER, ...padding, 254, 4];
    strictEqual(data.length % 4, 0);
    const { destination, status } = await runPacket(
      inbound,
      inIpv4(sealed(data)),
      INNER.length,
    );
    strictEqual(status, Status.Ok);
    deepStrictEqual(destination, INNER);
  });
});

Deno.test("a packet without room for its result is ERR, and nothing is written", async () => {
  await withInbound({}, async (inbound) => {
    const good = inIpv4(sealed(trailer(1, 2, 2, 4)));
    for (const room of [0, 1, INNER.length - 1]) {
      const { status, writtenBytes, destination } = await runPacket(
        inbound,
        good,
        room,
      );
      strictEqual(status, Status.Error);
      strictEqual(writtenBytes, 1);
      ok(destination.every((byte) => byte === 0));
    }
  });
});

Deno.test("headers that lie are ERR before anything is computed", async () => {
  const esp = sealed(trailer(1, 2, 2, 4));
  const good = inIpv4(esp);
  const six = ipv6Packet(esp, { nextHeader: 50 });
  const spoiled = (packet: Uint8Array, at: number, value: number) =>
    packet.slice().with(at, value);
  const cases: Readonly<Record<string, Uint8Array>> = {
    "nothing": new Uint8Array(0),
    "one byte": Uint8Array.of(0x45),
    "19 bytes": good.slice(0, 19),
    "a header alone": ipv4Packet(new Uint8Array(0), { protocol: 50 }),
    "version 0": spoiled(good, 0, 0x05),
    "a header of 16 bytes": spoiled(good, 0, 0x44),
    "a header of 60 bytes": spoiled(good, 0, 0x4f),
    "a total length of 0": spoiled(spoiled(good, 2, 0), 3, 0),
    "a total length beyond the packet": spoiled(good, 3, good[3]! + 1),
    "a first fragment": spoiled(good, 6, 0x20),
    "a later fragment": spoiled(good, 7, 1),
    "UDP": spoiled(good, 9, 17),
    "AH": spoiled(good, 9, 51),
    "another SPI": inIpv4(sealed(trailer(1, 2, 2, 4), 1, SPI + 1)),
    "IPv6: a length beyond the packet": spoiled(six, 5, six[5]! + 1),
    "IPv6: cut in its header": six.slice(0, 39),
    "IPv6: an extension that leaves the packet": spoiled(
      spoiled(six, 6, 60),
      41,
      255,
    ),
    "IPv6: no next header": spoiled(six, 6, 59),
  };
  await withInbound({}, async (inbound) => {
    for (const [what, packet] of Object.entries(cases)) {
      await expectRefused(inbound, packet, what);
    }
    for (let length = 0; length < 8 + 4 + 16; length++) {
      const short = inIpv4(esp.slice(0, length));
      await expectRefused(inbound, short, `ESP of ${length} bytes`);
    }
    // From here on there is data, and an ICV that is not its.
    const least = inIpv4(esp.slice(0, 8 + 4 + 16));
    await expectRefused(inbound, least, "cut data", Status.BadMessage);
    for (const more of [1, 2, 3]) {
      const ragged = inIpv4(esp.slice(0, 8 + 4 + 16 + more));
      await expectRefused(inbound, ragged, "data of no whole words");
    }
  });
});

Deno.test("IPv6 with 8000 extension headers is followed to its end", async () => {
  const headers = new Uint8Array(8 * 8000);
  for (let at = 0; at < headers.length; at += 8) headers[at] = 60;
  headers[headers.length - 8] = 50;
  const esp = sealed([...pattern(4), 1, 2, 2, 17]);
  const packet = ipv6Packet(Uint8Array.from([...headers, ...esp]), {
    nextHeader: 60,
  });
  await withInbound({ mode: "transport" }, async (inbound) => {
    const { status, destination, writtenBytes } = await runPacket(
      inbound,
      packet,
      packet.length,
    );
    strictEqual(status, Status.Ok);
    strictEqual(
      destination.subarray(40 + headers.length, writtenBytes - 1).toHex(),
      pattern(4).toHex(),
    );
  });
});

Deno.test("transport mode gives no dummy packet and none of a fragment", async () => {
  await withInbound({ mode: "transport" }, async (inbound) => {
    const dummy = inIpv4(sealed([...pattern(4), 1, 2, 2, 59]));
    await expectRefused(inbound, dummy, "a dummy packet");
    const esp = sealed([...pattern(4), 1, 2, 2, 17]);
    const fragment = ipv4Packet(esp, { protocol: 50, fragment: 0x2000 });
    await expectRefused(inbound, fragment, "a fragment");
  });
});

Deno.test("a packet that cannot be used moves the window all the same, one that is forged does not", async () => {
  await withInbound({ replayWindow: 64 }, async (inbound) => {
    const good = trailer(1, 2, 2, 4);
    const forged = inIpv4(sealed(good, 1000));
    forged[forged.length - 1]! ^= 1;
    await expectRefused(inbound, forged, "forged", Status.BadMessage);
    const first = inIpv4(sealed(good, 1));
    strictEqual((await runPacket(inbound, first, 500)).status, Status.Ok);
    const useless = inIpv4(sealed(trailer(0, 0, 2, 4), 1000));
    await expectRefused(inbound, useless, "wrong padding");
    await expectRefused(inbound, inIpv4(sealed(good, 1000)), "a replay");
    await expectRefused(inbound, inIpv4(sealed(good, 900)), "too old");
  });
});

Deno.test("keys and salts are gone with their association, and with a reset", async () => {
  await using bed = await IpsecBed.start();
  const make = () =>
    bed.create({
      direction: "outbound",
      spi: SPI,
      algorithms: SUITES["AES-256-GCM"]!,
    });
  const expectGone = (held: ReturnType<IpsecBed["held"]>) => {
    const { object } = held as { object?: Uint8Array };
    ok(object!.every((byte) => byte === 0));
    ok(held.association.salt.every((byte) => byte === 0));
  };
  const first = await make();
  const held = bed.held(first);
  ok(held.association.salt.some((byte) => byte !== 0));
  await first.close();
  expectGone(held);
  const second = bed.held(await make());
  await bed.driver.link.reset();
  expectGone(second);
  strictEqual(bed.device.associations!.sessions.size, 0);
});

Deno.test("an extension header that leaves its packet does not leave the device", async () => {
  await using bed = await IpsecBed.start();
  await using outbound = await bed.create({
    direction: "outbound",
    spi: SPI,
    algorithms: SUITE,
  });
  for (const type of [0, 43]) {
    for (const words of [2, 3, 200, 255]) {
      const extension = Uint8Array.of(17, words, 0, 0, 0, 0, 0, 0);
      const packet = ipv6Packet(
        Uint8Array.from([...extension, ...pattern(12)]),
        { nextHeader: type },
      );
      const outcome = await runPacket(outbound, packet, 3000);
      strictEqual(outcome.status, Status.Error, `${type}, ${words}`);
    }
  }
});
