/**
 * A program that uses sessions whose records lie in a file, in process or through
 * a socket, wipes what is its own and then waits: what the library has left of
 * their keys can be looked for meanwhile.
 *
 *     deno run -A secret_user.ts RECORDS BACKEND [SOCKET [LAYOUT]]
 *
 * @module
 */

import { keyRoom } from "../algorithms/key_bytes.ts";
import {
  type AeadSession,
  type SessionDescription,
  wipeKeys,
} from "../algorithms/session_description.ts";
import {
  decodeSessionRecord,
  sessionRecordBytes,
} from "../device/session/session_record.ts";
import { F_ADMIN_VQ } from "../device/wire/features.ts";
import type { SessionLayout } from "../device/wire/session_message.ts";
import type { Session } from "../driver/session.ts";
import { SessionMessages } from "../driver/vhost_user/session_messages.ts";
import { connectVhostUser, createDevice, Driver } from "../mod.ts";
import { ipv4Packet } from "./ip_packets.ts";
import { use } from "./secret_use.ts";
import { unchecked } from "./unchecked.ts";

const MEMORY_BYTES = 8 * 1024 * 1024;

function readSessions(path: string): SessionDescription[] {
  const bytes = keyRoom(Deno.statSync(path).size);
  using file = Deno.openSync(path);
  file.readSync(bytes);
  const descriptions: SessionDescription[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + sessionRecordBytes(bytes.subarray(at));
    const record = decodeSessionRecord(bytes.subarray(at, end));
    if (typeof record === "string") throw new Error(record);
    descriptions.push(record.description);
    at = end;
  }
  bytes.fill(0);
  return descriptions;
}

async function start(
  backend: string,
  socketPath: string | undefined,
  layout: string | undefined,
): Promise<Driver> {
  if (socketPath === undefined) {
    const device = await createDevice({ backends: [backend] });
    return await Driver.start(device, {
      revision1: true,
      stateless: true,
      ipsec: true,
    });
  }
  const link = await connectVhostUser(socketPath, {
    memoryBytes: MEMORY_BYTES,
  });
  if (layout === undefined) {
    return await Driver.start(link, { revision1: true, stateless: true });
  }
  const sessionControl = new SessionMessages(link, layout as SessionLayout);
  return await Driver.start(link, { sessionControl });
}

/** Every road that the driver has: with a session, and without where it can. */
async function useAll(
  driver: Driver,
  descriptions: readonly SessionDescription[],
): Promise<void> {
  const hasStateless = driver.mode.stateless.size > 0;
  const hasAssociations = (driver.features & F_ADMIN_VQ) !== 0n;
  for (const description of descriptions) {
    const session = await unchecked(driver).createSession(description);
    await use(session as Session);
    await session.close();
    if (hasAssociations && description.service === "aead") {
      await useAssociation(driver, description);
    }
    if (!hasStateless) continue;
    const single = await unchecked(driver).createSession(description, {
      stateless: true,
    });
    await use(single as Session);
    await single.close();
  }
}

/** The same key as that of a security association, by every command there is. */
async function useAssociation(
  driver: Driver,
  { algorithm, key }: AeadSession,
): Promise<void> {
  const salt = new Uint8Array(algorithm === "ccm" ? 3 : 4);
  const parameters = {
    direction: "outbound",
    spi: 1,
    algorithms: { aead: algorithm, key, salt },
  } as const;
  const association = await driver.ipsec(parameters);
  await association.encapsulate(ipv4Packet(new Uint8Array(20)));
  await association.modify(parameters);
  await association.modify({ ...parameters, spi: 2 });
  await association.encapsulate(ipv4Packet(new Uint8Array(20)));
  await association.close();
}

async function main(
  [records, backend, socketPath, layout]: readonly string[],
): Promise<void> {
  const descriptions = readSessions(records!);
  await using driver = await start(backend!, socketPath, layout);
  await useAll(driver, descriptions);
  for (const description of descriptions) wipeKeys(description);
  console.log("done");
  // Until the input ends.
  for await (const _ of Deno.stdin.readable);
}

if (import.meta.main) await main(Deno.args);
