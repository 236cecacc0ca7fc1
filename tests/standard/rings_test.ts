import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import noble from "../../backends/noble/noble.ts";
import type {
  BackendThread,
  Operation,
  OperationsBackend,
} from "../../backends/backend.ts";
import { Device } from "../../device/device.ts";
import { InProcessLink } from "../../device/transport/in_process/in_process.ts";
import { Request } from "../../device/transport/vhost_user/messages.ts";
import {
  F_RING_PACKED,
  F_RING_RESET,
  F_VERSION_1,
} from "../../device/wire/features.ts";
import { Driver, type DriverOptions } from "../../driver/driver.ts";
import { createDriverQueue } from "../../driver/rings/create_driver_queue.ts";
import {
  CONTROL,
  createByQueue,
  encrypt,
  encryptsWell,
  startGeneric,
  startRing,
  withServer,
} from "../../testing/qemu_front_end.ts";
import { ScriptedFrontEnd, words } from "../../testing/scripted_front_end.ts";
import { anywhere, makeDevice, SETUPS, testOnSetups } from "./setups.ts";
import { smallDevice } from "../../testing/small_device.ts";
import { unchecked } from "../../testing/unchecked.ts";

const MEMORY_BYTES = 4 * 1024 * 1024;
const VIRTIO = SETUPS[0]!;
const FORMATS: readonly [string, DriverOptions][] = [
  ["split", {}],
  ["packed", { packed: true }],
];
const SHA1_OF_NOTHING = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
const NOTHING = new Uint8Array();

const newLink = (changes: Parameters<typeof makeDevice>[1] = {}) =>
  new InProcessLink(makeDevice(VIRTIO, changes), MEMORY_BYTES);

for (const [format, options] of FORMATS) {
  Deno.test(`a queue that is reset alone starts anew, and sessions stay: ${format}`, async () => {
    const link = newLink({ dataQueueCount: 2 });
    await using driver = await Driver.start(link, options);
    const first = await unchecked(driver).hash({ algorithm: "sha1" }, {
      dataQueue: 0,
    });
    const second = await unchecked(driver).hash({ algorithm: "sha1" }, {
      dataQueue: 1,
    });
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i <= round; i++) {
        strictEqual((await first.digest(NOTHING)).toHex(), SHA1_OF_NOTHING);
      }
      await driver.resetQueue(0);
      strictEqual((await second.digest(NOTHING)).toHex(), SHA1_OF_NOTHING);
    }
    await first.close();
    await second.close();
  });

  Deno.test(`a queue that was reset is neither served nor notified: ${format}`, async () => {
    const link = newLink();
    await using driver = await Driver.start(link, options);
    const hash = await unchecked(driver).hash({ algorithm: "sha1" });
    await hash.digest(NOTHING);
    let notifications = 0;
    await link.resetQueue(0);
    link.onNotification(0, () => notifications++);
    const lost = hash.digest(NOTHING).catch(() => "abandoned");
    await new Promise((resolve) => setTimeout(resolve, 5));
    link.kick(0);
    strictEqual(notifications, 0);
    await driver.close();
    strictEqual(await lost, "abandoned");
  });
}

Deno.test("a queue that starts anew may have another size and place", async () => {
  const link = newLink();
  await link.acceptFeatures(F_VERSION_1 | F_RING_RESET);
  const { memory: region, memoryGuestAddress: regionGuestAddress } = link;
  const start = async (size: number, offset: number) => {
    const queue = createDriverQueue({
      region,
      regionGuestAddress,
      offset,
      size,
      packed: false,
      eventIndex: false,
      inOrder: false,
    });
    await link.startQueue(0, { size, ...queue.addresses });
    return queue;
  };
  const buffer = { guestAddress: regionGuestAddress, lengthBytes: 100 };
  const use = (queue: ReturnType<typeof createDriverQueue>) => {
    for (let i = 0; i < queue.size / 2; i++) {
      ok(queue.add([buffer], [buffer], i));
    }
    queue.publish();
    link.kick(0);
    for (let i = 0; i < queue.size / 2; i++) ok(queue.take());
    strictEqual(queue.take(), undefined);
  };
  use(await start(8, 0x1000));
  await link.resetQueue(0);
  use(await start(64, 0x8000));
  await link.resetQueue(0);
  use(await start(4, 0x2000));
  await link.close();
});

