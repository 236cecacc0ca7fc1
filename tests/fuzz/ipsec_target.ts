/**
 * The IPSEC service: administration commands with spoiled fields and objects, and
 * packets with spoiled headers, lengths and ciphertext.
 *
 * @module
 */

import type { Random } from "../../conformance/random.ts";
import {
  AdminOpcode,
  encodeAdminCommand,
  encodeBitmap,
  encodeCapabilityData,
  encodeResourceData,
} from "../../device/wire/admin_command.ts";
import {
  F_ADMIN_VQ,
  F_INDIRECT_DESC,
  F_REVISION_1,
  F_RING_PACKED,
  F_VERSION_1,
} from "../../device/wire/features.ts";
import {
  ASSOCIATION_CAPABILITY_ID,
  encodeAssociationCapabilities,
  encodeResourceCapability,
  RESOURCE_CAPABILITY_ID,
} from "../../device/wire/ipsec_capabilities.ts";
import {
  encodeIpsecRequest,
  IpsecOpcode,
  IpsecRequest,
} from "../../device/wire/ipsec_request.ts";
import {
  encodeAssociation,
  ResourceType,
} from "../../device/wire/security_association.ts";
import { ipsecCapabilities } from "../../device/ipsec_service.ts";
import { Status } from "../../device/wire/status.ts";
import { ALGORITHMS } from "../../algorithms/catalogue.ts";
import type { HeldAssociation } from "../../device/association_objects.ts";
import {
  associationFields,
  type AssociationParameters,
} from "../../driver/association_parameters.ts";
import { HandRing, type Piece } from "../../testing/hand_ring.ts";
import {
  ipv4Packet,
  ipv6Packet,
  udpDatagram,
} from "../../testing/ip_packets.ts";
import { SUITES } from "../../testing/ipsec_bed.ts";
import { Machine } from "../../testing/machine.ts";
import {
  type Episode,
  expectNone,
  expectSound,
  FuzzFailure,
  spoil,
  type Target,
} from "./episode.ts";
import { expectUsableAndEnd } from "./known_answer.ts";
import { readPieces, Scatter } from "./pieces.ts";

const RING_SIZE = 64;
const DATA_RING_AT = 0;
const ADMIN_RING_AT = 8 * 1024;
const BUFFERS_AT = 16 * 1024;
/** Objects of each direction; the episode's own pairs are the first ones. */
const LIMIT = 16;
const SENTINEL = 0xa7;
/** Room for the most that encapsulation adds. */
const ADDED_BYTES = 105;

const TUNNELS = [
  { source: "198.51.100.1", destination: "198.51.100.2" },
  { source: "2001:db8::1", destination: "2001:db8::2" },
  undefined,
];

/** Two associations whose packets are each other's, under the same number. */
interface Pair {
  readonly id: number;
  readonly isTunnel: boolean;
  readonly outbound: HeldAssociation;
  readonly inbound: HeldAssociation;
}

class IpsecEpisode implements Episode {
  readonly #random: Random;
  readonly #machine: Machine;
  readonly #data: HandRing;
  readonly #admin: HandRing;
  readonly #snapshot: Uint8Array;
  readonly #pairs: Pair[] = [];
  /** ESP packets that have been made, some of them spoiled later. */
  readonly #sent: Uint8Array<ArrayBuffer>[] = [];

  constructor(machine: Machine, random: Random) {
    this.#random = random;
    this.#machine = machine;
    this.#data = new HandRing(machine, 0, RING_SIZE, DATA_RING_AT);
    this.#admin = new HandRing(machine, 2, RING_SIZE, ADMIN_RING_AT);
    this.#snapshot = machine.arena.snapshot();
    const counter = machine.device.associations!.ivCounter;
    counter[0] = BigInt(random.integer(2 ** 32));
    this.#setUp();
  }

  #setUp(): void {
    const all = Object.values(AdminOpcode);
    this.#command(AdminOpcode.ListUse, encodeBitmap(all));
    this.#setCapabilities(LIMIT);
    for (let id = 0; id < 6; id++) this.#createPair(id);
    if (this.#pairs.length === 0) throw new FuzzFailure("no association");
  }

