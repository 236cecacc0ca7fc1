import { ok, rejects, strictEqual } from "node:assert/strict";
import type { Service } from "../../algorithms/catalogue.ts";
import { InProcessLink } from "../../device/transport/in_process/in_process.ts";
import {
  F_ADMIN_VQ,
  F_AEAD_STATELESS_MODE,
  F_AKCIPHER_STATELESS_MODE,
  F_CIPHER_STATELESS_MODE,
  F_EVENT_IDX,
  F_HASH_STATELESS_MODE,
  F_IN_ORDER,
  F_INDIRECT_DESC,
  F_LOG_ALL,
  F_MAC_STATELESS_MODE,
  F_NOTIFICATION_DATA,
  F_REVISION_1,
  F_RING_PACKED,
  F_RING_RESET,
  F_SUSPEND,
  F_VERSION_1,
  STATELESS_FEATURE,
} from "../../device/wire/features.ts";
import type { DeviceLink } from "../../driver/link.ts";
import {
  connectVhostUser,
  type VhostUserLink,
} from "../../driver/vhost_user_front_end.ts";
import { PROTOCOL_FEATURE } from "../../driver/vhost_user/messages.ts";
import { listen, makeDevice, SETUPS } from "./setups.ts";

const VIRTIO = SETUPS.find(({ layout }) => layout === "legacy")!;
const DRAFT_9 = SETUPS.find(({ layout }) => layout === "draft 9")!;
const FEATURES_OK = 8;
const MEMORY_BYTES = 1024 * 1024;

const STATELESS: Readonly<Record<Service, bigint>> = {
  cipher: F_CIPHER_STATELESS_MODE,
  hash: F_HASH_STATELESS_MODE,
  mac: F_MAC_STATELESS_MODE,
  aead: F_AEAD_STATELESS_MODE,
  akcipher: F_AKCIPHER_STATELESS_MODE,
};

async function overVhostUser(
  body: (link: VhostUserLink) => Promise<void>,
  protocolFeatures?: bigint,
): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const device = makeDevice(VIRTIO, { administration: false });
  const path = await listen(device, stack);
  const link = await connectVhostUser(path, {
    memoryBytes: MEMORY_BYTES,
    ...(protocolFeatures === undefined ? {} : { protocolFeatures }),
  });
  stack.defer(() => link.close());
  await body(link);
}

async function inProcess(
  body: (link: InProcessLink) => Promise<void>,
): Promise<void> {
  const link = new InProcessLink(makeDevice(VIRTIO), MEMORY_BYTES);
  await body(link);
  await link.close();
}

Deno.test("the features of the crypto device have the standard's bit numbers", () => {
  strictEqual(F_REVISION_1, 1n << 0n);
  strictEqual(F_CIPHER_STATELESS_MODE, 1n << 1n);
  strictEqual(F_HASH_STATELESS_MODE, 1n << 2n);
  strictEqual(F_MAC_STATELESS_MODE, 1n << 3n);
  strictEqual(F_AEAD_STATELESS_MODE, 1n << 4n);
  strictEqual(F_AKCIPHER_STATELESS_MODE, 1n << 5n);
  for (const [service, feature] of Object.entries(STATELESS)) {
    strictEqual(STATELESS_FEATURE[service as Service], feature);
  }
});

Deno.test("what is offered is exactly what each layout and transport carries", async () => {
  const everywhere = F_VERSION_1 | F_INDIRECT_DESC | F_EVENT_IDX |
    F_RING_PACKED | F_IN_ORDER;
  const requests = Object.values(STATELESS).reduce(
    (all, one) => all | one,
    F_REVISION_1,
  );
  const here = F_RING_RESET | F_NOTIFICATION_DATA | F_SUSPEND | F_ADMIN_VQ;
  await inProcess((link) => {
    strictEqual(link.offeredFeatures, everywhere | requests | here);
    return Promise.resolve();
  });
  await overVhostUser((link) => {
    // The front-end's own, which no driver is told of.
    strictEqual(link.offeredFeatures, everywhere | requests | F_LOG_ALL);
    return Promise.resolve();
  });
  const draft = makeDevice(DRAFT_9);
  strictEqual(draft.offeredFeatures, everywhere);
  draft.close();
});

