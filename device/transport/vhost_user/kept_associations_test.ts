import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { openLibc } from "../../../ffi/libc.ts";
import {
  associationFields,
  type AssociationParameters,
} from "../../../driver/association_parameters.ts";
import { SUITES } from "../../../testing/ipsec_bed.ts";
import { seededNumbers } from "../../../testing/ring_sides.ts";
import { connect } from "../../../testing/vhost_user_rings.ts";
import { MovingFrontEnd } from "../../../testing/moving_front_end.ts";
import {
  startTestServer,
  testDevice,
} from "../../../testing/vhost_user_server.ts";
import type { Device } from "../../device.ts";
import {
  AdminOpcode,
  encodeBitmap,
  encodeCapabilityData,
  encodeResourceData,
} from "../../wire/admin_command.ts";
import { F_ADMIN_VQ, F_VERSION_1 } from "../../wire/features.ts";
import {
  encodeAssociation,
  ResourceType,
} from "../../wire/security_association.ts";
import { KeptAssociations } from "./kept_associations.ts";
import { KeptIpsec } from "./kept_ipsec.ts";
import { Request } from "./messages.ts";
import { loadDevice, saveDevice } from "./moved_device.ts";

const OK = 0;
const EXISTS = 17;
const NO_SUCH_THING = 6;
const INVALID = 22;
const TYPE = ResourceType.OutboundAssociation;
const OUTBOUND: AssociationParameters = {
  direction: "outbound",
  spi: 0x1001,
  algorithms: SUITES["AES-128-GCM"]!,
  tunnel: { source: "198.51.100.1", destination: "198.51.100.2" },
};

const ipsecDevice = (backend = "noble") =>
  testDevice(backend, { administration: true });

/** Sends commands as a driver whose device may be done again. */
class Commands {
  readonly #device: Device;

  constructor(device: Device) {
    this.#device = device;
  }

  send(opcode: number, data: Uint8Array<ArrayBuffer>, origin: number): number {
    const command = { opcode, groupType: 0, memberId: 0, data: data.slice() };
    return this.#device.administration!.execute(command, origin).status;
  }

  create(id: number, origin: number, parameters = OUTBOUND): number {
    const object = encodeAssociation(associationFields(parameters));
    const data = encodeResourceData(TYPE, id, object);
    return this.send(AdminOpcode.ResourceObjectCreate, data, origin);
  }

  modify(id: number, origin: number, parameters: AssociationParameters) {
    const object = encodeAssociation(associationFields(parameters));
    const data = encodeResourceData(TYPE, id, object);
    return this.send(AdminOpcode.ResourceObjectModify, data, origin);
  }

  destroy(id: number, origin: number): number {
    const data = encodeResourceData(TYPE, id);
    return this.send(AdminOpcode.ResourceObjectDestroy, data, origin);
  }

  useList(opcodes: readonly number[], origin: number): number {
    return this.send(AdminOpcode.ListUse, encodeBitmap(opcodes), origin);
  }

  /** Everything that the device has. */
  agree(): void {
    const all = Object.values(AdminOpcode);
    strictEqual(this.useList(all, 1), OK);
    for (const [id, lengthBytes] of [[0x800, 8], [0x801, 8 + 2 * 44]]) {
      const { status, result } = this.#device.administration!.execute({
        opcode: AdminOpcode.DeviceCapabilityGet,
        groupType: 0,
        memberId: 0,
        data: encodeCapabilityData(id!),
      });
      strictEqual(status, OK);
      const capability = result.slice(0, lengthBytes);
      const data = encodeCapabilityData(id!, capability);
      strictEqual(this.send(AdminOpcode.DriverCapabilitySet, data, 2), OK);
    }
  }
}

const log = () => {};

/** What there is, without the bytes of objects. */
const shown = (device: Device) =>
  [...device.associations!.current()].map(({ isOutbound, id, object }) => ({
    isOutbound,
    id,
    spi: new DataView(object.buffer).getUint32(8, true),
  }));

