import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import {
  AdminOpcode,
  AdminQualifier,
  AdminStatus,
  decodeBitmap,
  encodeAdminCommand,
  encodeBitmap,
  encodeCapabilityData,
  encodeResourceData,
} from "../../device/wire/admin_command.ts";
import {
  encodeAssociationCapabilities,
  encodeResourceCapability,
} from "../../device/wire/ipsec_capabilities.ts";
import {
  encodeAssociation,
  ResourceType,
} from "../../device/wire/security_association.ts";
import { AdministrationControl } from "../../driver/administration.ts";
import {
  associationFields,
  type AssociationParameters,
} from "../../driver/association_parameters.ts";
import { Driver, insideOf } from "../../driver/driver.ts";
import { createDevice } from "../../mod.ts";
import {
  IpsecBed,
  type IpsecBedOptions,
  SUITES,
} from "../../testing/ipsec_bed.ts";

const KINDS: Readonly<Record<string, IpsecBedOptions>> = {
  "split rings": {},
  "packed rings, one byte in each descriptor": {
    driver: {
      packed: true,
      revision1: true,
      splitBuffers: (lengthBytes) => new Array<number>(lengthBytes).fill(1),
      maxDescriptors: 13_000,
      queueSize: 4,
    },
  },
};

function testAdministration(
  name: string,
  body: (bed: IpsecBed, control: AdministrationControl) => Promise<void>,
): void {
  Deno.test(name, async (context) => {
    for (const [kind, options] of Object.entries(KINDS)) {
      await context.step(kind, async () => {
        await using bed = await IpsecBed.start(options);
        const { administrationQueue, memory } = insideOf(bed.driver);
        await body(
          bed,
          new AdministrationControl(administrationQueue!, memory),
        );
      });
    }
  });
}

const OUTBOUND: AssociationParameters = {
  direction: "outbound",
  spi: 0x1001,
  algorithms: SUITES["AES-128-GCM"]!,
  tunnel: { source: "198.51.100.1", destination: "198.51.100.2" },
};

const INBOUND: AssociationParameters = {
  direction: "inbound",
  mode: "tunnel",
  spi: 0x1002,
  algorithms: SUITES["AES-128-GCM"]!,
};

const objectOf = (parameters: AssociationParameters) =>
  encodeAssociation(associationFields(parameters));

const typeOf = ({ direction }: AssociationParameters) =>
  direction === "outbound"
    ? ResourceType.OutboundAssociation
    : ResourceType.InboundAssociation;

/** Status and qualifier of a command. */
async function outcomeOf(
  control: AdministrationControl,
  opcode: number,
  data?: Uint8Array,
): Promise<readonly [number, number]> {
  const { status, qualifier, result } = await control.send(opcode, data, 512);
  if (status !== AdminStatus.Ok) strictEqual(result.length, 0);
  return [status, qualifier];
}

const OK = [AdminStatus.Ok, AdminQualifier.Ok];
const invalid = (qualifier: AdminQualifier) => [AdminStatus.Invalid, qualifier];
const NO_SUCH_THING = [AdminStatus.NoSuchThing, AdminQualifier.InvalidField];

function create(
  control: AdministrationControl,
  parameters: AssociationParameters,
  id = 0,
) {
  const data = encodeResourceData(typeOf(parameters), id, objectOf(parameters));
  return outcomeOf(control, AdminOpcode.ResourceObjectCreate, data);
}

/** Sends the bytes of a command as they are; gives all that was written. */
async function sendRaw(
  bed: IpsecBed,
  command: Uint8Array,
  answerBytes: number,
): Promise<Uint8Array> {
  const { administrationQueue, memory } = insideOf(bed.driver);
  const stretches = [command.length, answerBytes].filter((n) => n > 0)
    .map((lengthBytes) => ({ lengthBytes }));
  const all = await memory.allocate(stretches);
  const request = command.length > 0 ? all[0] : undefined;
  const answer = answerBytes > 0 ? all.at(-1) : undefined;
  request?.segments.write(0, command);
  answer?.segments.fill(0, answerBytes, 0xee);
  const written = await administrationQueue!.request(
    request?.buffers ?? [],
    answer?.buffers ?? [],
  );
  const bytes = answer?.segments.copy() ?? new Uint8Array(0);
  for (const one of all) memory.free(one);
  deepStrictEqual(
    bytes.subarray(written),
    new Uint8Array(answerBytes - written).fill(0xee),
    "nothing behind the used length is written",
  );
  return bytes.slice(0, written);
}