/** What no driver may accept, and why. */
const UNACCEPTABLE: readonly (readonly [string, bigint])[] = [
  ...Object.entries(STATELESS).map(([service, feature]) =>
    [`stateless ${service} without REVISION_1`, F_VERSION_1 | feature] as const
  ),
  ["what is not offered", F_VERSION_1 | 1n << 6n],
  ["a reserved bit", F_VERSION_1 | 1n << 50n],
  ["no VERSION_1", F_INDIRECT_DESC],
];

Deno.test("in process, a driver that accepts a dependent feature alone is refused", () =>
  inProcess(async (link) => {
    for (const [why, features] of UNACCEPTABLE) {
      await rejects(link.acceptFeatures(features), RangeError, why);
      strictEqual(link.status & FEATURES_OK, 0, why);
    }
    await link.acceptFeatures(F_VERSION_1 | F_REVISION_1);
    strictEqual(link.status & FEATURES_OK, FEATURES_OK);
  }));

Deno.test("over vhost-user, FEATURES_OK stays clear for a dependent feature alone", () =>
  overVhostUser(async (link) => {
    const dependent = UNACCEPTABLE.filter(([why]) =>
      why.startsWith("stateless") || why === "no VERSION_1"
    );
    ok(dependent.length === 6);
    for (const [why, features] of dependent) {
      await rejects(link.acceptFeatures(features), /refused/, why);
      strictEqual((await link.readStatus())! & FEATURES_OK, 0, why);
      await link.reset();
    }
    await link.acceptFeatures(F_VERSION_1 | F_REVISION_1);
    strictEqual((await link.readStatus())! & FEATURES_OK, FEATURES_OK);
  }));

Deno.test("over vhost-user without STATUS, no ring starts for a dependent feature alone", () =>
  overVhostUser(
    async (link) => {
      strictEqual(await link.readStatus(), undefined);
      const start = () =>
        link.startQueue(0, {
          size: 16,
          descriptorAddress: link.memoryGuestAddress,
          availableAddress: link.memoryGuestAddress + 0x1000,
          usedAddress: link.memoryGuestAddress + 0x2000,
        });
      await link.acceptFeatures(F_VERSION_1 | F_HASH_STATELESS_MODE);
      await rejects(start());
      await link.acceptFeatures(F_VERSION_1 | F_INDIRECT_DESC);
      await start();
    },
    PROTOCOL_FEATURE.CONFIG | PROTOCOL_FEATURE.REPLY_ACK |
      PROTOCOL_FEATURE.RESET_DEVICE,
  ));

/** Every combination of some features. */
function subsets(features: readonly bigint[]): bigint[] {
  return features.reduce(
    (sets, feature) => sets.flatMap((set) => [set, set | feature]),
    [0n],
  );
}

Deno.test("every valid subset is accepted, and again after a reset", () =>
  inProcess(async (link) => {
    const free = [F_INDIRECT_DESC, F_EVENT_IDX, F_RING_PACKED, F_IN_ORDER];
    const linkOnly = [
      ...[F_RING_RESET, F_NOTIFICATION_DATA, F_SUSPEND],
      F_REVISION_1,
    ];
    const sets = subsets([...free, ...linkOnly]);
    strictEqual(sets.length, 256);
    for (const set of sets) {
      for (const _ of ["first", "again"]) {
        await link.acceptFeatures(F_VERSION_1 | set);
        await link.reset();
      }
    }
    const stateless = subsets(Object.values(STATELESS));
    for (const set of stateless) {
      await link.acceptFeatures(F_VERSION_1 | F_REVISION_1 | set);
    }
  }));

Deno.test("the config space can be read before features are accepted", async () => {
  const read = async (link: DeviceLink) => {
    const config = await link.readConfig();
    strictEqual(config.length, 56);
    ok(config.some((byte) => byte !== 0));
  };
  await inProcess(read);
  await overVhostUser(read);
});
