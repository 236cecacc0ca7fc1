import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { SeriesField, WorkSeries } from "../../device/session/work_series.ts";
import { IpsecMode } from "../../device/wire/ipsec_capabilities.ts";
import {
  encodeIpsecRequest,
  IpsecOpcode,
  IpsecRequest,
} from "../../device/wire/ipsec_request.ts";
import { Status } from "../../device/wire/status.ts";
import type {
  AssociationParameters,
  InboundParameters,
  OutboundParameters,
} from "../../driver/association_parameters.ts";
import { Driver, insideOf } from "../../driver/driver.ts";
import {
  type InboundAssociation,
  type OutboundAssociation,
  runPacket,
} from "../../driver/ipsec.ts";
import { createDevice, OperationError } from "../../mod.ts";
import {
  ipv4Packet,
  ipv6Packet,
  pattern,
  udpDatagram,
} from "../../testing/ip_packets.ts";
import { IpsecBed, SUITES } from "../../testing/ipsec_bed.ts";
import lateBackend from "../../testing/late_backend.ts";
import { testOnBackends } from "../../testing/ready_backends.ts";

const GCM = SUITES["AES-128-GCM"]!;
const TUNNEL_4 = { source: "198.51.100.1", destination: "198.51.100.2" };
const TUNNEL_6 = { source: "2001:db8::1", destination: "2001:db8::2" };

type Common =
  & Partial<Omit<OutboundParameters, "direction">>
  & Partial<Pick<InboundParameters, "replayWindow">>;

interface Pair {
  readonly outbound: OutboundAssociation;
  readonly inbound: InboundAssociation;
}

/** Two associations whose packets are each other's. */
async function pair(
  bed: IpsecBed,
  common: Common = {},
  outbound: Partial<OutboundParameters> = { tunnel: TUNNEL_4 },
): Promise<Pair> {
  const { replayWindow, ...both } = common;
  const shared = { spi: 0x1001, algorithms: GCM, ...both };
  return {
    outbound: await bed.create({
      direction: "outbound",
      ...shared,
      ...outbound,
    }),
    inbound: await bed.create({
      direction: "inbound",
      mode: outbound.tunnel ? "tunnel" : "transport",
      ...shared,
      ...(replayWindow !== undefined && { replayWindow }),
    }),
  };
}

async function closePair({ outbound, inbound }: Pair): Promise<void> {
  await outbound.close();
  await inbound.close();
}

const through = async ({ outbound, inbound }: Pair, packet: Uint8Array) =>
  (await inbound.decapsulate((await outbound.encapsulate(packet)).packet))
    .packet;

const statusOf = (
  association: InboundAssociation | OutboundAssociation,
  packet: Uint8Array,
) =>
  runPacket(association, packet, packet.length + 105)
    .then(({ status }) => status);

const PACKETS: readonly Uint8Array[] = [0, 1, 12, 13, 14, 15, 16, 100, 1400]
  .flatMap((lengthBytes) => [
    ipv4Packet(udpDatagram(pattern(lengthBytes))),
    ipv6Packet(udpDatagram(pattern(lengthBytes))),
  ]);

const KEYS_OF_SUITES: Readonly<Record<string, readonly string[]>> = {
  "AES-128-GCM": ["aead.gcm"],
  "AES-256-GCM": ["aead.gcm"],
  "AES-128-CCM": ["aead.ccm"],
  "ChaCha20-Poly1305": ["aead.chacha20-poly1305"],
  "AES-128-CBC and AES-XCBC": ["mac.xcbc-aes"],
  "AES-192-CTR and AES-CMAC": ["mac.cmac-aes"],
  "NULL and AES-GMAC": ["mac.gmac-aes"],
};

for (const [suite, algorithms] of Object.entries(SUITES)) {
  await testOnBackends(
    `a packet of ${suite} comes back as it was, in every mode and version`,
    async (backend) => {
      await using bed = await IpsecBed.start({ backend });
      for (const tunnel of [TUNNEL_4, TUNNEL_6, undefined]) {
        for (const extendedSequenceNumbers of [false, true]) {
          for (const udp of [undefined, {}]) {
            const associations = await pair(bed, {
              algorithms,
              extendedSequenceNumbers,
              ...(udp && { udp }),
            }, { ...(tunnel && { tunnel }) });
            for (const packet of PACKETS) {
              deepStrictEqual(await through(associations, packet), packet);
            }
            await closePair(associations);
          }
        }
      }
    },
    KEYS_OF_SUITES[suite] ?? [],
  );
}

