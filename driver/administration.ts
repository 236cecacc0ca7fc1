/**
 * Administration commands from a driver's side: what the device has is asked for
 * once, and all of it is used.
 *
 * @module
 */

import {
  AdminOpcode,
  type AdminOutcome,
  AdminQualifier,
  AdminStatus,
  decodeAdminOutcome,
  decodeBitmap,
  encodeAdminCommand,
  encodeBitmap,
  encodeCapabilityData,
  encodeResourceData,
  RESULT_HEADER_BYTES,
  wholeWords,
} from "../device/wire/admin_command.ts";
import {
  ASSOCIATION_CAPABILITY_ID,
  type AssociationCapability,
  decodeAssociationCapabilities,
  decodeResourceCapability,
  encodeAssociationCapabilities,
  encodeResourceCapability,
  MAXIMUM_ASSOCIATION_CAPABILITY_BYTES,
  RESOURCE_CAPABILITY_BYTES,
  RESOURCE_CAPABILITY_ID,
  type ResourceCapability,
} from "../device/wire/ipsec_capabilities.ts";
import { ASSOCIATION_BYTES } from "../device/wire/ipsec_readings.ts";
import type { ResourceType } from "../device/wire/security_association.ts";
import type { RequestQueue } from "./request_queue.ts";
import type { SharedBytes, SharedMemory } from "./shared_memory.ts";

/** The device refused an administration command. */
export class AdministrationError extends Error {
  /** Tells the class by name, across realms and bundles. */
  override readonly name = "AdministrationError";
  /** One of Linux's error numbers (virtio 1.4 §2.13.1). */
  readonly status: number;
  /** Why, in more detail (virtio 1.4 §2.13.1). */
  readonly qualifier: number;

  /** `what` goes on after `Cannot `. */
  constructor(what: string, { status, qualifier }: AdminOutcome) {
    const name = STATUS_NAMES[status] ?? `status ${status}`;
    const why = QUALIFIER_NAMES[qualifier] ?? `qualifier ${qualifier}`;
    super(`Cannot ${what}: the device answered ${name} (${why})`);
    this.status = status;
    this.qualifier = qualifier;
  }
}

const STATUS_NAMES: Readonly<Record<number, string>> = {
  [AdminStatus.NoSuchThing]: "ENXIO",
  [AdminStatus.Busy]: "EBUSY",
  [AdminStatus.Exists]: "EEXIST",
  [AdminStatus.Invalid]: "EINVAL",
  [AdminStatus.NoSpace]: "ENOSPC",
};
const QUALIFIER_NAMES: Readonly<Record<number, string>> = {
  [AdminQualifier.InvalidCommand]: "invalid command",
  [AdminQualifier.InvalidOpcode]: "invalid opcode",
  [AdminQualifier.InvalidField]: "invalid field",
  [AdminQualifier.InvalidGroup]: "invalid group",
  [AdminQualifier.InvalidMember]: "invalid member",
  [AdminQualifier.NoResource]: "no resource",
  [AdminQualifier.TryAgain]: "try again",
};

/** Room for the answers that have a length of their own. */
const LIST_BYTES = 8 * 1024;

/** Capabilities and resource objects over an administration queue. */
export class AdministrationControl {
  readonly #queue: RequestQueue;
  readonly #memory: SharedMemory;

  constructor(queue: RequestQueue, memory: SharedMemory) {
    this.#queue = queue;
    this.#memory = memory;
  }