testAdministration(
  "LIST_QUERY tells the commands, and only the two of lists may be sent before LIST_USE",
  async (_bed, control) => {
    const list = await control.send(AdminOpcode.ListQuery, undefined, 64);
    strictEqual(list.result.toHex(), "833f000000000000");
    for (const opcode of decodeBitmap(list.result).slice(2)) {
      deepStrictEqual(
        await outcomeOf(control, opcode),
        invalid(AdminQualifier.InvalidOpcode),
      );
    }
    await control.useAllCommands();
    deepStrictEqual(
      await outcomeOf(control, AdminOpcode.CapabilityIdListQuery),
      OK,
    );
  },
);

testAdministration(
  "the list that LIST_USE sets is what may be sent, until the next reset",
  async (bed, control) => {
    const use = (list: readonly number[]) =>
      outcomeOf(control, AdminOpcode.ListUse, encodeBitmap(list));
    deepStrictEqual(await use([0, 1, 8]), OK);
    deepStrictEqual(
      await outcomeOf(control, AdminOpcode.CapabilityIdListQuery),
      invalid(AdminQualifier.InvalidOpcode),
    );
    for (const list of [[0, 1, 2], [0, 1, 8, 63], [0, 1, 8, 64], [65535]]) {
      deepStrictEqual(await use(list), invalid(AdminQualifier.InvalidField));
    }
    // What failed has changed nothing.
    const get = encodeCapabilityData(0x0800);
    deepStrictEqual(
      await outcomeOf(control, AdminOpcode.DeviceCapabilityGet, get),
      OK,
    );
    // Words of zeros may follow.
    const long = new Uint8Array(1024);
    long.set(encodeBitmap([0, 1, 7]));
    deepStrictEqual(await outcomeOf(control, AdminOpcode.ListUse, long), OK);
    // A driver may lock itself out; a reset of the device lets it in.
    deepStrictEqual(await use([7]), OK);
    deepStrictEqual(
      await outcomeOf(control, AdminOpcode.ListUse),
      invalid(AdminQualifier.InvalidOpcode),
    );
    await bed.driver.link.reset();
    const again = await Driver.start(bed.driver.link, { ipsec: true });
    const inside = insideOf(again);
    const anew = new AdministrationControl(
      inside.administrationQueue!,
      inside.memory,
    );
    await anew.useAllCommands();
    deepStrictEqual(
      await outcomeOf(anew, AdminOpcode.ListUse, encodeBitmap([0, 1, 8])),
      OK,
    );
  },
);

testAdministration(
  "a command's group is looked at first, then its opcode, its member, and the list",
  async (bed, control) => {
    const send = async (opcode: number, group: number, member: number) => {
      const command = encodeAdminCommand(opcode);
      command[2] = group;
      command[16] = member;
      const answer = await sendRaw(bed, command, 8);
      return [answer[0], answer[2]];
    };
    deepStrictEqual(
      await send(0x55, 1, 1),
      invalid(AdminQualifier.InvalidGroup),
    );
    deepStrictEqual(
      await send(AdminOpcode.ListQuery, 1, 0),
      invalid(AdminQualifier.InvalidGroup),
    );
    deepStrictEqual(
      await send(0x55, 0, 1),
      invalid(AdminQualifier.InvalidOpcode),
    );
    deepStrictEqual(
      await send(AdminOpcode.ResourceObjectCreate, 0, 1),
      invalid(AdminQualifier.InvalidMember),
    );
    deepStrictEqual(
      await send(AdminOpcode.ResourceObjectCreate, 0, 0),
      invalid(AdminQualifier.InvalidOpcode),
    );
    await control.useAllCommands();
    for (const opcode of [2, 6, 0x0e, 0x11, 0x12, 0x7fff, 0x8000, 0xffff]) {
      deepStrictEqual(
        await outcomeOf(control, opcode),
        invalid(AdminQualifier.InvalidOpcode),
      );
    }
    deepStrictEqual(
      await send(AdminOpcode.CapabilityIdListQuery, 1, 0),
      invalid(AdminQualifier.InvalidGroup),
      "capabilities are the device's own",
    );
  },
);

testAdministration(
  "short and long buffers are no reason to fail, and used.len is what was written",
  async (bed) => {
    const whole = "0000000000000000" + "833f000000000000";
    for (const commandBytes of [0, 1, 8, 24, 40]) {
      for (const answerBytes of [0, 1, 3, 8, 11, 16, 40]) {
        if (commandBytes + answerBytes === 0) continue;
        const command = new Uint8Array(commandBytes);
        const answer = await sendRaw(bed, command, answerBytes);
        strictEqual(answer.toHex(), whole.slice(0, 2 * answerBytes));
      }
    }
    // LIST_USE without a byte of its list: nothing may be sent any more.
    const use = encodeAdminCommand(AdminOpcode.ListUse);
    strictEqual((await sendRaw(bed, use, 2)).toHex(), "0000");
    const query = encodeAdminCommand(AdminOpcode.ListQuery);
    strictEqual((await sendRaw(bed, query, 8)).toHex(), "1600020000000000");
  },
);

