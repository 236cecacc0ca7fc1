import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import type { Service } from "../../algorithms/catalogue.ts";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import { InProcessLink } from "../../device/transport/in_process/in_process.ts";
import { decodeConfigSpace } from "../../device/wire/config_space.ts";
import {
  F_ADMIN_VQ,
  F_EVENT_IDX,
  F_IN_ORDER,
  F_INDIRECT_DESC,
  F_NOTIFICATION_DATA,
  F_REVISION_1,
  F_RING_PACKED,
  F_RING_RESET,
  F_SUSPEND,
  F_VERSION_1,
  STATELESS_FEATURE,
} from "../../device/wire/features.ts";
import { SERVICES } from "../../device/wire/opcodes.ts";
import { decodeSessionMessage } from "../../device/wire/session_message.ts";
import { encodeSessionMessage } from "../../device/wire/session_message_encode.ts";
import { Status } from "../../device/wire/status.ts";
import {
  type Withholdable,
  WITHHOLDABLE_IN_PROCESS,
} from "../../device/withheld.ts";
import { connectVhostUser, createDevice, Driver } from "../../mod.ts";
import { RSA_PRIVATE_KEY } from "../../testing/keys.ts";
import { run, statusOf } from "./requests.ts";
import { DATA, GOOD, IV } from "./samples.ts";
import { listen, makeDevice, SETUPS, start, testOnSetups } from "./setups.ts";
import { unchecked } from "../../testing/unchecked.ts";

const VIRTIO = SETUPS.find(({ layout }) => layout === "legacy")!;
const MEMORY_BYTES = 1024 * 1024;

/** The feature bits that stand for a name; those of services are none. */
const FEATURE: Readonly<Record<string, bigint>> = {
  "ring-packed": F_RING_PACKED,
  "in-order": F_IN_ORDER,
  "indirect": F_INDIRECT_DESC,
  "event-idx": F_EVENT_IDX,
  "revision-1": F_REVISION_1,
  "ring-reset": F_RING_RESET,
  "notification-data": F_NOTIFICATION_DATA,
  "suspend": F_SUSPEND,
  "ipsec": F_ADMIN_VQ,
  ...Object.fromEntries(
    SERVICES.map((service) => [
      `${service}-stateless`,
      STATELESS_FEATURE[service],
    ]),
  ),
};

/** What is gone with a name: features that need it (virtio 1.4 §5.9.3.1). */
function goneWith(name: Withholdable): bigint {
  if (name === "revision-1") {
    return Object.values(STATELESS_FEATURE)
      .reduce((all, one) => all | one, F_REVISION_1);
  }
  return FEATURE[name] ?? STATELESS_FEATURE[name as Service];
}

function offeredWithout(...without: Withholdable[]): bigint {
  const link = new InProcessLink(makeDevice(VIRTIO, { without }), MEMORY_BYTES);
  const { offeredFeatures } = link;
  void link.close();
  return offeredFeatures;
}

Deno.test("each feature can be withheld, and goes with what needs it and nothing else", () => {
  const all = offeredWithout();
  const featured = WITHHOLDABLE_IN_PROCESS.filter((name) => name in FEATURE);
  ok(featured.length >= 12, `${featured}`);
  for (const name of WITHHOLDABLE_IN_PROCESS) {
    strictEqual(offeredWithout(name), all & ~goneWith(name), name);
    ok((all & goneWith(name)) === goneWith(name), `${name} is offered`);
  }
  strictEqual(
    offeredWithout("ring-packed", "revision-1", "indirect"),
    all & ~F_RING_PACKED & ~F_INDIRECT_DESC & ~goneWith("revision-1"),
  );
});

Deno.test("no set of withheld features leaves one whose requirement is gone", () => {
  const names = WITHHOLDABLE_IN_PROCESS.filter((name) =>
    name === "revision-1" || name.endsWith("-stateless")
  );
  strictEqual(names.length, 6);
  const stateless = Object.values(STATELESS_FEATURE)
    .reduce((all, one) => all | one, 0n);
  for (let set = 0; set < 1 << names.length; set++) {
    const chosen = names.filter((_, index) => (set >>> index & 1) === 1);
    const offered = offeredWithout(...chosen);
    ok((offered & F_VERSION_1) !== 0n);
    if ((offered & stateless) !== 0n) ok((offered & F_REVISION_1) !== 0n);
  }
});

Deno.test("a driver that accepts what is withheld is refused, of rings and of the link", async () => {
  const withheld = ["ring-packed", "revision-1", "ring-reset"] as const;
  const link = await createDevice({ without: withheld });
  for (const name of withheld) {
    const features = F_VERSION_1 | FEATURE[name]!;
    await rejects(link.acceptFeatures(features), RangeError, name);
  }
  await rejects(
    link.acceptFeatures(F_VERSION_1 | F_RING_RESET | F_IN_ORDER),
    RangeError,
  );
  await link.acceptFeatures(F_VERSION_1 | F_IN_ORDER | F_NOTIFICATION_DATA);
  await link.close();
});

Deno.test("over vhost-user a withheld feature is neither offered nor taken", async () => {
  await using stack = new AsyncDisposableStack();
  const device = makeDevice(VIRTIO, { without: ["ring-packed", "in-order"] });
  const path = await listen(device, stack);
  const link = await connectVhostUser(path, { memoryBytes: MEMORY_BYTES });
  stack.defer(() => link.close());
  strictEqual(link.offeredFeatures & (F_RING_PACKED | F_IN_ORDER), 0n);
  await rejects(link.acceptFeatures(F_VERSION_1 | F_RING_PACKED), /refused/);
});

