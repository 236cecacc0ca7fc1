/**
 * What administration commands do (virtio 1.4 §2.13.1): the list of commands, the
 * capabilities of the IPSEC service, and its resource objects. Commands are for
 * the device itself, the group type SELF.
 *
 * @module
 */

import type {
  AdminRefusal,
  SecurityAssociations,
} from "./security_associations.ts";
import { NO_ORIGIN } from "./session/session_table.ts";
import {
  type AdminCommand,
  AdminOpcode,
  type AdminOutcome,
  AdminQualifier,
  AdminStatus,
  CAPABILITY_HEADER_BYTES,
  decodeBitmap,
  encodeBitmap,
  GroupType,
  OBJECT_AT,
  RESOURCE_HEADER_BYTES,
  withZeros,
} from "./wire/admin_command.ts";
import {
  ASSOCIATION_CAPABILITY_ID,
  type AssociationCapability,
  decodeAssociationCapabilities,
  decodeResourceCapability,
  type DriverAgreement,
  encodeAssociationCapabilities,
  encodeResourceCapability,
  MAXIMUM_ASSOCIATION_CAPABILITY_BYTES,
  RESOURCE_CAPABILITY_BYTES,
  RESOURCE_CAPABILITY_ID,
  type ResourceCapability,
} from "./wire/ipsec_capabilities.ts";
import { ASSOCIATION_BYTES, isDisabled } from "./wire/ipsec_readings.ts";
import { ResourceType } from "./wire/security_association.ts";

const NOTHING = new Uint8Array(0);
const OK: AdminOutcome = {
  status: AdminStatus.Ok,
  qualifier: AdminQualifier.Ok,
  result: NOTHING,
};

const refused = (status: number, qualifier: AdminQualifier): AdminOutcome => ({
  status,
  qualifier,
  result: NOTHING,
});
const invalid = (qualifier: AdminQualifier): AdminOutcome =>
  refused(AdminStatus.Invalid, qualifier);
const succeeded = (result: Uint8Array<ArrayBuffer>): AdminOutcome => ({
  ...OK,
  result,
});
const outcomeOf = (refusal: AdminRefusal | undefined): AdminOutcome =>
  refusal ? refused(refusal.status, refusal.qualifier) : OK;

/** Before the driver has said anything; what it may send is from the standard. */
const NO_AGREEMENT: DriverAgreement = {
  list: [AdminOpcode.ListQuery, AdminOpcode.ListUse],
  listOrigin: NO_ORIGIN,
  limits: { inboundLimit: 0, outboundLimit: 0 },
  capabilities: [],
};

type Command = (
  data: Uint8Array<ArrayBuffer>,
  origin: number,
) => AdminOutcome;

/** The commands of one guest. */
export class Administration {
  readonly #associations: SecurityAssociations;
  /** What the device has … */
  readonly #limits: ResourceCapability;
  readonly #capabilities: readonly AssociationCapability[];
  /** … and what the driver uses of it. */
  #agreement = NO_AGREEMENT;
  readonly #commands: ReadonlyMap<number, Command>;

