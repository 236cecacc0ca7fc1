import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { GUEST_ADDRESS, makeTestRings } from "../testing/ring_sides.ts";
import { testDevice } from "../testing/vhost_user_server.ts";
import { AdminQueue } from "./admin_queue.ts";
import { MOST_TRIES, RedoneRequests } from "./redone_requests.ts";
import {
  AdminOpcode,
  AdminStatus,
  encodeAdminCommand,
} from "./wire/admin_command.ts";

const BYTES = 64 * 1024;
const COMMAND_AT = 16 * 1024;
const ANSWER_AT = 32 * 1024;
const ANSWER_BYTES = 64;

Deno.test("a command with which processes have ended is refused, and the next is carried out", async () => {
  const { region, driver, device: virtqueue } = makeTestRings({
    size: 16,
    packed: false,
    dataBytes: BYTES,
  });
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
      [{
        guestAddress: GUEST_ADDRESS + COMMAND_AT,
        lengthBytes: command.length,
      }],
      [{ guestAddress: GUEST_ADDRESS + ANSWER_AT, lengthBytes: ANSWER_BYTES }],
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
