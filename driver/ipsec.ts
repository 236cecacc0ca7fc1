/**
 * The IPSEC service as a program uses it: security associations, and packets that
 * go through them.
 *
 * @module
 */

import { showInstead } from "../algorithms/inspect.ts";
import { AdminOpcode } from "../device/wire/admin_command.ts";
import type {
  AssociationCapability,
  ResourceCapability,
} from "../device/wire/ipsec_capabilities.ts";
import {
  encodeIpsecRequest,
  IPSEC_SOURCE_AT,
  IpsecOpcode,
  IpsecRequest,
} from "../device/wire/ipsec_request.ts";
import type { WireMode } from "../device/wire/mode.ts";
import {
  type AssociationFields,
  encodeAssociation,
  ResourceType,
} from "../device/wire/security_association.ts";
import { Status } from "../device/wire/status.ts";
import { AdministrationControl } from "./administration.ts";
import {
  associationFields,
  type AssociationParameters,
  type InboundParameters,
  type OutboundParameters,
} from "./association_parameters.ts";
import { requireBytes } from "./argument.ts";
import { OperationError } from "./operation_error.ts";
import type { RequestQueue } from "./request_queue.ts";
import { UNANSWERED } from "./session_control.ts";
import type { SharedBytes, SharedMemory } from "./shared_memory.ts";

/**
 * The most that encapsulation adds: outer header 40, UDP 8, ESP 8, IV 16, padding
 * and trailer 17, ICV 16.
 */
const ADDED_BYTES = 105;

/** A packet that has gone through an association. */
export interface ProcessedPacket {
  /** What came out, as long as it is. */
  readonly packet: Uint8Array<ArrayBuffer>;
  /** Whether a soft limit of the association is reached. */
  readonly softExpiry: boolean;
}

/** What became of a request, whatever the status. */
export interface PacketOutcome {
  readonly status: Status;
  /** Bytes that the device says it wrote, status included. */
  readonly writtenBytes: number;
  /** The whole destination. */
  readonly destination: Uint8Array<ArrayBuffer>;
}

/** The associations of one driver. */
export class Ipsec {
  readonly administration: AdministrationControl;
  /** What the device has, all of which this driver uses. */
  readonly limits: ResourceCapability;
  readonly capabilities: readonly AssociationCapability[];
  readonly #queues: readonly RequestQueue[];
  readonly #memory: SharedMemory;
  readonly #mode: WireMode;
  readonly #taken = { outbound: new Set<number>(), inbound: new Set<number>() };
  #nextQueue = 0;

  private constructor(
    administration: AdministrationControl,
    agreed: Awaited<ReturnType<AdministrationControl["useIpsec"]>>,
    queues: readonly RequestQueue[],
    memory: SharedMemory,
    mode: WireMode,
  ) {
    this.administration = administration;
    this.limits = agreed.limits;
    this.capabilities = agreed.capabilities;
    this.#queues = queues;
    this.#memory = memory;
    this.#mode = mode;
  }

  /** Agrees with the device on commands and capabilities. */
  static async start(
    queue: RequestQueue,
    dataQueues: readonly RequestQueue[],
    memory: SharedMemory,
    mode: WireMode,
  ): Promise<Ipsec> {
    const administration = new AdministrationControl(queue, memory);
    await administration.useAllCommands();
    const agreed = await administration.useIpsec();
    return new Ipsec(administration, agreed, dataQueues, memory, mode);
  }

  /**
   * Creates an association; its number is the first that is free. Rejects with an
   * `AdministrationError` where the device refuses it.
   */
  async create(prepared: PreparedAssociation): Promise<SecurityAssociation> {
    const { direction, spi, object } = prepared;
    const id = this.#takeId(direction);
    try {
      await this.administration.setObject(
        AdminOpcode.ResourceObjectCreate,
        typeOf(direction),
        id,
        object,
      );
    } catch (error) {
      this.#taken[direction].delete(id);
      throw error;
    } finally {
      object.fill(0);
    }
    const parts = {
      service: this,
      id,
      spi,
      queue: this.#queues[this.#nextQueue++ % this.#queues.length]!,
      release: () => this.#taken[direction].delete(id),
    };
    return direction === "outbound"
      ? new OutboundAssociation(parts)
      : new InboundAssociation(parts);
  }

  #takeId(direction: "outbound" | "inbound"): number {
    const taken = this.#taken[direction];
    let id = 0;
    while (taken.has(id)) id++;
    taken.add(id);
    return id;
  }

  /** Sends one packet; resolves to the outcome, whatever the status. */
  async run(
    queue: RequestQueue,
    opcode: IpsecOpcode,
    associationId: number,
    packet: Uint8Array,
    destinationBytes: number,
  ): Promise<PacketOutcome> {
    const request = new IpsecRequest();
    request.opcode = opcode;
    request.associationId = associationId;
    request.sourceBytes = packet.length;
    request.destinationBytes = destinationBytes;
    // The caller may change the packet while this waits for memory.
    const source = new Uint8Array(packet);
    const [input, output] = await this.#memory.allocate([
      { lengthBytes: IPSEC_SOURCE_AT + source.length },
      { lengthBytes: destinationBytes + 1 },
    ]) as [SharedBytes, SharedBytes];
    const { revision1 } = this.#mode;
    input.segments.write(0, encodeIpsecRequest(request, revision1));
    input.segments.write(IPSEC_SOURCE_AT, source);
    // Not what an earlier request left there.
    output.segments.fill(0, destinationBytes, 0);
    output.segments.fill(destinationBytes, 1, UNANSWERED);
    try {
      const writtenBytes = await queue.request(input.buffers, output.buffers);
      const all = output.segments.copy();
      return {
        status: all[destinationBytes]!,
        writtenBytes,
        destination: all.subarray(0, destinationBytes),
      };
    } finally {
      this.#memory.free(input);
      this.#memory.free(output);
    }
  }
}