  constructor(
    associations: SecurityAssociations,
    limits: ResourceCapability,
    capabilities: readonly AssociationCapability[],
  ) {
    this.#associations = associations;
    this.#limits = limits;
    this.#capabilities = capabilities;
    this.#commands = new Map<number, Command>([
      [AdminOpcode.ListQuery, () => this.#queryList()],
      [AdminOpcode.ListUse, (data, origin) => this.#useList(data, origin)],
      [AdminOpcode.CapabilityIdListQuery, () => this.#queryCapabilities()],
      [AdminOpcode.DeviceCapabilityGet, (data) => this.#getCapability(data)],
      [AdminOpcode.DriverCapabilitySet, (data) => this.#setCapability(data)],
      [AdminOpcode.ResourceObjectCreate, (...asked) => this.#create(...asked)],
      [AdminOpcode.ResourceObjectModify, (...asked) => this.#modify(...asked)],
      [AdminOpcode.ResourceObjectQuery, (data) => this.#query(data)],
      [
        AdminOpcode.ResourceObjectDestroy,
        (...asked) => this.#destroy(...asked),
      ],
    ]);
  }

  /** Back to the state before a driver. */
  reset(): void {
    this.#associations.clear();
    this.#agreement = NO_AGREEMENT;
    this.#associations.store.agreed(NO_AGREEMENT);
  }

  /** What the driver has agreed on up to now. */
  get agreement(): DriverAgreement {
    return this.#agreement;
  }

  /** Whether no driver has agreed on anything, nor has any association. */
  get isEmpty(): boolean {
    return this.#agreement === NO_AGREEMENT && this.#associations.isEmpty;
  }

  #agree(changes: Partial<DriverAgreement>): void {
    this.#agreement = { ...this.#agreement, ...changes };
    this.#associations.store.agreed(this.#agreement);
  }

  /**
   * Goes on with what a driver has agreed on with the process before; a text says
   * what of it this device does not have.
   */
  takeOver(agreement: DriverAgreement): string | undefined {
    const { list, limits, capabilities } = agreement;
    if (!list.every((opcode) => this.#commands.has(opcode))) {
      return "administration commands that this device does not have";
    }
    if (!this.#areWithin(limits) || !this.#areMine(capabilities)) {
      return "capabilities that this device does not have";
    }
    this.#agreement = agreement;
    return undefined;
  }

  /**
   * Carries a command out. The checks come in the order of §2.13.1.1.1. `origin`
   * is the same when a command is done again, after the process that began it.
   */
  execute(
    { opcode, groupType, memberId, data }: AdminCommand,
    origin = NO_ORIGIN,
  ): AdminOutcome {
    if (groupType !== GroupType.Self) {
      return invalid(AdminQualifier.InvalidGroup);
    }
    const command = this.#commands.get(opcode);
    if (!command) return invalid(AdminQualifier.InvalidOpcode);
    if (memberId !== 0) return invalid(AdminQualifier.InvalidMember);
    const { list, listOrigin } = this.#agreement;
    // A list that does without this command may have been taken already.
    const isAgain = opcode === AdminOpcode.ListUse && origin !== NO_ORIGIN &&
      origin === listOrigin;
    if (!list.includes(opcode) && !isAgain) {
      return invalid(AdminQualifier.InvalidOpcode);
    }
    return command(data, origin);
  }

  #queryList(): AdminOutcome {
    return succeeded(encodeBitmap([...this.#commands.keys()]));
  }

  #useList(data: Uint8Array, origin: number): AdminOutcome {
    const list = decodeBitmap(data);
    if (!list.every((opcode) => this.#commands.has(opcode))) {
      return invalid(AdminQualifier.InvalidField);
    }
    this.#agree({ list, listOrigin: origin });
    return OK;
  }

  #queryCapabilities(): AdminOutcome {
    return succeeded(
      encodeBitmap([RESOURCE_CAPABILITY_ID, ASSOCIATION_CAPABILITY_ID]),
    );
  }

  #getCapability(data: Uint8Array<ArrayBuffer>): AdminOutcome {
    switch (withZeros(data, CAPABILITY_HEADER_BYTES).getUint16(0, true)) {
      case RESOURCE_CAPABILITY_ID:
        return succeeded(encodeResourceCapability(this.#limits));
      case ASSOCIATION_CAPABILITY_ID:
        return succeeded(encodeAssociationCapabilities(this.#capabilities));
      default:
        return refused(AdminStatus.NoSuchThing, AdminQualifier.InvalidField);
    }
  }

  #setCapability(data: Uint8Array<ArrayBuffer>): AdminOutcome {
    const id = withZeros(data, CAPABILITY_HEADER_BYTES).getUint16(0, true);
    const capability = data.subarray(CAPABILITY_HEADER_BYTES);
    switch (id) {
      case RESOURCE_CAPABILITY_ID:
        return this.#setLimits(
          decodeResourceCapability(
            withZeros(capability, RESOURCE_CAPABILITY_BYTES),
          ),
        );
      case ASSOCIATION_CAPABILITY_ID:
        return this.#setCapabilities(
          decodeAssociationCapabilities(
            withZeros(capability, MAXIMUM_ASSOCIATION_CAPABILITY_BYTES),
          ),
        );
      default:
        return refused(AdminStatus.NoSuchThing, AdminQualifier.InvalidField);
    }
  }

  #setLimits(limits: ResourceCapability): AdminOutcome {
    const { inboundLimit, outboundLimit } = limits;
    if (!this.#areWithin(limits)) return invalid(AdminQualifier.InvalidField);
    if (
      this.#associations.reaches(false, inboundLimit) ||
      this.#associations.reaches(true, outboundLimit)
    ) return refused(AdminStatus.Busy, AdminQualifier.InvalidCommand);
    this.#agree({ limits });
    return OK;
  }

  #areWithin({ inboundLimit, outboundLimit }: ResourceCapability): boolean {
    return inboundLimit <= this.#limits.inboundLimit &&
      outboundLimit <= this.#limits.outboundLimit;
  }

  #areMine(entries: readonly AssociationCapability[]): boolean {
    const modes = new Set(entries.map(({ mode }) => mode));
    return modes.size === entries.length &&
      entries.every((entry) =>
        this.#capabilities.some((own) => isWithin(entry, own))
      );
  }

  #setCapabilities(entries: readonly AssociationCapability[]): AdminOutcome {
    if (!this.#areMine(entries)) return invalid(AdminQualifier.InvalidField);
    const haveObjects = this.#associations.reaches(true, 0) ||
      this.#associations.reaches(false, 0);
    if (isDisabled(entries.length) && haveObjects) {
      return refused(AdminStatus.Busy, AdminQualifier.InvalidCommand);
    }
    this.#agree({ capabilities: entries });
    return OK;
  }

  #create(data: Uint8Array<ArrayBuffer>, origin: number): AdminOutcome {
    const { limits, capabilities } = this.#agreement;
    return this.#withObject(data, (type, id, object) =>
      outcomeOf(
        this.#associations.create(
          type,
          id,
          object,
          limits,
          capabilities,
          origin,
        ),
      ));
  }

  #modify(data: Uint8Array<ArrayBuffer>, origin: number): AdminOutcome {
    const { capabilities } = this.#agreement;
    return this.#withObject(
      data,
      (type, id, object) =>
        outcomeOf(
          this.#associations.modify(type, id, object, capabilities, origin),
        ),
    );
  }

