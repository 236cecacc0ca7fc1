import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { IpsecOpcode } from "../../device/wire/ipsec_request.ts";
import { Status } from "../../device/wire/status.ts";
import { Driver, type DriverOptions, insideOf } from "../../driver/driver.ts";
import type { Ipsec, SecurityAssociation } from "../../driver/ipsec.ts";
import { connectVhostUser } from "../../driver/vhost_user_front_end.ts";
import { ipv4Packet, pattern, udpDatagram } from "../../testing/ip_packets.ts";
import { SUITES } from "../../testing/ipsec_bed.ts";
import { startTestServer } from "../../testing/vhost_user_server.ts";

const GCM = SUITES["AES-128-GCM"]!;
const TUNNEL = { source: "198.51.100.1", destination: "198.51.100.2" };
const MEMORY = { memoryBytes: 4 * 1024 * 1024 };
const PACKET = ipv4Packet(udpDatagram(pattern(40)));
const PACKETS = 400;

const ipsecServer = (changes = {}) =>
  startTestServer(undefined, "noble", { administration: true, ...changes }, 2);

async function startDriver(
  path: string,
  options: DriverOptions = {},
): Promise<Driver> {
  const link = await connectVhostUser(path, MEMORY);
  return await Driver.start(link, { ipsec: true, ...options });
}

const createPair = async (driver: Driver, algorithms = GCM) => ({
  outbound: await driver.ipsec({
    direction: "outbound",
    spi: 0x1001,
    algorithms,
    tunnel: TUNNEL,
  }),
  inbound: await driver.ipsec({
    direction: "inbound",
    mode: "tunnel",
    spi: 0x1001,
    algorithms,
    replayWindow: 4096,
  }),
});

/** What a packet says of itself: sequence number and IV. */
function numbersOf(packet: Uint8Array): { sequence: number; iv: bigint } {
  const view = new DataView(packet.buffer, packet.byteOffset);
  return { sequence: view.getUint32(24), iv: view.getBigUint64(28) };
}

/** Requests of one association over all data queues, in turn. */
class Sender {
  readonly #ipsec: Ipsec;
  readonly #driver: Driver;

  private constructor(ipsec: Ipsec, driver: Driver) {
    this.#ipsec = ipsec;
    this.#driver = driver;
  }

  static async of(driver: Driver): Promise<Sender> {
    return new Sender(await insideOf(driver).ipsec(), driver);
  }

  /** The queue of number `index`; the packet as it comes out, and its status. */
  async send(
    index: number,
    { direction, id }: SecurityAssociation,
    packet: Uint8Array,
  ) {
    const { dataQueues } = insideOf(this.#driver);
    const opcode = direction === "outbound"
      ? IpsecOpcode.Outbound
      : IpsecOpcode.Inbound;
    const queue = dataQueues[index % dataQueues.length]!;
    const { status, destination, writtenBytes } = await this.#ipsec.run(
      queue,
      opcode,
      id,
      packet,
      packet.length + 105,
    );
    const result = destination.slice(0, Math.max(0, writtenBytes - 1));
    return { status, packet: result };
  }
}

for (const packed of [false, true]) {
  const rings = packed ? "packed" : "split";
  Deno.test(`two queue threads share an association: no number comes twice (${rings} rings)`, async () => {
    await using server = await ipsecServer();
    await using driver = await startDriver(server.path, { packed });
    const { outbound, inbound } = await createPair(driver);
    const sender = await Sender.of(driver);
    const sent = await Promise.all(
      Array.from(
        { length: PACKETS },
        (_, i) => sender.send(i, outbound, PACKET),
      ),
    );
    ok(sent.every(({ status }) => status === Status.Ok));
    const numbers = sent.map(({ packet }) => numbersOf(packet));
    const sequences = numbers.map(({ sequence }) => sequence);
    deepStrictEqual(
      sequences.toSorted((a, b) => a - b),
      Array.from({ length: PACKETS }, (_, i) => i + 1),
    );
    const ivs = numbers.map(({ iv }) => iv).toSorted((a, b) => a < b ? -1 : 1);
    ok(ivs.every((iv, i) => iv === ivs[0]! + BigInt(i)), "one counter for all");
    const received = await Promise.all(
      sent.flatMap(({ packet }) =>
        // Each on both threads at once.
        [0, 1].map((index) => sender.send(index, inbound, packet))
      ),
    );
    for (let i = 0; i < PACKETS; i++) {
      const both = received.slice(2 * i, 2 * i + 2);
      const taken = both.filter(({ status }) => status === Status.Ok);
      strictEqual(
        taken.length,
        1,
        `packet ${i} came out more or less than once`,
      );
      deepStrictEqual(taken[0]!.packet, PACKET);
    }
    strictEqual(server.counters.size, 2);
    for (const [requests] of server.counters.values()) {
      ok(requests! >= PACKETS, `${requests}`);
    }
  });
}