testAdministration(
  "both capabilities of IPSEC are in the list, and can be got; others are ENXIO",
  async (_bed, control) => {
    await control.useAllCommands();
    const ids = await control.send(
      AdminOpcode.CapabilityIdListQuery,
      undefined,
      512,
    );
    strictEqual(ids.result.length, 264);
    deepStrictEqual(decodeBitmap(ids.result), [0x0800, 0x0801]);
    for (const opcode of [0x08, 0x09]) {
      for (const id of [0, 0x07ff, 0x0802, 0xffff]) {
        deepStrictEqual(
          await outcomeOf(control, opcode, encodeCapabilityData(id)),
          NO_SUCH_THING,
        );
      }
    }
    const { limits, capabilities } = await control.useIpsec();
    deepStrictEqual(limits, { inboundLimit: 64, outboundLimit: 64 });
    deepStrictEqual(capabilities.map(({ mode }) => mode), [1, 2]);
    for (const capability of capabilities) {
      strictEqual(capability.options, 0x7f);
      strictEqual(capability.maxReplayWindow, 4096);
      strictEqual(capability.cipherAlgorithms, 0b11001n);
      strictEqual(
        capability.macAlgorithms,
        [2n, 4n, 26n, 41n, 53n].reduce((all, n) => all | 1n << n, 0n),
      );
      strictEqual(capability.aeadAlgorithms, 0b1110);
      strictEqual(capability.maxCipherKeyBytes, 32);
      strictEqual(capability.maxAuthKeyBytes, 32);
    }
  },
);

testAdministration(
  "a driver may use less of a capability, and no more than there is",
  async (_bed, control) => {
    await control.useAllCommands();
    const { limits, capabilities } = await control.useIpsec();
    const set = (id: number, capability: Uint8Array) =>
      outcomeOf(
        control,
        AdminOpcode.DriverCapabilitySet,
        encodeCapabilityData(id, capability),
      );
    const setLimits = (inboundLimit: number, outboundLimit: number) =>
      set(0x0800, encodeResourceCapability({ inboundLimit, outboundLimit }));
    const { inboundLimit, outboundLimit } = limits;
    const tooMuch = invalid(AdminQualifier.InvalidField);
    deepStrictEqual(await setLimits(inboundLimit + 1, 1), tooMuch);
    deepStrictEqual(await setLimits(1, outboundLimit + 1), tooMuch);
    deepStrictEqual(await setLimits(1, 2), OK);
    const entry = capabilities[0]!;
    const more = [
      { ...entry, mode: 3 },
      { ...entry, options: 0x80 },
      { ...entry, maxReplayWindow: 4097 },
      { ...entry, cipherAlgorithms: 1n << 1n },
      { ...entry, macAlgorithms: 1n << 63n },
      { ...entry, aeadAlgorithms: 1 << 31 >>> 0 },
      { ...entry, maxCipherKeyBytes: 33 },
      { ...entry, maxAuthKeyBytes: 33 },
    ];
    for (const one of more) {
      const set0801 = await set(0x0801, encodeAssociationCapabilities([one]));
      deepStrictEqual(set0801, tooMuch);
    }
    const twice = encodeAssociationCapabilities([entry, entry]);
    deepStrictEqual(await set(0x0801, twice), tooMuch);
    const less = { ...entry, options: 0, aeadAlgorithms: 1 << 3 };
    deepStrictEqual(
      await set(0x0801, encodeAssociationCapabilities([less])),
      OK,
    );
    // Objects are held to what the driver uses.
    const refused = invalid(AdminQualifier.InvalidField);
    deepStrictEqual(await create(control, OUTBOUND), refused, "GCM");
    const algorithms = SUITES["ChaCha20-Poly1305"]!;
    deepStrictEqual(
      await create(control, { ...INBOUND, algorithms }, 1),
      refused,
    );
    deepStrictEqual(await create(control, { ...INBOUND, algorithms }), OK);
    deepStrictEqual(
      await create(control, { ...OUTBOUND, algorithms, ecn: true }),
      refused,
    );
    deepStrictEqual(await create(control, { ...OUTBOUND, algorithms }, 1), OK);
  },
);

