import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createDriverQueue } from "../driver/rings/create_driver_queue.ts";
import { Region } from "../memory/region.ts";
import { testDevice } from "../testing/vhost_user_server.ts";
import { AdminQueue } from "./admin_queue.ts";
import { MOST_TRIES, RedoneRequests } from "./redone_requests.ts";
import { createVirtqueue } from "./ring/create_virtqueue.ts";
import { GuestMemory } from "./ring/guest_memory.ts";
import {
  AdminOpcode,
  AdminStatus,
  encodeAdminCommand,
} from "./wire/admin_command.ts";

const AT = 0x1_0000_0000;
const BYTES = 64 * 1024;
const COMMAND_AT = 16 * 1024;
const ANSWER_AT = 32 * 1024;
const ANSWER_BYTES = 64;

Deno.test("a command with which processes have ended is refused, and the next is carried out", async () => {
  const region = new Region(new Uint8Array(new ArrayBuffer(BYTES)));
  const memory = new GuestMemory();
  const place = { guestAddress: AT, userAddress: AT, lengthBytes: BYTES };
  strictEqual(memory.add({ ...place, region }), undefined);
  const form = { size: 16, packed: false, eventIndex: false, inOrder: false };
  const driver = createDriverQueue({
    ...form,
    region,
    regionGuestAddress: AT,
    offset: 0,
  });
  const virtqueue = createVirtqueue({
    ...form,
    ...driver.addresses,
    memory,
    base: 0,
  });
  ok(!("error" in virtqueue));
  const device = await testDevice("noble", { administration: true });
  const tried = { tries: MOST_TRIES };
  const queue = new AdminQueue(
    virtqueue,
    device.administration!,
    undefined,
    new RedoneRequests(1, tried),
  );
  const command = encodeAdminCommand(AdminOpcode.ListQuery);
  region.bytes.set(command, COMMAND_AT);
  const statuses: number[] = [];
  for (let i = 0; i < 2; i++) {
    driver.add(
      [{ guestAddress: AT + COMMAND_AT, lengthBytes: command.length }],
      [{ guestAddress: AT + ANSWER_AT, lengthBytes: ANSWER_BYTES }],
      i,
    );
    driver.publish();
    queue.service();
    ok(driver.take());
    statuses.push(region.view.getUint16(ANSWER_AT, true));
  }
  deepStrictEqual(statuses, [AdminStatus.Invalid, AdminStatus.Ok]);
  strictEqual(tried.tries, 0);
  device.close();
});