  /** Sends one command; resolves to its outcome, whatever it is. */
  async send(
    opcode: number,
    data?: Uint8Array,
    resultBytes = 0,
  ): Promise<AdminOutcome> {
    const command = encodeAdminCommand(opcode, data);
    const answerBytes = RESULT_HEADER_BYTES + wholeWords(resultBytes);
    const [request, answer] = await this.#memory.allocate([
      { lengthBytes: command.length },
      { lengthBytes: answerBytes },
    ]) as [SharedBytes, SharedBytes];
    request.segments.write(0, command);
    answer.segments.fill(0, answerBytes, 0xff);
    try {
      const written = await this.#queue.request(
        request.buffers,
        answer.buffers,
      );
      const all = answer.segments.copy();
      if (written < RESULT_HEADER_BYTES) {
        throw new Error(
          `The device answered an administration command with ${written} ` +
            `bytes: expected at least ${RESULT_HEADER_BYTES}`,
        );
      }
      return decodeAdminOutcome(all.subarray(0, written));
    } finally {
      // Keys do not stay in shared memory.
      command.fill(0);
      request.segments.fill(0, command.length, 0);
      answer.segments.fill(0, answerBytes, 0);
      this.#memory.free(request);
      this.#memory.free(answer);
    }
  }

  /** Like `send`, but rejects with an `AdministrationError` unless it succeeds. */
  async require(
    what: string,
    opcode: number,
    data?: Uint8Array,
    resultBytes = 0,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const outcome = await this.send(opcode, data, resultBytes);
    if (outcome.status === AdminStatus.Ok) return outcome.result;
    throw new AdministrationError(what, outcome);
  }

  /** Tells the device that all of its commands are used. */
  async useAllCommands(): Promise<void> {
    const what = "agree on administration commands";
    const list = await this.require(
      what,
      AdminOpcode.ListQuery,
      undefined,
      LIST_BYTES,
    );
    const known = new Set<number>(Object.values(AdminOpcode));
    const both = decodeBitmap(list).filter((opcode) => known.has(opcode));
    await this.require(what, AdminOpcode.ListUse, encodeBitmap(both));
  }

  /** Asks for the capabilities of IPSEC, and takes all that they offer. */
  async useIpsec(): Promise<{
    readonly limits: ResourceCapability;
    readonly capabilities: readonly AssociationCapability[];
  }> {
    const what = "agree on IPSEC's capabilities";
    const ids = decodeBitmap(
      await this.require(
        what,
        AdminOpcode.CapabilityIdListQuery,
        undefined,
        LIST_BYTES,
      ),
    );
    for (const id of [RESOURCE_CAPABILITY_ID, ASSOCIATION_CAPABILITY_ID]) {
      if (ids.includes(id)) continue;
      throw new Error(
        `Cannot ${what}: the device has no capability 0x${id.toString(16)}`,
      );
    }
    const limits = decodeResourceCapability(
      await this.#capability(RESOURCE_CAPABILITY_ID, RESOURCE_CAPABILITY_BYTES),
    );
    const capabilities = decodeAssociationCapabilities(
      await this.#capability(
        ASSOCIATION_CAPABILITY_ID,
        MAXIMUM_ASSOCIATION_CAPABILITY_BYTES,
      ),
    );
    await this.#setCapability(
      RESOURCE_CAPABILITY_ID,
      encodeResourceCapability(limits),
    );
    await this.#setCapability(
      ASSOCIATION_CAPABILITY_ID,
      encodeAssociationCapabilities(capabilities),
    );
    return { limits, capabilities };
  }

  async #capability(id: number, lengthBytes: number): Promise<DataView> {
    const result = await this.require(
      `get capability 0x${id.toString(16)}`,
      AdminOpcode.DeviceCapabilityGet,
      encodeCapabilityData(id),
      lengthBytes,
    );
    const whole = new Uint8Array(lengthBytes);
    whole.set(result.subarray(0, lengthBytes));
    return new DataView(whole.buffer);
  }

  async #setCapability(id: number, capability: Uint8Array): Promise<void> {
    await this.require(
      `set capability 0x${id.toString(16)}`,
      AdminOpcode.DriverCapabilitySet,
      encodeCapabilityData(id, capability),
    );
  }

  /** Creates or sets a resource object; wipes `object`. */
  async setObject(
    opcode:
      | typeof AdminOpcode.ResourceObjectCreate
      | typeof AdminOpcode.ResourceObjectModify,
    type: ResourceType,
    id: number,
    object: Uint8Array<ArrayBuffer>,
  ): Promise<void> {
    const verb = opcode === AdminOpcode.ResourceObjectCreate
      ? "create"
      : "modify";
    const data = encodeResourceData(type, id, object);
    object.fill(0);
    try {
      await this.require(`${verb} association ${id}`, opcode, data);
    } finally {
      data.fill(0);
    }
  }

  /** The object as it was set last, keys included. */
  queryObject(
    type: ResourceType,
    id: number,
  ): Promise<Uint8Array<ArrayBuffer>> {
    return this.require(
      `query association ${id}`,
      AdminOpcode.ResourceObjectQuery,
      encodeResourceData(type, id),
      ASSOCIATION_BYTES,
    );
  }

  async destroyObject(type: ResourceType, id: number): Promise<void> {
    await this.require(
      `destroy association ${id}`,
      AdminOpcode.ResourceObjectDestroy,
      encodeResourceData(type, id),
    );
  }
}