  #setCapabilities(limit: number): void {
    const set = (id: number, capability: Uint8Array) =>
      this.#command(
        AdminOpcode.DriverCapabilitySet,
        encodeCapabilityData(id, capability),
      );
    const limits = { inboundLimit: limit, outboundLimit: limit };
    set(RESOURCE_CAPABILITY_ID, encodeResourceCapability(limits));
    const get = encodeCapabilityData(ASSOCIATION_CAPABILITY_ID);
    const own = this.#command(AdminOpcode.DeviceCapabilityGet, get);
    set(ASSOCIATION_CAPABILITY_ID, own.subarray(8));
  }

  #createPair(id: number): void {
    const random = this.#random;
    const common = {
      spi: 1 + random.integer(0xffff_ffff),
      algorithms: random.pick(Object.values(SUITES)),
      extendedSequenceNumbers: random.oneIn(2),
      ...(random.oneIn(3) && { udp: {} }),
      ...(random.oneIn(3) && { lifetime: { hardPackets: 1000 } }),
    };
    const tunnel = random.pick(TUNNELS);
    this.#create(id, {
      direction: "outbound",
      ...common,
      ...(tunnel && { tunnel }),
    });
    this.#create(id, {
      direction: "inbound",
      mode: tunnel ? "tunnel" : "transport",
      ...common,
    });
    const { associations } = this.#machine.device;
    const outbound = associations!.find(true, id);
    const inbound = associations!.find(false, id);
    // Not every backend has every suite.
    if (!outbound || !inbound) return;
    this.#pairs.push({ id, isTunnel: tunnel !== undefined, outbound, inbound });
  }

  #create(id: number, parameters: AssociationParameters): void {
    const type = parameters.direction === "outbound"
      ? ResourceType.OutboundAssociation
      : ResourceType.InboundAssociation;
    const object = encodeAssociation(associationFields(parameters));
    this.#command(
      AdminOpcode.ResourceObjectCreate,
      encodeResourceData(type, id, object),
    );
  }

  #command(opcode: number, data: Uint8Array): Uint8Array<ArrayBuffer> {
    return this.#serve(this.#admin, encodeAdminCommand(opcode, data), 512)
      .written;
  }

  step(): void {
    const choice = this.#random.integer(8);
    if (choice < 2) this.#administrate();
    else if (choice < 5) this.#goThrough();
    else this.#receive();
    expectNone("backend contract", this.#machine.watch.problems[0]);
  }

  #administrate(): void {
    const random = this.#random;
    const opcode = random.pick(Object.values(AdminOpcode));
    const object = encodeAssociation(associationFields({
      direction: "inbound",
      mode: random.pick(["tunnel", "transport"]),
      spi: 1 + random.integer(1000),
      algorithms: random.pick(Object.values(SUITES)),
      replayWindow: random.integer(5000),
    }));
    if (random.oneIn(2)) spoil(random, object);
    const id = 6 + random.integer(LIMIT);
    const type = random.pick([0x200, 0x201]);
    const capability = encodeAssociationCapabilities(
      ipsecCapabilities(ALGORITHMS),
    );
    const data = random.pick([
      encodeResourceData(type, id, object),
      encodeResourceData(type, id),
      encodeBitmap(Object.values(AdminOpcode)),
      encodeCapabilityData(random.pick([0x800, 0x801]), capability),
      encodeCapabilityData(0x800, random.bytes(8)),
    ]);
    const command = encodeAdminCommand(opcode, data);
    if (random.oneIn(2)) spoil(random, command);
    const cut = random.oneIn(5)
      ? command.slice(0, random.integer(command.length + 1))
      : command;
    const room = random.oneIn(4) ? random.integer(20) : 512;
    const { usedBytes } = this.#serve(this.#admin, cut, room);
    if (usedBytes > room) throw new FuzzFailure(`used length ${usedBytes}`);
  }

  #innerPacket(): Uint8Array<ArrayBuffer> {
    const random = this.#random;
    const payload = udpDatagram(random.bytes(random.integer(200)));
    if (random.oneIn(2)) return ipv4Packet(payload);
    const headers = random.oneIn(2) ? [0, 43, 44, 60] : [];
    random.shuffle(headers);
    const bytes = headers.flatMap((_, index) => [
      ...[headers[index + 1] ?? 17, 0, 0, 0, 0, 0, 0, 0],
    ]);
    return ipv6Packet(Uint8Array.from([...bytes, ...payload]), {
      nextHeader: headers[0] ?? 17,
    });
  }

  /** A packet out of one association and into the other. */
  #goThrough(): void {
    const random = this.#random;
    const pair = random.pick(this.#pairs);
    const packet = this.#innerPacket();
    const isSpoiled = random.oneIn(3);
    if (isSpoiled) spoil(random, packet, Math.min(packet.length, 60));
    const sent = this.#request(
      IpsecOpcode.Outbound,
      pair.id,
      packet,
      packet.length + ADDED_BYTES,
    );
    if (!sent) return;
    this.#sent.push(sent);
    if (this.#sent.length > 40) this.#sent.shift();
    const received = this.#request(
      IpsecOpcode.Inbound,
      pair.id,
      sent,
      sent.length,
    );
    const { associations } = this.#machine.device;
    const isPair = associations!.find(true, pair.id) === pair.outbound &&
      associations!.find(false, pair.id) === pair.inbound;
    if (!isPair || !pair.isTunnel) return;
    // What follows the packet's own end is not sent.
    const expected = packet.subarray(0, received?.length ?? packet.length);
    if (received?.toHex() !== expected.toHex()) {
      throw new FuzzFailure(`a packet came back as another: ${packet.toHex()}`);
    }
    if (!isSpoiled && received.length !== packet.length) {
      throw new FuzzFailure(`a packet came back shorter: ${packet.toHex()}`);
    }
  }

  /** A packet that may be one that was sent, or none at all. */
  #receive(): void {
    const random = this.#random;
    const known = this.#sent.length > 0 && !random.oneIn(4);
    const packet = known
      ? random.pick(this.#sent).slice()
      : this.#innerPacket();
    if (!random.oneIn(6)) spoil(random, packet);
    const cut = random.oneIn(4)
      ? packet.slice(0, random.integer(packet.length + 1))
      : packet;
    const opcode = random.oneIn(4) ? IpsecOpcode.Outbound : IpsecOpcode.Inbound;
    const destinationBytes = random.oneIn(3)
      ? random.integer(300)
      : cut.length + ADDED_BYTES;
    this.#request(
      opcode,
      random.integer(LIMIT + 1),
      cut,
      destinationBytes,
      random.oneIn(3),
    );
  }

  /** The result of a request that was processed. */
  #request(
    opcode: IpsecOpcode,
    associationId: number,
    packet: Uint8Array,
    destinationBytes: number,
    isSpoiled = false,
  ): Uint8Array<ArrayBuffer> | undefined {
    const request = new IpsecRequest();
    request.opcode = opcode;
    request.associationId = associationId;
    request.sourceBytes = packet.length;
    request.destinationBytes = destinationBytes;
    const { revision1 } = this.#machine.device.mode;
    const header = encodeIpsecRequest(request, revision1);
    if (isSpoiled) spoil(this.#random, header);
    const readable = Uint8Array.from([...header, ...packet]);
    const { usedBytes, written } = this.#serve(
      this.#data,
      readable,
      destinationBytes + 1,
    );
    const status = written.at(-1)!;
    if (status > Status.SoftExpiry) throw new FuzzFailure(`status ${status}`);
    const isProcessed = status === Status.Ok || status === Status.SoftExpiry;
    if (usedBytes < 1 || (!isProcessed && usedBytes !== 1)) {
      throw new FuzzFailure(`used length ${usedBytes} with status ${status}`);
    }
    const resultBytes = usedBytes - 1;
    if (
      written.subarray(resultBytes, -1).some((byte) => byte !== SENTINEL)
    ) throw new FuzzFailure(`more than ${usedBytes} bytes were written`);
    return isProcessed ? written.slice(0, resultBytes) : undefined;
  }

  #serve(ring: HandRing, readable: Uint8Array, roomBytes: number) {
    const random = this.#random;
    const { arena } = this.#machine;
    const scatter = new Scatter(random, this.#machine, BUFFERS_AT);
    const outPieces = scatter.room(roomBytes, random.pick([1, 4]));
    for (const { address, lengthBytes } of outPieces) {
      scatter.fill(address, new Uint8Array(lengthBytes).fill(SENTINEL));
    }
    const pieces: Piece[] = [
      ...scatter.write(readable, random.pick([1, 6])),
      ...outPieces,
    ];
    arena.snapshot(this.#snapshot);
    const used = ring.submit(pieces);
    if (!used) throw new FuzzFailure("a well-formed chain was not answered");
    arena.accept(this.#snapshot, arena.low.guestAddress, BUFFERS_AT);
    for (const { address, lengthBytes, writable } of pieces) {
      if (writable) arena.accept(this.#snapshot, address, lengthBytes);
    }
    expectNone(
      "written outside writable buffers",
      arena.difference(this.#snapshot),
    );
    return {
      usedBytes: used.lengthBytes,
      written: readPieces(this.#machine, outPieces),
    };
  }

  finish(): void {
    expectSound(this.#machine);
    this.#machine.reset();
    const { size } = this.#machine.device.associations!.sessions;
    if (size !== 0) throw new FuzzFailure(`${size} associations are left`);
    expectUsableAndEnd(this.#machine);
  }
}

function ipsecTarget(name: string, extra: bigint): Target {
  return {
    name,
    cases: 250,
    async start(backend, random) {
      const features = F_VERSION_1 | F_INDIRECT_DESC | F_ADMIN_VQ | extra |
        (random.oneIn(3) ? F_RING_PACKED : 0n);
      const machine = await Machine.start({
        backend,
        features,
        maximumSessions: LIMIT,
        administration: true,
      });
      return new IpsecEpisode(machine, random);
    },
  };
}

export const IPSEC_TARGETS: readonly Target[] = [
  ipsecTarget("ipsec-legacy", 0n),
  ipsecTarget("ipsec-revision1", F_REVISION_1),
];