Deno.test("IPSEC is bit 5 of crypto_services where its queue is taken, and only there", async () => {
  const services = async (ipsec: boolean, without: string[] = []) => {
    const link = await createDevice({ without });
    await using driver = await Driver.start(link, { ipsec });
    return driver.config.services >> 5 & 1;
  };
  strictEqual(await services(true), 1);
  strictEqual(await services(false), 0);
  strictEqual(await services(false, ["ipsec"]), 0);
  const link = await createDevice();
  const before = new DataView((await link.readConfig()).buffer);
  strictEqual(before.getUint32(8, true) >> 5 & 1, 1, "before negotiation");
  await link.close();
});

Deno.test("the service has two modes of ESP, and none of AH", async () => {
  await using bed = await IpsecBed.start();
  const { capabilities } = await bed.service();
  deepStrictEqual(capabilities.map(({ mode }) => mode), [
    IpsecMode.EspTunnel,
    IpsecMode.EspTransport,
  ]);
});

Deno.test("a packet of no association of its direction is INVSESS", async () => {
  await using bed = await IpsecBed.start();
  const associations = await pair(bed);
  await associations.inbound.close();
  const { outbound } = associations;
  const packet = PACKETS[0]!;
  strictEqual(await statusOf(outbound, packet), Status.Ok);
  strictEqual(
    await statusOf(associations.inbound, packet),
    Status.InvalidSession,
  );
  await outbound.close();
  strictEqual(await statusOf(outbound, packet), Status.InvalidSession);
  await rejects(outbound.encapsulate(packet), /association 0 is closed/);
});

/** Sends a header with `header` spoiled, and a packet; gives the status. */
async function sendSpoiled(
  bed: IpsecBed,
  spoil: (header: DataView<ArrayBuffer>) => void,
  destinationBytes = 500,
): Promise<number> {
  const packet = PACKETS[0]!;
  const request = new IpsecRequest();
  request.opcode = IpsecOpcode.Outbound;
  request.associationId = 0;
  request.sourceBytes = packet.length;
  request.destinationBytes = destinationBytes;
  const { revision1 } = bed.driver.mode;
  const header = encodeIpsecRequest(request, revision1);
  spoil(new DataView(header.buffer));
  const { memory, dataQueues } = insideOf(bed.driver);
  const [input, output] = await memory.allocate([
    { lengthBytes: header.length + packet.length },
    { lengthBytes: destinationBytes + 1 },
  ]);
  input!.segments.write(0, header);
  input!.segments.write(header.length, packet);
  output!.segments.fill(0, destinationBytes + 1, 0xee);
  const written = await dataQueues[0]!.request(
    input!.buffers,
    output!.buffers,
  );
  const all = output!.segments.copy();
  memory.free(input!);
  memory.free(output!);
  const status = all[destinationBytes]!;
  if (status !== Status.Ok) {
    strictEqual(written, 1);
    ok(
      all.subarray(0, -1).every((byte) => byte === 0xee),
      "output of a failure",
    );
  }
  return status;
}

Deno.test("algo is ignored, a request without session or of another operation is NOTSUPP", async () => {
  for (const revision1 of [false, true]) {
    await using bed = await IpsecBed.start({ driver: { revision1 } });
    await pair(bed);
    const send = (spoil: (header: DataView<ArrayBuffer>) => void) =>
      sendSpoiled(bed, spoil);
    strictEqual(await send((view) => view.setUint32(4, 77, true)), Status.Ok);
    strictEqual(
      await send((view) => view.setUint32(16, 0, true)),
      revision1 ? Status.NotSupported : Status.Ok,
    );
    strictEqual(
      await send((view) => view.setUint32(0, 0x0502, true)),
      Status.NotSupported,
    );
    for (const id of [1n, 1n << 32n, 1n << 53n, (1n << 64n) - 1n]) {
      strictEqual(
        await send((view) => view.setBigUint64(8, id, true)),
        Status.InvalidSession,
      );
    }
  }
});

Deno.test("without its administration queue the service's requests are NOTSUPP", async () => {
  await using bed = await IpsecBed.start({ driver: { ipsec: false } });
  strictEqual(await sendSpoiled(bed, () => {}), Status.NotSupported);
  await rejects(
    bed.create({
      direction: "inbound",
      mode: "tunnel",
      spi: 1,
      algorithms: GCM,
    }),
    /started without the option ipsec/,
  );
});

