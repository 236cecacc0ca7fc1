import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type {
  AeadSession,
  SessionDescription,
} from "../../algorithms/session_description.ts";
import { encodeCreateRequest } from "../../device/wire/control_encode.ts";
import { Driver } from "../../mod.ts";
import { testWith } from "../../testing/real_parts.ts";
import { serveDevice } from "../../testing/command_process.ts";
import { ipv4Packet } from "../../testing/ip_packets.ts";
import { copiesIn } from "../../testing/process_memory.ts";
import { backendPart } from "../../testing/ready_backends.ts";
import {
  fewSecretSessions,
  refusedSessions,
  secretSessions,
} from "../../testing/secret_sessions.ts";
import {
  attach,
  connect,
  expectNoCopies,
  expectRefused,
  openAll,
  servicesOf,
} from "../../testing/secret_use.ts";
import { insideOf } from "../../driver/driver.ts";
import { unchecked } from "../../testing/unchecked.ts";

const SYMMETRIC = ["aead", "chain", "cipher", "mac"];
const ALL = ["aead", "akcipher", "chain", "cipher", "mac"];
const OPENSSL = await backendPart("openssl");

testWith(
  OPENSSL,
  "no key is left of sessions that were refused",
  async () => {
    await using device = await serveDevice(
      "--backend",
      "openssl",
      "--max-sessions",
      "2",
    );
    const { pid } = device.process;
    await using driver = await attach(device);
    const refused = refusedSessions();
    await expectRefused(driver, refused);
    await expectNoCopies(pid, refused, "refused");
    const [first, second, ...tooMany] = fewSecretSessions();
    const open = [];
    for (const { description } of [first!, second!]) {
      open.push(await unchecked(driver).createSession(description));
    }
    await expectRefused(driver, tooMany);
    await expectNoCopies(pid, tooMany, "too many");
    for (const session of open) await session.close();
    const unanswerable = fewSecretSessions();
    for (const { description } of unanswerable) {
      await createWithoutRoom(driver, description);
    }
    await expectNoCopies(pid, unanswerable, "without room for the answer");
  },
);

/** A creation whose outcome has not enough room in what the guest offers. */
async function createWithoutRoom(
  driver: Driver,
  description: SessionDescription,
): Promise<void> {
  const pieces = encodeCreateRequest(description, driver.mode);
  const lengthBytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const [request, outcome] = await insideOf(driver).memory.allocate([
    { lengthBytes },
    { lengthBytes: 8 },
  ]);
  let at = 0;
  for (const piece of pieces) {
    request!.segments.write(at, piece);
    at += piece.length;
  }
  const queue = insideOf(driver).controlQueue!;
  strictEqual(await queue.request(request!.buffers, outcome!.buffers), 0);
}

testWith(
  OPENSSL,
  "no key of a stateless request is left when it has been answered",
  async () => {
    await using device = await serveDevice("--backend", "openssl");
    await using driver = await attach(device, {
      revision1: true,
      stateless: true,
    });
    const options = { stateless: true };
    const { taken } = await openAll(driver, secretSessions(), options);
    deepStrictEqual(servicesOf(taken), ALL);
    await expectNoCopies(device.process.pid, taken, "answered");
    const refused = refusedSessions();
    await expectRefused(driver, refused, true);
    await expectNoCopies(device.process.pid, refused, "refused");
  },
);

testWith(
  OPENSSL,
  "no key of a session of draft 9 is left",
  async () => {
    await using device = await serveDevice(
      "--backend",
      "openssl",
      "--layout",
      "draft-9",
    );
    const { pid } = device.process;
    const sessions = secretSessions().filter(({ description }) =>
      description.service !== "akcipher"
    );
    const link = await connect(device, 48);
    await using driver = await Driver.start(link, { layout: "draft-9" });
    const { taken, open } = await openAll(driver, sessions);
    deepStrictEqual(servicesOf(taken), SYMMETRIC);
    for (const session of open) await session.close();
    await expectNoCopies(pid, taken, "destroyed");
    const refused = refusedSessions().filter(({ description }) =>
      description.service !== "akcipher"
    );
    await expectRefused(driver, refused);
    await expectNoCopies(pid, refused, "refused");
    await openAll(driver, taken);
    await driver.close();
    await expectNoCopies(pid, taken, "left");
  },
);

testWith(
  OPENSSL,
  "no key of an association over vhost-user is left, on any thread",
  async () => {
    await using device = await serveDevice(
      ...["--backend", "openssl", "--ipsec", "--queues", "2", "--threads", "2"],
    );
    const { pid } = device.process;
    const all = secretSessions().filter(({ description }) =>
      description.service === "aead"
    );
    await using driver = await Driver.start(await connect(device), {
      ipsec: true,
    });
    const create = () =>
      Promise.all(all.map(async ({ description }) => {
        const { algorithm, key } = description as AeadSession;
        const salt = new Uint8Array(algorithm === "ccm" ? 3 : 4);
        const association = await driver.ipsec({
          direction: "outbound",
          spi: 1,
          algorithms: { aead: algorithm, key, salt },
        });
        await association.encapsulate(ipv4Packet(new Uint8Array(20)));
        return association;
      }));
    const associations = await create();
    const secrets = all.flatMap((one) => one.secrets);
    ok(copiesIn(pid, secrets).length >= all.length, "what is searched?");
    for (const association of associations) await association.close();
    await expectNoCopies(pid, all, "after destruction");
    await create();
    await driver.link.reset();
    await expectNoCopies(pid, all, "after a reset");
  },
);