testAdministration(
  "without both capabilities there are no objects, and with objects none is disabled",
  async (_bed, control) => {
    await control.useAllCommands();
    const ids = [1, 2, 3, 4].map((n) => 0x09 + n);
    const tryAll = async () => {
      for (const opcode of ids) {
        deepStrictEqual(
          await outcomeOf(
            control,
            opcode,
            encodeResourceData(0x0200, 0, objectOf(OUTBOUND)),
          ),
          invalid(AdminQualifier.InvalidOpcode),
        );
      }
    };
    const set = (id: number, capability: Uint8Array) =>
      outcomeOf(
        control,
        AdminOpcode.DriverCapabilitySet,
        encodeCapabilityData(id, capability),
      );
    const none = encodeResourceCapability({
      inboundLimit: 0,
      outboundLimit: 0,
    });
    const noMode = encodeAssociationCapabilities([]);
    await tryAll();
    await control.useIpsec();
    deepStrictEqual(await set(0x0800, none), OK);
    await tryAll();
    await control.useIpsec();
    deepStrictEqual(await set(0x0801, noMode), OK);
    await tryAll();
    await control.useIpsec();
    deepStrictEqual(await create(control, OUTBOUND, 5), OK);
    const busy = [AdminStatus.Busy, AdminQualifier.InvalidCommand];
    deepStrictEqual(await set(0x0800, none), busy);
    deepStrictEqual(await set(0x0801, noMode), busy);
    const upTo = (outboundLimit: number) =>
      set(0x0800, encodeResourceCapability({ inboundLimit: 0, outboundLimit }));
    deepStrictEqual(await upTo(5), busy);
    deepStrictEqual(await upTo(6), OK);
    const destroy = encodeResourceData(0x0200, 5).subarray(0, 8);
    deepStrictEqual(
      await outcomeOf(control, AdminOpcode.ResourceObjectDestroy, destroy),
      OK,
    );
    deepStrictEqual(await set(0x0801, noMode), OK);
  },
);

testAdministration(
  "objects are created once, queried as they were set, and created again when destroyed",
  async (_bed, control) => {
    await control.useAllCommands();
    await control.useIpsec();
    for (const parameters of [OUTBOUND, INBOUND]) {
      const type = typeOf(parameters);
      for (const opcode of [0x0b, 0x0c, 0x0d]) {
        const data = encodeResourceData(type, 3, objectOf(parameters));
        deepStrictEqual(await outcomeOf(control, opcode, data), NO_SUCH_THING);
      }
      deepStrictEqual(await create(control, parameters, 3), OK);
      deepStrictEqual(
        await create(control, parameters, 3),
        [AdminStatus.Exists, AdminQualifier.InvalidField],
      );
      const query = () => control.queryObject(type, 3);
      deepStrictEqual(await query(), objectOf(parameters));
      const other = { ...parameters, objectId: 77 };
      const modify = encodeResourceData(type, 3, objectOf(other));
      deepStrictEqual(
        await outcomeOf(control, AdminOpcode.ResourceObjectModify, modify),
        OK,
      );
      deepStrictEqual(await query(), objectOf(other));
      await control.destroyObject(type, 3);
      await rejects(query(), /ENXIO/);
      deepStrictEqual(await create(control, parameters, 3), OK);
    }
  },
);