Deno.test("a result that has no room is ERR and is not written; one that just fits is", async () => {
  await using bed = await IpsecBed.start();
  await pair(bed);
  const neededBytes = 20 + 8 + 8 + PACKETS[0]!.length + 2 + 2 + 16;
  strictEqual(await sendSpoiled(bed, () => {}, neededBytes - 1), Status.Error);
  strictEqual(await sendSpoiled(bed, () => {}, neededBytes), Status.Ok);
});

Deno.test("lengths that the chain does not have are ERR", async () => {
  await using bed = await IpsecBed.start();
  await pair(bed);
  for (const at of [24, 28]) {
    for (const value of [501 + 32, 0x7fff_ffff, 0xffff_ffff]) {
      strictEqual(
        await sendSpoiled(bed, (view) => view.setUint32(at, value, true)),
        Status.Error,
      );
    }
  }
});

Deno.test("BADMSG comes of every flipped bit, and nothing is written", async () => {
  for (const [suite, algorithms] of Object.entries(SUITES)) {
    await using bed = await IpsecBed.start();
    const associations = await pair(bed, { algorithms });
    const { packet } = await associations.outbound.encapsulate(PACKETS[4]!);
    // What the ICV covers begins behind the outer header and the SPI.
    for (let at = 24; at < packet.length; at++) {
      const spoiled = packet.slice();
      spoiled[at]! ^= 1 << at % 8;
      const { status, writtenBytes, destination } = await runPacket(
        associations.inbound,
        spoiled,
        packet.length,
      );
      strictEqual(status, Status.BadMessage, `${suite}, byte ${at}`);
      strictEqual(writtenBytes, 1);
      ok(destination.every((byte) => byte === 0));
    }
    // None of that has moved the window.
    deepStrictEqual(
      (await associations.inbound.decapsulate(packet)).packet,
      PACKETS[4],
    );
  }
});

Deno.test("a replay is ERR, and so is what is left of the window", async () => {
  for (const extendedSequenceNumbers of [false, true]) {
    await using bed = await IpsecBed.start();
    const { outbound, inbound } = await pair(bed, {
      extendedSequenceNumbers,
      replayWindow: 32,
    });
    const sent: Uint8Array[] = [];
    for (let i = 0; i < 40; i++) {
      sent.push((await outbound.encapsulate(PACKETS[0]!)).packet);
    }
    const receive = (index: number) => statusOf(inbound, sent[index]!);
    strictEqual(await receive(39), Status.Ok);
    strictEqual(await receive(39), Status.Error);
    strictEqual(await receive(8), Status.Ok);
    // With ESN what is left of the window is taken for the half to come.
    strictEqual(
      await receive(7),
      extendedSequenceNumbers ? Status.BadMessage : Status.Error,
    );
    strictEqual(await receive(8), Status.Error);
    strictEqual(await receive(20), Status.Ok);
  }
});

Deno.test("without a window a replay passes", async () => {
  await using bed = await IpsecBed.start();
  const { outbound, inbound } = await pair(bed, { replayWindow: 0 });
  const { packet } = await outbound.encapsulate(PACKETS[0]!);
  strictEqual(await statusOf(inbound, packet), Status.Ok);
  strictEqual(await statusOf(inbound, packet), Status.Ok);
});

Deno.test("sequence numbers end at 2^32-1 without ESN, and go on with it", async () => {
  await using bed = await IpsecBed.start();
  const { outbound } = await pair(bed);
  bed.setSequence(outbound, 0xffff_fffen);
  const { packet } = await outbound.encapsulate(PACKETS[0]!);
  strictEqual(packet.subarray(24, 28).toHex(), "ffffffff");
  strictEqual(await statusOf(outbound, PACKETS[0]!), Status.Error);
  strictEqual(await statusOf(outbound, PACKETS[0]!), Status.Error);
  const extended = await pair(bed, { extendedSequenceNumbers: true });
  bed.setSequence(extended.outbound, 0xffff_fffdn);
  bed.setSequence(extended.inbound, 0xffff_fffdn);
  for (const low of ["fffffffe", "ffffffff", "00000000", "00000001"]) {
    const sent = await extended.outbound.encapsulate(PACKETS[0]!);
    strictEqual(sent.packet.subarray(24, 28).toHex(), low);
    const { packet } = await extended.inbound.decapsulate(sent.packet);
    deepStrictEqual(packet, PACKETS[0]);
  }
});

