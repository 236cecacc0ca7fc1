import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { openLibc } from "../../../ffi/libc.ts";
import { socketPair } from "../../../ffi/libc_socket.ts";
import { startThief } from "../../../testing/kick_thief.ts";
import {
  createByQueue,
  encryptsWell,
  startGeneric,
  withServer,
} from "../../../testing/qemu_front_end.ts";
import {
  longs,
  ScriptedFrontEnd,
  words,
} from "../../../testing/scripted_front_end.ts";
import { inSomeTry } from "../../../testing/tries.ts";
import {
  eventually,
  openDescriptors,
} from "../../../testing/vhost_user_server.ts";
import { Request } from "./messages.ts";

const libc = openLibc();
const F_GETFL = 3;
const O_NONBLOCK = 0o4000;
const CONTROL = 2;
const KICKING_MS = 1000;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const isNonBlocking = (fd: number) =>
  (libc.symbols.fcntl(fd, F_GETFL, 0) & O_NONBLOCK) !== 0;

/** How often threads of this process have waited for something. */
function waits(): number {
  let sum = 0;
  for (const { name } of Deno.readDirSync("/proc/self/task")) {
    const status = Deno.readTextFileSync(`/proc/self/task/${name}/status`);
    sum += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)![1]);
  }
  return sum;
}

/** A thread that is woken for nothing is so thousands of times. */
const expectIdle = () =>
  inSomeTry(async () => {
    const before = waits();
    await pause(300);
    const idle = waits() - before;
    ok(idle < 60, `${idle} times awake in 300 ms`);
  });

withServer(
  "descriptors of a front-end keep their flags, which both sides share",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const { data, control } = await startGeneric(front);
    const requests = [
      ["call", Request.SetVringCall],
      ["kick", Request.SetVringKick],
      ["error", Request.SetVringErr],
    ] as const;
    const fds: number[] = [];
    for (const [index, ring] of [[0, data], [CONTROL, control]] as const) {
      for (const [name, request] of requests) {
        const fd = libc.symbols.eventfd(0, 0);
        fds.push(fd);
        strictEqual(await front.tell(request, longs(index), [fd]), 0);
        if (name === "kick") Object.assign(ring, { kickFd: fd });
      }
    }
    const pair = socketPair(libc);
    ok(typeof pair !== "number");
    fds.push(...pair);
    const channel = Request.SetBackendReqFd;
    strictEqual(await front.tell(channel, undefined, [pair[1]]), 0);
    ok(!isNonBlocking(front.memoryFd));
    const session = await startedSession(front, control, data);
    await encryptsWell(front, data, session);
    deepStrictEqual(fds.filter(isNonBlocking), []);
    for (const fd of fds) libc.close(fd);
  },
);

/** Call descriptors of the front-end's own choice, and a session. */
async function startedSession(
  front: ScriptedFrontEnd,
  control: Awaited<ReturnType<typeof startGeneric>>["control"],
  data: typeof control,
): Promise<number> {
  for (const [index, ring] of [[0, data], [CONTROL, control]] as const) {
    ring.callFd = front.eventfd();
    await front.tell(Request.SetVringCall, longs(index), [ring.callFd]);
  }
  return createByQueue(front, control);
}

withServer(
  "a descriptor that is replaced, or whose ring ends, is closed",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    await startGeneric(front);
    const pair = socketPair(libc);
    ok(typeof pair !== "number");
    const sent = front.eventfd();
    const change = async () => {
      const requests = [
        Request.SetVringCall,
        Request.SetVringErr,
        Request.SetVringKick,
      ];
      for (const index of [0, CONTROL]) {
        for (const request of requests) {
          strictEqual(await front.tell(request, longs(index), [sent]), 0);
          strictEqual(await front.tell(request, longs(index), [sent]), 0);
        }
        await front.ask(Request.GetVringBase, words(index, 0));
      }
      const channel = Request.SetBackendReqFd;
      strictEqual(await front.tell(channel, undefined, [pair[0]]), 0);
    };
    await change();
    const before = openDescriptors();
    for (let round = 0; round < 5; round++) await change();
    await eventually(
      () => openDescriptors() <= before,
      () => `${openDescriptors()} descriptors, ${before} before`,
    );
    for (const fd of pair) libc.close(fd);
  },
);

withServer(
  "a kick that somebody else has taken is waited for again",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const { data, control } = await startGeneric(front);
    const session = await createByQueue(front, control);
    await encryptsWell(front, data, session);
    const thieves = [
      await startThief(data.kickFd),
      await startThief(data.kickFd),
    ];
    const end = performance.now() + KICKING_MS;
    while (performance.now() < end) {
      libc.signal(data.kickFd);
      const next = performance.now() + Math.random() / 10;
      while (performance.now() < next);
    }
    for (const endTheft of thieves) await endTheft();
    await expectIdle();
    await encryptsWell(front, data, session);
    await createByQueue(front, control);
  },
);

withServer(
  "a kick that rings have in common reaches all of them",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const { data, control } = await startGeneric(front);
    const session = await createByQueue(front, control);
    const kickFd = libc.symbols.eventfd(0, 0);
    const shared = [
      { index: CONTROL, ring: { ...control, kickFd } },
      { index: 0, ring: { ...data, kickFd } },
    ];
    for (const { index } of shared) {
      const kick = Request.SetVringKick;
      strictEqual(await front.tell(kick, longs(index), [kickFd]), 0);
    }
    for (let round = 0; round < 300; round++) {
      await encryptsWell(front, shared[1]!.ring, session);
      if (round % 20 === 0) await createByQueue(front, shared[0]!.ring);
    }
    await expectIdle();
    // Of each ring the kick and one by which it is passed on. Not counted before:
    // operations that take long have got a thread by now.
    const running = openDescriptors();
    for (const { index } of shared) {
      await front.ask(Request.GetVringBase, words(index, 0));
    }
    await eventually(
      () => openDescriptors() <= running - 2 * shared.length,
      () => `${openDescriptors()} descriptors, ${running} before`,
    );
    libc.close(kickFd);
  },
);