Deno.test("another process goes on with associations, and does no command twice", async () => {
  const kept = KeptIpsec.create(openLibc(), "ipsec-test", 4);
  ok(typeof kept !== "number", `${kept}`);
  const first = await ipsecDevice();
  const store = KeptAssociations.begin(kept, { device: first, log });
  const commands = new Commands(first);
  commands.agree();
  strictEqual(commands.create(0, 10), OK);
  strictEqual(commands.create(0, 11), EXISTS);
  strictEqual(commands.create(1, 12), OK);
  const taken = first.associations!.find(true, 0)!.association.state;
  for (let i = 0; i < 5; i++) taken.take();
  // Another SPI makes it another association, with a state of its own.
  const other = { ...OUTBOUND, spi: 0x2002 };
  strictEqual(commands.modify(1, 13, other), OK);
  strictEqual(commands.create(2, 14), OK);
  strictEqual(commands.destroy(2, 15), OK);
  const [iv] = first.associations!.ivCounter;
  store.leave();
  first.close();

  const second = await ipsecDevice();
  const next = KeptAssociations.takeOver(kept, { device: second, log });
  ok(typeof next !== "string", `${next}`);
  deepStrictEqual(shown(second), [
    { isOutbound: true, id: 0, spi: 0x1001 },
    { isOutbound: true, id: 1, spi: 0x2002 },
  ]);
  strictEqual(second.associations!.find(true, 0)!.association.state.take(), 6);
  strictEqual(second.associations!.find(true, 1)!.association.state.take(), 1);
  strictEqual(second.associations!.ivCounter[0], iv);
  // What was done and not told is done, and what is new is judged anew.
  const again = new Commands(second);
  strictEqual(again.destroy(2, 15), OK);
  strictEqual(again.destroy(2, 16), NO_SUCH_THING);
  strictEqual(again.create(0, 10), OK);
  strictEqual(again.create(0, 17), EXISTS);
  strictEqual(again.useList([AdminOpcode.ListQuery], 18), OK);
  strictEqual(again.useList([AdminOpcode.ListQuery], 18), OK);
  strictEqual(again.useList([AdminOpcode.ListQuery], 19), INVALID);
  next.leave();
  second.close();
  kept.close(true);
});

Deno.test("what a device cannot go on with is told, and wiped", async () => {
  const kept = KeptIpsec.create(openLibc(), "ipsec-test", 2);
  ok(typeof kept !== "number", `${kept}`);
  const lines: string[] = [];
  const parts = {
    device: await ipsecDevice(),
    log: (_level: string, line: string) => void lines.push(line),
  };
  const store = KeptAssociations.begin(kept, parts);
  const commands = new Commands(parts.device);
  commands.agree();
  for (let id = 0; id < 3; id++) strictEqual(commands.create(id, 10 + id), OK);
  deepStrictEqual(lines, [
    "no room to keep association 2 for the next process",
  ]);
  // Somebody else has written to it: more numbers than there are.
  parts.device.associations!.find(true, 1)!.association.state.take();
  kept.log.stateOf(1).words[0] = 2n ** 60n;
  store.leave();
  parts.device.close();
  lines.length = 0;
  parts.device = await ipsecDevice();
  const next = KeptAssociations.takeOver(kept, parts);
  ok(typeof next !== "string", `${next}`);
  deepStrictEqual(lines, ["lost: outbound association 1: its numbers"]);
  deepStrictEqual(shown(parts.device).map(({ id }) => id), [0]);
  next.leave();
  parts.device.close();
  const without = await testDevice();
  const taken = KeptAssociations.takeOver(kept, { device: without, log });
  strictEqual(taken, "this device has no IPSEC");
  without.close();
  kept.close(true);
});

const FEATURES = F_VERSION_1 | F_ADMIN_VQ;
const DRIVER = { features: FEATURES, isGeneric: true };

async function deviceWithAssociations(): Promise<Device> {
  const device = await ipsecDevice();
  ok(device.acceptFeatures(FEATURES));
  const commands = new Commands(device);
  commands.agree();
  strictEqual(commands.create(0, 0), OK);
  strictEqual(commands.create(3, 0, { ...OUTBOUND, spi: 0x3003 }), OK);
  const { state } = device.associations!.find(true, 3)!.association;
  for (let i = 0; i < 5; i++) state.take();
  return device;
}