Deno.test("a queue is reset alone only where RING_RESET is negotiated", async () => {
  const link = newLink();
  await using driver = await Driver.start(link, { features: F_VERSION_1 });
  await rejects(link.resetQueue(0), /not negotiated/);
  await rejects(driver.resetQueue(0), /not in force/);
});

/** Completes operations on the third poll, or one a poll and the newest first. */
class LateThread implements BackendThread {
  readonly #inner = noble.open({});
  readonly #newestFirst: boolean;
  readonly #waiting: { operation: Operation; polls: number }[] = [];
  open = 0;

  constructor(newestFirst: boolean) {
    this.#newestFirst = newestFirst;
  }

  openSession(description: Parameters<BackendThread["openSession"]>[0]) {
    this.open++;
    return this.#inner.openSession(description);
  }

  closeSession(session: object): void {
    this.open--;
    this.#inner.closeSession(session);
  }

  run(operations: readonly Operation[], count: number): void {
    for (const operation of operations.slice(0, count)) {
      this.#waiting.push({ operation, polls: 0 });
    }
  }

  poll(): number {
    for (const one of this.#waiting) one.polls++;
    if (this.#newestFirst) {
      const newest = this.#waiting.pop();
      if (newest) this.#inner.run([newest.operation], 1);
      return newest ? 1 : 0;
    }
    const due = this.#waiting.filter(({ polls }) => polls === 3);
    for (const { operation } of due) this.#inner.run([operation], 1);
    this.#waiting.splice(0, due.length);
    return due.length;
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  close(): void {
    this.#inner.close();
  }
}

function lateDevice(
  threads: LateThread[],
  order: "oldest first" | "newest first" = "oldest first",
): Device {
  const backend: OperationsBackend = {
    ...noble,
    name: "late",
    open: () => {
      const thread = new LateThread(order === "newest first");
      threads.push(thread);
      return thread;
    },
  };
  return smallDevice(backend);
}

for (const how of ["queue", "device"] as const) {
  Deno.test(`a reset of the ${how} waits for the operations under way`, async () => {
    const threads: LateThread[] = [];
    const link = new InProcessLink(lateDevice(threads), MEMORY_BYTES);
    await using driver = await Driver.start(link);
    const hash = await unchecked(driver).hash({ algorithm: "sha1" });
    strictEqual((await hash.digest(NOTHING)).toHex(), SHA1_OF_NOTHING);
    const outcomes = [1, 2, 3].map((lengthBytes) =>
      hash.digest(new Uint8Array(lengthBytes)).catch(() => "abandoned")
    );
    await new Promise<void>((resolve) => queueMicrotask(resolve));
    await new Promise<void>((resolve) => queueMicrotask(resolve));
    const [thread] = threads;
    strictEqual(thread!.waitingCount, 3);
    if (how === "queue") await driver.resetQueue(0);
    else await link.reset();
    strictEqual(thread!.waitingCount, 0);
    strictEqual(thread!.open, how === "queue" ? 1 : 0);
    if (how === "queue") {
      strictEqual((await hash.digest(NOTHING)).toHex(), SHA1_OF_NOTHING);
      await hash.close();
      strictEqual(thread!.open, 0);
    }
    await driver.close();
    deepStrictEqual(await Promise.all(outcomes), [
      "abandoned",
      "abandoned",
      "abandoned",
    ]);
  });
}

withServer(
  "over vhost-user a ring stops and starts anew while others run, and sessions stay",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const { data, control } = await startGeneric(front);
    const session = await createByQueue(front, control);
    await encryptsWell(front, data, session);

    await front.ask(Request.GetVringBase, words(0, 0));
    const again = await startRing(front, 0);
    await encryptsWell(front, again, session);

    await front.ask(Request.GetVringBase, words(CONTROL, 0));
    const newControl = await startRing(front, CONTROL);
    await encryptsWell(front, again, session);
    const other = await createByQueue(front, newControl);
    ok(other !== session);
    await encryptsWell(front, again, other);
  },
);

withServer(
  "over vhost-user a ring that stopped is not served until it starts anew",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const { data, control } = await startGeneric(front);
    const session = await createByQueue(front, control);
    await front.ask(Request.GetVringBase, words(0, 0));
    const before = front.region.bytes.slice();
    front.libc.signal(data.kickFd);
    await new Promise((resolve) => setTimeout(resolve, 50));
    ok(before.every((byte, i) => byte === front.region.bytes[i]));
    const again = await startRing(front, 0);
    await encryptsWell(front, again, session);
    strictEqual((await encrypt(front, again, 999)).status, 4);
  },
);