Deno.test("no nonce comes twice, not even when an association is created again", async () => {
  await using bed = await IpsecBed.start();
  const ivs = new Set<string>();
  for (let i = 0; i < 5; i++) {
    const associations = await pair(bed);
    const other = await pair(bed, {}, {});
    for (let j = 0; j < 5; j++) {
      const tunnelled = await associations.outbound.encapsulate(PACKETS[0]!);
      ivs.add(tunnelled.packet.subarray(28, 36).toHex());
      const plain = await other.outbound.encapsulate(PACKETS[0]!);
      ivs.add(plain.packet.subarray(28, 36).toHex());
    }
    await closePair(associations);
    await closePair(other);
  }
  strictEqual(ivs.size, 50);
});

Deno.test("CBC's IVs are random", async () => {
  await using bed = await IpsecBed.start();
  const { outbound } = await pair(bed, {
    algorithms: SUITES["AES-128-CBC and HMAC-SHA-1"]!,
  });
  const bytes: number[] = [];
  for (let i = 0; i < 300; i++) {
    const { packet } = await outbound.encapsulate(PACKETS[0]!);
    bytes.push(...packet.subarray(28, 44));
  }
  strictEqual(new Set(bytes).size, 256);
});

Deno.test("packets that end in another order than they came do not meet, and count as they end", async () => {
  const probe = lateBackend.probe({});
  const backend = { backend: lateBackend, specifier: "", options: {}, probe };
  for (const [suite, algorithms] of Object.entries(SUITES)) {
    await using bed = await IpsecBed.start({ backend });
    const { outbound, inbound } = await pair(bed, {
      algorithms,
      replayWindow: 1024,
      lifetime: { hardPackets: 90 },
    });
    // Some of them are longer than usual ones.
    const packets = Array.from(
      { length: 100 },
      (_, i) => ipv4Packet(udpDatagram(pattern(i % 7 === 0 ? 3000 + i : i))),
    );
    const sent = await Promise.allSettled(
      packets.map((packet) => outbound.encapsulate(packet)),
    );
    const good = sent.filter((one) => one.status === "fulfilled");
    strictEqual(good.length, 90, suite);
    const sequences = good.map(({ value }) =>
      value.packet.toHex().slice(48, 56)
    );
    strictEqual(new Set(sequences).size, 90);
    const received = await Promise.all(
      good.map(({ value }) => inbound.decapsulate(value.packet)),
    );
    const expected = packets.filter((_, i) => sent[i]!.status === "fulfilled");
    deepStrictEqual(received.map(({ packet }) => packet), expected);
  }
});

Deno.test("a hard limit of packets: the one that reaches it is the last, both ways", async () => {
  await using bed = await IpsecBed.start();
  const lifetime = { softPackets: 2, hardPackets: 3 };
  const { outbound, inbound } = await pair(bed, { lifetime });
  const statuses = [Status.Ok, Status.SoftExpiry, Status.SoftExpiry];
  const sent: Uint8Array[] = [];
  for (const status of statuses) {
    const outcome = await runPacket(outbound, PACKETS[0]!, 500);
    strictEqual(outcome.status, status);
    sent.push(outcome.destination.slice(0, outcome.writtenBytes - 1));
  }
  strictEqual(await statusOf(outbound, PACKETS[0]!), Status.Error);
  // What fails does not count.
  const spoiled = sent[0]!.slice();
  spoiled[40]! ^= 1;
  strictEqual(await statusOf(inbound, spoiled), Status.BadMessage);
  for (const [index, status] of statuses.entries()) {
    strictEqual(await statusOf(inbound, sent[index]!), status);
  }
  const { state } = bed.held(inbound).association;
  strictEqual(state.packets, 3);
  strictEqual(state.bytes, 3 * PACKETS[0]!.length);
  await outbound.close();
  const more = await pair(bed);
  const { packet } = await more.outbound.encapsulate(PACKETS[0]!);
  strictEqual(await statusOf(inbound, packet), Status.Error);
});

Deno.test("limits of bytes are about what is inside, and soft expiry comes with the packet", async () => {
  await using bed = await IpsecBed.start();
  const inner = PACKETS[0]!.length;
  const { outbound, inbound } = await pair(bed, {
    lifetime: { softBytes: 2 * inner, hardBytes: 2 * inner + 1 },
  });
  const first = await outbound.encapsulate(PACKETS[0]!);
  strictEqual(first.softExpiry, false);
  const second = await outbound.encapsulate(PACKETS[0]!);
  strictEqual(second.softExpiry, true);
  deepStrictEqual(await inbound.decapsulate(first.packet), {
    packet: PACKETS[0],
    softExpiry: false,
  });
  deepStrictEqual(await inbound.decapsulate(second.packet), {
    packet: PACKETS[0],
    softExpiry: true,
  });
  strictEqual((await outbound.encapsulate(PACKETS[0]!)).softExpiry, true);
  strictEqual(await statusOf(outbound, PACKETS[0]!), Status.Error);
});