testAdministration(
  "what a device does not have is EINVAL, in both types, and nothing comes of it",
  async (_bed, control) => {
    await control.useAllCommands();
    await control.useIpsec();
    /** Spoils bytes of an object: [offset, value]. */
    const spoiled: readonly [string, number, number][] = [
      ["mode 0", 0, 0],
      ["AH tunnel", 0, 3],
      ["AH transport", 0, 4],
      ["the other direction", 1, 0],
      ["SPI 0", 8, 0],
      ["option 7", 16, 0x80],
      ["option 63", 23, 0x80],
      ["a cipher that ESP does not have", 76, 13],
      ["cipher 2^40", 81, 1],
      ["AEAD 0", 120, 0],
      ["AEAD 4", 120, 4],
      ["AEAD 2^56", 127, 1],
      ["a key of 15 bytes", 84, 15],
      ["a key of 33 bytes", 84, 33],
      ["a key of 65296 bytes", 85, 255],
      ["an AEAD with two keys", 128, 16],
    ];
    for (const parameters of [OUTBOUND, INBOUND]) {
      for (const [what, at, value] of spoiled) {
        const object = objectOf(parameters);
        if (at === 8) object.fill(0, 8, 12);
        else object[at] = value;
        const data = encodeResourceData(typeOf(parameters), 0, object);
        const outcome = await outcomeOf(
          control,
          AdminOpcode.ResourceObjectCreate,
          data,
        );
        deepStrictEqual(outcome, invalid(AdminQualifier.InvalidField), what);
      }
      deepStrictEqual(
        await create(control, parameters, 64),
        invalid(AdminQualifier.InvalidField),
        "a number that is the limit",
      );
      const flags = encodeResourceData(
        typeOf(parameters),
        0,
        objectOf(parameters),
      );
      flags[15] = 1;
      deepStrictEqual(
        await outcomeOf(control, AdminOpcode.ResourceObjectCreate, flags),
        invalid(AdminQualifier.InvalidField),
        "flags",
      );
      await rejects(control.queryObject(typeOf(parameters), 0), /ENXIO/);
    }
    const window = { ...INBOUND, replayWindow: 4097 } as AssociationParameters;
    deepStrictEqual(
      await create(control, window),
      invalid(AdminQualifier.InvalidField),
    );
    for (const type of [0, 0x01ff, 0x0202, 0xffff]) {
      const data = encodeResourceData(type, 0, objectOf(INBOUND));
      deepStrictEqual(
        await outcomeOf(control, AdminOpcode.ResourceObjectCreate, data),
        invalid(AdminQualifier.InvalidField),
      );
    }
  },
);

testAdministration(
  "a MODIFY that fails, and one without an object, change nothing",
  async (_bed, control) => {
    await control.useAllCommands();
    await control.useIpsec();
    deepStrictEqual(await create(control, INBOUND), OK);
    const type = ResourceType.InboundAssociation;
    const modify = (object: Uint8Array) =>
      outcomeOf(
        control,
        AdminOpcode.ResourceObjectModify,
        encodeResourceData(type, 0, object),
      );
    const refused = invalid(AdminQualifier.InvalidField);
    deepStrictEqual(await modify(new Uint8Array(0)), refused);
    const transport = objectOf({ ...INBOUND, mode: "transport" });
    deepStrictEqual(await modify(transport), refused, "another mode");
    const window = objectOf({ ...INBOUND, replayWindow: 128 });
    deepStrictEqual(await modify(window), refused, "another window");
    const outbound = objectOf(OUTBOUND);
    deepStrictEqual(await modify(outbound), refused, "another direction");
    deepStrictEqual(await control.queryObject(type, 0), objectOf(INBOUND));
    // Another SPI makes another association, whose window is its own.
    const other = objectOf({ ...INBOUND, replayWindow: 128, spi: 9 });
    deepStrictEqual(await modify(other), OK);
  },
);

testAdministration(
  "all objects that the limits promise can be had",
  async (bed, control) => {
    await control.useAllCommands();
    await control.useIpsec();
    for (const parameters of [OUTBOUND, INBOUND]) {
      for (let id = 0; id < 64; id++) {
        deepStrictEqual(await create(control, parameters, id), OK);
      }
    }
    strictEqual(bed.device.associations!.sessions.size, 128);
    await bed.driver.link.reset();
    strictEqual(bed.device.associations!.sessions.size, 0);
  },
);

Deno.test("a device offers ADMIN_VQ as bit 41 in process, unless it is withheld", async () => {
  await using link = await closing(createDevice());
  strictEqual(link.value.offeredFeatures >> 41n & 1n, 1n);
  await using without = await closing(createDevice({ without: ["ipsec"] }));
  strictEqual(without.value.offeredFeatures >> 41n & 1n, 0n);
  await rejects(
    Driver.start(without.value, { ipsec: true }),
    /does not offer ipsec \(features 0x20000000000\)/,
  );
});

Deno.test("associations are for backends that answer at once: others leave them out", async () => {
  const backends = ["webcrypto"];
  await using alone = await closing(createDevice({ backends }));
  strictEqual(alone.value.offeredFeatures >> 41n & 1n, 0n);
  const both = await createDevice({ backends: ["webcrypto", "noble"] });
  await using driver = await Driver.start(both, { ipsec: true });
  await using association = await driver.ipsec({ ...OUTBOUND });
  const { aeadAlgorithms } = (await insideOf(driver).ipsec()).capabilities[0]!;
  // webcrypto has no ChaCha20-Poly1305, and noble does.
  strictEqual(aeadAlgorithms, 0b1110);
  strictEqual(association.direction, "outbound");
});

async function closing<T extends { close(): Promise<void> }>(
  made: Promise<T>,
): Promise<{ value: T } & AsyncDisposable> {
  const value = await made;
  return { value, [Symbol.asyncDispose]: () => value.close() };
}