Deno.test("associations move with their device: numbers go on, and IVs jump ahead", async () => {
  const first = await deviceWithAssociations();
  const saved = saveDevice(first, DRIVER);
  const second = await ipsecDevice();
  ok(second.acceptFeatures(FEATURES));
  strictEqual(await loadDevice(second, saved, true), undefined);
  deepStrictEqual(shown(second), shown(first));
  strictEqual(second.associations!.find(true, 3)!.association.state.take(), 6);
  const [before] = first.associations!.ivCounter;
  strictEqual(
    second.associations!.ivCounter[0],
    BigInt.asUintN(64, before! + 2n ** 32n),
  );
  // Commands go on with what was agreed on.
  strictEqual(new Commands(second).create(1, 0), OK);
  const without = await testDevice();
  const refused = await loadDevice(without, saved, true);
  strictEqual(refused, "features 0x20000000000");
  for (const device of [first, second, without]) device.close();
});

Deno.test("the salt of an association that is set anew is wiped", async () => {
  const device = await deviceWithAssociations();
  const { salt } = device.associations!.find(true, 3)!.association;
  ok(salt.some((byte) => byte !== 0));
  const other = { ...OUTBOUND, spi: 0x2002 };
  strictEqual(new Commands(device).modify(3, 0, other), OK);
  ok(salt.every((byte) => byte === 0));
  const now = device.associations!.find(true, 3)!.association;
  ok(now.salt.some((byte) => byte !== 0));
  device.close();
});

for (const made of ["associations", "capabilities alone"]) {
  Deno.test(`${made} of a front-end that has no ring yet end with its owner`, async () => {
    await using server = await startTestServer(undefined, "noble", {
      administration: true,
    });
    const { device } = server;
    const before = device.administration!.agreement;
    using front = connect(server);
    await front.ask(Request.GetFeatures);
    ok(device.acceptFeatures(FEATURES));
    const commands = new Commands(device);
    commands.agree();
    if (made === "associations") strictEqual(commands.create(3, 0), OK);
    strictEqual(await front.tell(Request.SetOwner), 0);
    deepStrictEqual(shown(device), []);
    deepStrictEqual(device.administration!.agreement, before);
  });
}

for (
  const [vmm, how] of Object.entries(
    { "Cloud Hypervisor": {}, crosvm: { pipe: true, featuresFirst: true } },
  )
) {
  Deno.test(`associations move over the socket, in the order of ${vmm}`, async () => {
    const start = () =>
      startTestServer(undefined, "noble", { administration: true });
    await using source = await start();
    await using target = await start();
    using guest = await MovingFrontEnd.start(source.path, {
      features: F_ADMIN_VQ,
    });
    const commands = new Commands(source.device);
    commands.agree();
    strictEqual(commands.create(3, 0), OK);
    const found = ({ device }: typeof source) =>
      device.associations!.find(true, 3)!.association.state;
    for (let i = 0; i < 5; i++) found(source).take();
    const saved = await guest.save(how);
    using _moved = await MovingFrontEnd.restore(
      target.path,
      guest,
      saved,
      how,
    );
    deepStrictEqual(shown(target.device), shown(source.device));
    strictEqual(found(target).take(), 6);
  });
}

Deno.test("associations that an enemy wrote are refused, or are legal ones, and none stays after a refusal", async () => {
  const first = await deviceWithAssociations();
  const saved = saveDevice(first, DRIVER);
  const second = await ipsecDevice();
  ok(second.acceptFeatures(FEATURES));
  const random = seededNumbers(5);
  let refusals = 0;
  for (let i = 0; i < 250; i++) {
    const hostile = saved.slice();
    // Behind the fields of the device itself.
    const at = 100 + random(saved.length - 100);
    hostile[at] = [0, 1, 0x7f, 0xff][random(4)]!;
    const refused = await loadDevice(second, hostile, true);
    const { length } = shown(second);
    if (refused === undefined) ok(length <= 2);
    else {
      refusals++;
      strictEqual(length, 0, refused);
      strictEqual([...second.associations!.sessions.current()].length, 0);
    }
  }
  ok(refusals > 0);
  first.close();
  second.close();
});