Deno.test("MODIFY keeps numbers and counts, unless SPI, salt or a key is another", async () => {
  await using bed = await IpsecBed.start();
  const parameters: AssociationParameters & OutboundParameters = {
    direction: "outbound",
    spi: 0x1001,
    algorithms: GCM,
    tunnel: TUNNEL_4,
  };
  const outbound = await bed.create(parameters);
  const sequence = async () => {
    const { packet } = await outbound.encapsulate(PACKETS[0]!);
    return new DataView(packet.buffer).getUint32(24);
  };
  strictEqual(await sequence(), 1);
  await outbound.modify({ ...parameters, tunnel: { ...TUNNEL_4, ttl: 9 } });
  strictEqual(await sequence(), 2);
  await outbound.modify({ ...parameters, lifetime: { hardPackets: 1 } });
  strictEqual(await sequence(), 3);
  strictEqual(await statusOf(outbound, PACKETS[0]!), Status.Error);
  await outbound.modify({ ...parameters, spi: 0x1002 });
  strictEqual(await sequence(), 1);
  const algorithms = { ...GCM, salt: new Uint8Array(4) };
  await outbound.modify({ ...parameters, spi: 0x1002, algorithms });
  strictEqual(await sequence(), 1);
  strictEqual(bed.device.associations!.sessions.size, 1);
});

Deno.test("a refused packet rejects with the standard's status", async () => {
  await using bed = await IpsecBed.start();
  const { inbound } = await pair(bed);
  await rejects(
    inbound.decapsulate(PACKETS[0]!),
    (error) => error instanceof OperationError && error.status === Status.Error,
  );
});

Deno.test("what a programmer can mistype is told before anything is sent", async () => {
  await using bed = await IpsecBed.start();
  const create = (changes: Partial<OutboundParameters>) =>
    bed.create({
      direction: "outbound",
      spi: 1,
      algorithms: GCM,
      tunnel: TUNNEL_4,
      ...changes,
    });
  await rejects(
    create({ tunnel: { ...TUNNEL_4, source: "1.2.3" } }),
    /"1.2.3" is no IP address/,
  );
  await rejects(
    create({ tunnel: { ...TUNNEL_4, source: "::1" } }),
    /two addresses of one version/,
  );
  await rejects(
    create({ algorithms: { ...GCM, aead: "gmc" } }),
    /no aead algorithm "gmc"/,
  );
  await rejects(
    create({
      algorithms: {
        aead: "gcm",
        key: new Uint8Array(33),
        salt: new Uint8Array(4),
      },
    }),
    /cipherKey of 33 bytes: expected at most 32/,
  );
});

Deno.test("of packets that end together, one that the device refuses makes no failure of the others", async () => {
  const { indexOf } = WorkSeries.prototype;
  let counters: Float64Array = new Float64Array();
  WorkSeries.prototype.indexOf = function (...kind) {
    ({ counters } = this);
    return indexOf.apply(this, kind);
  };
  try {
    await using bed = await IpsecBed.start();
    const { outbound, inbound } = await pair(bed);
    const packet = ipv4Packet(udpDatagram(pattern(64)));
    const first = (await outbound.encapsulate(packet)).packet;
    const second = (await outbound.encapsulate(packet)).packet;
    const before = counters.slice();
    const { link } = bed;
    const kick = link.kick.bind(link);
    const kicked = new Set<number>();
    link.kick = (index) => void kicked.add(index);
    // The second is a replay of the first, which only shows when both have run.
    const results = [first, first, second].map((one) =>
      inbound.decapsulate(one)
    );
    link.kick = kick;
    for (const index of kicked) kick(index);
    const settled = await Promise.allSettled(results);
    deepStrictEqual(settled.map(({ status }) => status), [
      "fulfilled",
      "rejected",
      "fulfilled",
    ]);
    const grown = (field: SeriesField) => counters[field]! - before[field]!;
    strictEqual(grown(SeriesField.Requests), 2);
    // The backend did what it was asked for the third, too.
    strictEqual(grown(SeriesField.Failures), 0);
  } finally {
    WorkSeries.prototype.indexOf = indexOf;
  }
});