  #query(data: Uint8Array<ArrayBuffer>): AdminOutcome {
    return this.#withObject(data, (type, id) => {
      const found = this.#associations.query(type, id);
      return "status" in found ? outcomeOf(found) : succeeded(found);
    });
  }

  #destroy(data: Uint8Array<ArrayBuffer>, origin: number): AdminOutcome {
    // It has no flags: what is there belongs to nothing.
    const header = data.subarray(0, RESOURCE_HEADER_BYTES);
    return this.#withObject(
      header,
      (type, id) => outcomeOf(this.#associations.destroy(type, id, origin)),
    );
  }

  #withObject(
    data: Uint8Array<ArrayBuffer>,
    act: (
      type: ResourceType,
      id: number,
      object: DataView<ArrayBuffer>,
    ) => AdminOutcome,
  ): AdminOutcome {
    const view = withZeros(data, OBJECT_AT + ASSOCIATION_BYTES);
    const outcome = this.#act(view, act);
    // A copy that was made for a short command may hold keys, too.
    if (view.buffer !== data.buffer) new Uint8Array(view.buffer).fill(0);
    return outcome;
  }

  #act(
    view: DataView<ArrayBuffer>,
    act: (
      type: ResourceType,
      id: number,
      object: DataView<ArrayBuffer>,
    ) => AdminOutcome,
  ): AdminOutcome {
    const type = view.getUint16(0, true);
    if (
      type !== ResourceType.OutboundAssociation &&
      type !== ResourceType.InboundAssociation
    ) return invalid(AdminQualifier.InvalidField);
    const { limits, capabilities } = this.#agreement;
    if (
      isDisabled(limits.inboundLimit + limits.outboundLimit) ||
      isDisabled(capabilities.length)
    ) return invalid(AdminQualifier.InvalidOpcode);
    const flags = view.getBigUint64(8, true);
    if (flags !== 0n) return invalid(AdminQualifier.InvalidField);
    const object = new DataView(
      view.buffer,
      view.byteOffset + OBJECT_AT,
      ASSOCIATION_BYTES,
    );
    return act(type, view.getUint32(4, true), object);
  }
}

/** Whether a driver's entry asks for nothing that the device's own does not have. */
function isWithin(
  entry: AssociationCapability,
  own: AssociationCapability,
): boolean {
  return entry.mode === own.mode &&
    entry.maxReplayWindow <= own.maxReplayWindow &&
    (entry.options & ~own.options) === 0 &&
    (entry.cipherAlgorithms & ~own.cipherAlgorithms) === 0n &&
    (entry.macAlgorithms & ~own.macAlgorithms) === 0n &&
    (entry.aeadAlgorithms & ~own.aeadAlgorithms) === 0 &&
    entry.maxCipherKeyBytes <= own.maxCipherKeyBytes &&
    entry.maxAuthKeyBytes <= own.maxAuthKeyBytes;
}