for (const [format, options] of FORMATS) {
  Deno.test(`kicks carry queue and position with NOTIFICATION_DATA: ${format}`, async () => {
    const link = newLink();
    const kicks: number[] = [];
    const kick = link.kick.bind(link);
    link.kick = (index, data) => {
      if (index === 0) kicks.push(data!);
      kick(index, data);
    };
    await using driver = await Driver.start(link, {
      ...options,
      notificationData: true,
      queueSize: 4,
      indirect: true,
    });
    const hash = await unchecked(driver).hash({ algorithm: "sha1" });
    for (let i = 0; i < 6; i++) {
      strictEqual((await hash.digest(NOTHING)).toHex(), SHA1_OF_NOTHING);
    }
    const wrapped = (driver.features & F_RING_PACKED) !== 0n;
    deepStrictEqual(
      kicks.map((data) => data >>> 16),
      wrapped
        ? [0x8001, 0x8002, 0x8003, 0x0000, 0x0001, 0x0002]
        : [1, 2, 3, 4, 5, 6],
    );
    ok(kicks.every((data) => (data & 0xffff) === 0));
    await hash.close();
  });
}

Deno.test("notification data that lies makes no difference", async () => {
  const link = newLink();
  const lies = [0xffff_ffff, 0, NaN, -1, 2 ** 40, 0x7fff_0001];
  const kick = link.kick.bind(link);
  let told = 0;
  link.kick = (index) => kick(index, lies[told++ % lies.length]);
  await using driver = await Driver.start(link, { notificationData: true });
  const hash = await unchecked(driver).hash({ algorithm: "sha1" });
  for (let i = 0; i < 20; i++) {
    strictEqual((await hash.digest(NOTHING)).toHex(), SHA1_OF_NOTHING);
  }
  ok(told > 20);
  await hash.close();
});

testOnSetups(
  "spurious notifications of every queue are harmless",
  anywhere,
  async ({ driver }) => {
    const hash = await unchecked(driver).hash({ algorithm: "sha1" });
    for (let i = 0; i < 5; i++) {
      for (const index of [0, 1, 0, 9]) driver.link.kick(index);
      strictEqual((await hash.digest(NOTHING)).toHex(), SHA1_OF_NOTHING);
    }
    await hash.close();
  },
);

for (const [format, options] of FORMATS) {
  Deno.test(`with IN_ORDER buffers are used in their order, though the backend ends with the first: ${format}`, async () => {
    for (const inOrder of [true, false]) {
      const device = lateDevice([], "newest first");
      const link = new InProcessLink(device, MEMORY_BYTES);
      await using driver = await Driver.start(link, { ...options, inOrder });
      const hash = await unchecked(driver).hash({ algorithm: "sha1" });
      const order: number[] = [];
      const numbers = Array.from({ length: 12 }, (_, i) => i);
      await Promise.all(numbers.map(async (i) => {
        await hash.digest(new Uint8Array(i));
        order.push(i);
      }));
      deepStrictEqual(order, inOrder ? numbers : numbers.toReversed());
      await hash.close();
    }
  });
}