/** A session of each service, with a key that is long for it. */
const SESSIONS: readonly SessionDescription[] = [
  ...GOOD.map(([session]) => session),
  {
    service: "cipher",
    algorithm: "aes-xts",
    direction: "encrypt",
    key: Uint8Array.from({ length: 64 }, (_, index) => index),
  },
  {
    service: "akcipher",
    algorithm: "rsa",
    keyType: "private",
    padding: "raw",
    hash: "none",
    key: RSA_PRIVATE_KEY,
  },
];

/** The services that a session is of: a chain needs two. */
const servicesOf = ({ service }: SessionDescription): readonly Service[] =>
  service === "chain" ? ["cipher", "mac"] : [service];

for (const service of SERVICES) {
  testOnSetups(
    `a withheld service is not shown, and its sessions are NOTSUPP: ${service}`,
    // A driver that wants stateless requests insists on those of every service.
    ({ layout }) =>
      layout !== "stateless" &&
      (layout !== "draft 9" || service !== "akcipher"),
    async (guest) => {
      const { driver, device, setup } = guest;
      const { config } = driver;
      const masks: Readonly<Record<Service, number | bigint>> = {
        cipher: config.cipherAlgorithms,
        hash: config.hashAlgorithms,
        mac: config.macAlgorithms,
        aead: config.aeadAlgorithms,
        akcipher: config.akcipherAlgorithms,
      };
      for (const [number, other] of SERVICES.entries()) {
        if (setup.layout === "draft 9" && other === "akcipher") continue;
        const shown = other !== service;
        strictEqual((config.services >>> number & 1) === 1, shown, other);
        strictEqual(BigInt(masks[other]) !== 0n, shown, other);
      }
      if (setup.layout !== "draft 9") {
        strictEqual(config.maxAuthKeyBytes === 0, service === "mac");
      }
      for (const session of SESSIONS) {
        if (setup.layout === "draft 9" && session.service === "akcipher") {
          continue;
        }
        if (servicesOf(session).includes(service)) {
          const attempt = unchecked(driver).createSession(session);
          const status = await statusOf(attempt);
          strictEqual(status, Status.NotSupported, session.service);
        } else await (await unchecked(driver).createSession(session)).close();
      }
      strictEqual(device.sessions.size, 0);
    },
    { without: [service] },
  );
}

Deno.test("without CIPHER its longest keys are NOTSUPP still, not too long", async () => {
  const without: Withholdable[] = ["cipher"];
  await using guest = await start(VIRTIO, { without });
  strictEqual(guest.driver.config.maxCipherKeyBytes, 32);
  for (const keyBytes of [16, 33, 64, 4096]) {
    const attempt = unchecked(guest.driver).createSession({
      service: "cipher",
      algorithm: "aes-cbc",
      direction: "encrypt",
      key: new Uint8Array(keyBytes),
    });
    strictEqual(await statusOf(attempt), Status.NotSupported, `${keyBytes}`);
  }
});

Deno.test("stateless chains are NOTSUPP where their MAC is withheld", async () => {
  const setup = SETUPS.find(({ layout }) => layout === "stateless")!;
  const device = makeDevice(setup, { without: ["mac"] });
  const link = new InProcessLink(device, MEMORY_BYTES);
  await using driver = await Driver.start(link, {
    features: F_VERSION_1 | F_REVISION_1 | STATELESS_FEATURE.cipher,
  });
  const [chain] = GOOD.find(([{ service }]) => service === "chain")!;
  const input = { operation: "encrypt", source: DATA, iv: IV } as const;
  const close = () => driver.close();
  const guest = { setup, device, driver, [Symbol.asyncDispose]: close };
  const { status } = await run(guest, chain, undefined, input);
  strictEqual(status, Status.NotSupported);
});

Deno.test("session messages of a withheld service are refused as not supported", () => {
  const device = makeDevice(VIRTIO, { without: ["akcipher"] });
  const key = new Uint8Array(1024);
  const [rsa] = SESSIONS.filter(({ service }) => service === "akcipher")
    .slice(-1);
  const payload = encodeSessionMessage(rsa!, "C");
  for (const keyBytes of [key.length, key.length + 1]) {
    new DataView(payload.buffer).setUint32(16, keyBytes, true);
    const request = decodeSessionMessage(payload, "C", device.threadSettings);
    ok(request.kind === "refused");
    strictEqual(request.status, Status.NotSupported, `${keyBytes}`);
  }
  device.close();
});

Deno.test("what draft 9 does not have may be withheld of it", () => {
  const draft = SETUPS.find(({ layout }) => layout === "draft 9")!;
  const device = makeDevice(draft, { without: ["revision-1", "akcipher"] });
  const { services } = decodeConfigSpace(device.readConfig(), "draft-9");
  strictEqual(services, 0xf);
  device.close();
});

Deno.test("createDevice() takes names, and tells which it does not know", async () => {
  await using driver = await Driver.start(
    await createDevice({ without: ["indirect", "aead"] }),
  );
  strictEqual(driver.features & F_INDIRECT_DESC, 0n);
  deepStrictEqual(driver.config.services, 0b10111);
  await rejects(createDevice({ without: ["hash", "ring-paked"] }), {
    name: "RangeError",
    message:
      /^Cannot withhold "ring-paked": expected one of ring-packed, .*ring-reset/,
  });
  await rejects(createDevice({ without: [...SERVICES] }), {
    name: "RangeError",
    message: /^Cannot withhold "cipher,.*": expected a service that stays$/,
  });
});