/** Parameters as the device gets them: the caller's may change meanwhile. */
export interface PreparedAssociation {
  readonly direction: "outbound" | "inbound";
  readonly spi: number;
  /** The resource object, to be wiped. */
  readonly object: Uint8Array<ArrayBuffer>;
}

/** Reads all of `parameters`; throws a TypeError for what cannot be. */
export function prepareAssociation(
  parameters: AssociationParameters,
): PreparedAssociation {
  const { direction, spi } = parameters;
  return { direction, spi, object: encodeObject(parameters) };
}

/** The object of each direction. */
export type AssociationOf<P extends AssociationParameters> = P extends
  OutboundParameters ? OutboundAssociation
  : P extends InboundParameters ? InboundAssociation
  : SecurityAssociation;

const typeOf = (direction: "outbound" | "inbound"): ResourceType =>
  direction === "outbound"
    ? ResourceType.OutboundAssociation
    : ResourceType.InboundAssociation;

function encodeObject(
  parameters: AssociationParameters,
): Uint8Array<ArrayBuffer> {
  const fields = associationFields(parameters);
  const object = encodeAssociation(fields);
  wipe(fields);
  return object;
}

function wipe({ cipherKey, authKey, salt }: AssociationFields): void {
  cipherKey.fill(0);
  authKey.fill(0);
  salt.fill(0);
}

interface AssociationParts {
  readonly service: Ipsec;
  readonly id: number;
  readonly spi: number;
  readonly queue: RequestQueue;
  readonly release: () => void;
}

let partsOf: (association: SecurityAssociation) => AssociationParts;

/** An association of the device. */
export abstract class SecurityAssociation implements AsyncDisposable {
  /** Its number among those of its direction. */
  readonly id: number;
  /** What its packets name it by. */
  readonly spi: number;
  readonly #parts: AssociationParts;
  #open = true;

  /** Associations are made by a `Driver`. */
  constructor(parts: AssociationParts) {
    this.id = parts.id;
    this.spi = parts.spi;
    this.#parts = parts;
    showInstead(this, () => ({
      direction: this.direction,
      id: this.id,
      spi: this.spi,
      state: this.#open ? "open" : "closed",
    }), new.target.name);
  }

  static {
    partsOf = (association) => association.#parts;
  }

  /** Which way its packets go. */
  abstract readonly direction: "outbound" | "inbound";

  /** False once it has been closed. */
  get isOpen(): boolean {
    return this.#open;
  }

  /**
   * Sets it anew. Sequence numbers, window and counts go on, unless SPI, salt or a
   * key is another.
   */
  async modify(parameters: AssociationParameters): Promise<void> {
    const object = encodeObject(parameters);
    try {
      await this.#parts.service.administration.setObject(
        AdminOpcode.ResourceObjectModify,
        typeOf(this.direction),
        this.id,
        object,
      );
    } finally {
      object.fill(0);
    }
  }

  /** Destroys the association on the device. */
  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    const { service, queue, release } = this.#parts;
    // With its device it is gone already.
    if (queue.closed) return;
    try {
      await service.administration.destroyObject(
        typeOf(this.direction),
        this.id,
      );
    } catch (error) {
      if (!queue.closed) throw error;
    }
    release();
  }

  /** Closes the association. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** An association that packets leave by. */
export class OutboundAssociation extends SecurityAssociation {
  /** Packets leave. */
  override readonly direction: "outbound" = "outbound";

  /** An IP packet becomes an ESP packet. */
  encapsulate(packet: Uint8Array): Promise<ProcessedPacket> {
    return process(this, "encapsulate", packet, packet.length + ADDED_BYTES);
  }
}

/** An association that packets come by. */
export class InboundAssociation extends SecurityAssociation {
  /** Packets come. */
  override readonly direction: "inbound" = "inbound";

  /**
   * An ESP packet becomes the IP packet that was protected; rejects with an
   * `OperationError`, of status BADMSG where its ICV is wrong.
   */
  decapsulate(packet: Uint8Array): Promise<ProcessedPacket> {
    return process(this, "decapsulate", packet, packet.length);
  }
}

/**
 * Sends one packet; resolves to the outcome, whatever the status. No part of the
 * API.
 */
export function runPacket(
  association: SecurityAssociation,
  packet: Uint8Array,
  destinationBytes: number,
): Promise<PacketOutcome> {
  const { service, queue, id } = partsOf(association);
  const opcode = association.direction === "outbound"
    ? IpsecOpcode.Outbound
    : IpsecOpcode.Inbound;
  return service.run(queue, opcode, id, packet, destinationBytes);
}

async function process(
  association: SecurityAssociation,
  what: string,
  packet: Uint8Array,
  destinationBytes: number,
): Promise<ProcessedPacket> {
  const { id } = association;
  requireBytes(`${what} by association ${id}`, "packet", packet);
  if (!association.isOpen) {
    throw new Error(`Cannot ${what}: association ${id} is closed`);
  }
  const outcome = await runPacket(association, packet, destinationBytes);
  const { status, writtenBytes, destination } = outcome;
  const softExpiry = status === Status.SoftExpiry;
  if (!softExpiry && status !== Status.Ok) {
    throw new OperationError(`${what} by association ${id}`, status);
  }
  const resultBytes = Math.min(
    Math.max(writtenBytes - 1, 0),
    destination.length,
  );
  return { packet: destination.slice(0, resultBytes), softExpiry };
}