Deno.test("every thread knows of an association before its driver does, and until it is closed", async () => {
  await using server = await ipsecServer();
  await using driver = await startDriver(server.path);
  const sender = await Sender.of(driver);
  for (let round = 0; round < 30; round++) {
    const { outbound, inbound } = await createPair(driver);
    const index = round % 2;
    const { packet } = await sender.send(index, outbound, PACKET);
    const here = await sender.send(1 - index, inbound, packet);
    deepStrictEqual(here, { status: Status.Ok, packet: PACKET });
    strictEqual(numbersOf(packet).sequence, 1);
    // Another key makes it another association, on both threads.
    await outbound.modify({
      direction: "outbound",
      spi: 0x1002,
      algorithms: SUITES["AES-256-CBC and HMAC-SHA-256"]!,
      tunnel: TUNNEL,
    });
    for (const which of [0, 1]) {
      const modified = await sender.send(which, outbound, PACKET);
      const view = new DataView(modified.packet.buffer);
      strictEqual(view.getUint32(20), 0x1002);
      strictEqual(view.getUint32(24), 1 + which);
    }
    await outbound.close();
    await inbound.close();
    for (const which of [0, 1]) {
      const { status } = await sender.send(which, outbound, PACKET);
      strictEqual(status, Status.InvalidSession);
    }
  }
});

Deno.test("a ring that starts anew has the associations that there are", async () => {
  await using server = await ipsecServer();
  await using driver = await startDriver(server.path);
  const { outbound } = await createPair(driver);
  const sender = await Sender.of(driver);
  const { link } = insideOf(driver);
  await link.resetQueue!(1);
  await insideOf(driver).dataQueues[1]!.start();
  const { status } = await sender.send(1, outbound, PACKET);
  strictEqual(status, Status.Ok);
});

Deno.test("a driver that begins anew finds no association and no capability", async () => {
  await using server = await ipsecServer();
  const first = await startDriver(server.path);
  await createPair(first);
  strictEqual([...server.device.associations!.current()].length, 2);
  await first.close();
  await server.logged("front-end gone");
  strictEqual([...server.device.associations!.current()].length, 0);
  strictEqual([...server.device.associations!.sessions.current()].length, 0);
  await using second = await startDriver(server.path);
  const { outbound } = await createPair(second);
  const { packet } = await outbound.encapsulate(PACKET);
  strictEqual(numbersOf(packet).sequence, 1);
});

Deno.test("rings that all start anew are a new driver's, which has no association", async () => {
  await using server = await ipsecServer();
  await using driver = await startDriver(server.path);
  const { outbound } = await createPair(driver);
  await outbound.encapsulate(PACKET);
  const { link } = insideOf(driver);
  const queues = [...insideOf(driver).queues()];
  for (const index of queues.keys()) await link.resetQueue!(index);
  strictEqual([...server.device.associations!.current()].length, 2);
  for (const queue of queues) await queue.reset();
  const sender = await Sender.of(driver);
  const { status } = await sender.send(0, outbound, PACKET);
  strictEqual(status, Status.InvalidSession);
  strictEqual([...server.device.associations!.current()].length, 0);
});

Deno.test("who does not ask for IPSEC is not offered it, and a ring of its queue is refused", async () => {
  await using plain = await startTestServer();
  const link = await connectVhostUser(plain.path, MEMORY);
  strictEqual(link.offeredFeatures >> 41n & 1n, 0n);
  strictEqual(await link.queueCount(), 3);
  await link.close();
  await using server = await ipsecServer();
  const offered = await connectVhostUser(server.path, MEMORY);
  strictEqual(offered.offeredFeatures >> 41n & 1n, 1n);
  strictEqual(await offered.queueCount(), 4);
  await using driver = await Driver.start(offered, { ipsec: false });
  await rejects(
    driver.ipsec({
      direction: "inbound",
      mode: "tunnel",
      spi: 1,
      algorithms: GCM,
    }),
    /without the option ipsec/,
  );
  // The ring of the administration queue, by a driver that does without.
  const ring = { size: 64, descriptorAddress: 0, availableAddress: 0 };
  const { memoryGuestAddress } = offered;
  await rejects(
    offered.startQueue(3, {
      ...ring,
      descriptorAddress: memoryGuestAddress,
      availableAddress: memoryGuestAddress + 0x1000,
      usedAddress: memoryGuestAddress + 0x2000,
    }),
    /refused/,
  );
  await server.logged("is the administration queue's");
});
