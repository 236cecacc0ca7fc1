import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  decodeAssociation,
  ResourceType,
} from "../../device/wire/security_association.ts";
import { Status } from "../../device/wire/status.ts";
import { Driver, type DriverOptions, insideOf } from "../../driver/driver.ts";
import {
  type InboundAssociation,
  type OutboundAssociation,
  runPacket,
} from "../../driver/ipsec.ts";
import { connectVhostUser } from "../../driver/vhost_user_front_end.ts";
import { ipv4Packet, pattern, udpDatagram } from "../../testing/ip_packets.ts";
import { KeptDevice } from "../../testing/kept_device.ts";
import { eventually } from "../../testing/vhost_user_server.ts";

const KEY = pattern(16);
const GCM = { aead: "gcm", key: KEY, salt: pattern(4) };
const TUNNEL = { source: "198.51.100.1", destination: "198.51.100.2" };
const PACKET = ipv4Packet(udpDatagram(pattern(40)));

const pause = (ms: number) => new Promise((wake) => setTimeout(wake, ms));

async function startDriver(
  device: KeptDevice,
  options: DriverOptions = {},
): Promise<Driver> {
  const memory = { memoryBytes: 4 * 1024 * 1024 };
  const link = await connectVhostUser(device.socketPath, memory);
  return await Driver.start(link, { ipsec: true, ...options });
}

const outboundOf = (driver: Driver, spi = 0x1001) =>
  driver.ipsec({
    direction: "outbound",
    spi,
    algorithms: GCM,
    tunnel: TUNNEL,
  });

const inboundOf = (driver: Driver, spi = 0x1001) =>
  driver.ipsec({
    direction: "inbound",
    mode: "tunnel",
    spi,
    algorithms: GCM,
    replayWindow: 4096,
  });

const run = (
  association: OutboundAssociation | InboundAssociation,
  packet: Uint8Array,
) => runPacket(association, packet, packet.length + 105);

/** Between two ends of the process. */
const MORE_PACKETS = 30;

/** Packets through associations without an end, until it is stopped. */
class Load {
  readonly sent: Uint8Array[] = [];
  /** Packets that were under way when a process ended. */
  failed = 0;
  pairs = 0;
  readonly #driver: Driver;
  readonly #outbound: OutboundAssociation;
  #stopped = false;
  readonly #workers: Promise<void>[];

  constructor(driver: Driver, outbound: OutboundAssociation) {
    this.#driver = driver;
    this.#outbound = outbound;
    this.#workers = [
      ...Array.from({ length: 4 }, () => this.#send()),
      this.#openAndClose(),
    ];
    for (const worker of this.#workers) worker.catch(() => {});
  }

  async #send(): Promise<void> {
    while (!this.#stopped) {
      const { status, destination, writtenBytes } = await run(
        this.#outbound,
        PACKET,
      );
      if (status === Status.Ok) {
        this.sent.push(destination.slice(0, writtenBytes - 1));
      } else {
        strictEqual(status, Status.Error);
        strictEqual(writtenBytes, 1);
        this.failed++;
      }
    }
  }

  /** Each command is done once, whatever process answers it. */
  async #openAndClose(): Promise<void> {
    for (let i = 0; !this.#stopped; i++) {
      const outbound = await outboundOf(this.#driver, 0x2000 + i);
      await outbound.modify({
        direction: "outbound",
        spi: 0x3000 + i,
        algorithms: GCM,
        tunnel: TUNNEL,
      });
      await outbound.close();
      this.pairs++;
    }
  }

  /** Waits for more packets and for a command; rejects where something is wrong. */
  async goesOn(): Promise<void> {
    const packets = this.sent.length + MORE_PACKETS;
    const { pairs } = this;
    await Promise.race([
      ...this.#workers,
      eventually(
        () => this.sent.length > packets && this.pairs > pairs,
        () => `${this.sent.length} packets, ${this.pairs} associations`,
      ),
    ]);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#workers);
  }
}

const numbersOf = (packet: Uint8Array) => {
  const view = new DataView(packet.buffer);
  return [view.getUint32(24), view.getBigUint64(28)] as const;
};

for (const packed of [false, true]) {
  const rings = packed ? "packed" : "split";
  Deno.test(`associations outlive the process, and no number comes twice (${rings} rings)`, async () => {
    await using device = await KeptDevice.start(
      ...["--backend", "noble", "--ipsec", "--queues", "2", "--threads", "2"],
    );
    await using driver = await startDriver(device, { packed });
    const outbound = await outboundOf(driver);
    const inbound = await inboundOf(driver);
    const before = (await outbound.encapsulate(PACKET)).packet;
    deepStrictEqual((await inbound.decapsulate(before)).packet, PACKET);
    const load = new Load(driver, outbound);
    for (let kills = 0; kills < 2; kills++) {
      await load.goesOn();
      await device.kill();
      await device.settled();
    }
    await load.goesOn();
    await load.stop();
    const numbers = load.sent.map(numbersOf);
    const sequences = new Set(numbers.map(([sequence]) => sequence));
    strictEqual(sequences.size, load.sent.length, "a sequence number repeats");
    const ivs = new Set(numbers.map(([_, iv]) => iv));
    strictEqual(ivs.size, load.sent.length, "a nonce repeats");
    // One that was given before the first kill is not new after the last.
    strictEqual((await run(inbound, before)).status, Status.Error);
    const last = load.sent.slice(-100);
    for (const packet of last) {
      deepStrictEqual((await inbound.decapsulate(packet)).packet, PACKET);
    }
    await device.kill();
    await device.settled();
    for (const packet of last) {
      strictEqual((await run(inbound, packet)).status, Status.Error);
    }
    // Commands go on with what was agreed on, and find the object.
    const { administration } = await insideOf(driver).ipsec();
    const object = await administration.queryObject(
      ResourceType.OutboundAssociation,
      outbound.id,
    );
    const fields = decodeAssociation(
      new DataView(object.buffer, object.byteOffset),
    );
    strictEqual(fields.spi, outbound.spi);
    deepStrictEqual(fields.cipherKey.subarray(0, 16), KEY);
  });
}

Deno.test("a packet that was under way is answered with ERR, and its number is gone", async () => {
  await using device = await KeptDevice.start("--backend", "noble", "--ipsec");
  await using driver = await startDriver(device, { dataQueues: 1 });
  const outbound = await outboundOf(driver);
  strictEqual(numbersOf((await outbound.encapsulate(PACKET)).packet)[0], 1);
  let underWay: Promise<{ status: Status; destination: Uint8Array }>[] = [];
  await device.stopAndKill(async () => {
    underWay = [run(outbound, PACKET), run(outbound, PACKET)];
    await pause(20);
  });
  for (const { status, destination } of await Promise.all(underWay)) {
    strictEqual(status, Status.Error);
    ok(destination.every((byte) => byte === 0));
  }
  const next = numbersOf((await outbound.encapsulate(PACKET)).packet)[0];
  ok(next > 1, `${next}`);
});
