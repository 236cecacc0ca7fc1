import { ok, strictEqual } from "node:assert/strict";
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
import {
  eventually,
  guestMappings,
  openDescriptors,
} from "../../../testing/vhost_user_server.ts";
import { Request } from "./messages.ts";

withServer(
  "a violation ends its connection with one line and nothing else",
  async (server) => {
    const table = (...longValues: number[]) =>
      Uint8Array.from([...words(1, 0), ...longs(...longValues)]);
    const violations: [number, Uint8Array, RegExp][] = [
      [Request.SetVringNum, words(2, 64), /ring 2 of 2/],
      [Request.SetVringNum, words(0x100, 64), /ring 256 of 2/],
      [Request.SetVringBase, words(0xffff_ffff, 0), /ring 4294967295 of 2/],
      [Request.GetVringBase, words(9, 0), /ring 9 of 2/],
      [Request.SetVringEnable, words(0, 2), /enabled with 2/],
      [Request.SetVringKick, longs(0), /no descriptor for ring 0/],
      [Request.SetVringCall, longs(0x1ff), /ring 255 of 2/],
      [Request.SetVringNum, words(0, 0), /0 entries/],
      [Request.SetVringNum, words(0, 65536), /65536 entries/],
      [Request.SetMemTable, table(0, 4096, 0, 0), /0 descriptors for 1/],
      [Request.SetMemTable, words(9, 0), /more regions/],
      [Request.SetMemTable, words(1, 0), /more regions/],
      [Request.SetFeatures, longs(1n << 63n), /not offered/],
      [Request.SetProtocolFeatures, longs(4), /not offered/],
      [Request.GetConfig, words(0, 0, 0), /protocol feature/],
      [Request.GetMaxMemSlots, words(), /protocol feature/],
      [Request.ResetDevice, words(), /protocol feature/],
      [Request.SetStatus, longs(0), /protocol feature/],
      [Request.AddMemReg, longs(0, 0, 0, 0, 0), /protocol feature/],
      [Request.SetBackendReqFd, words(), /protocol feature/],
      [19, longs(0), /SEND_RARP: not offered/],
      [Request.GetInflightFd, longs(0, 0, 0), /protocol feature/],
      [41, longs(0, 0), /GET_SHARED_OBJECT: not offered/],
    ];
    for (const [request, payload, reason] of violations) {
      const seen = server.log.length;
      {
        using front = ScriptedFrontEnd.connect(server.path);
        front.send(request, payload);
        strictEqual(await front.receive(), undefined);
      }
      const lines = server.log.slice(seen);
      const gone = lines.filter((line) => line.includes("front-end gone"));
      strictEqual(gone.length, 1, lines.join("\n"));
      ok(reason.test(gone[0]!), gone[0]);
    }
  },
);

withServer(
  "connections leave no descriptor, mapping, thread or session",
  async (server) => {
    const cycle = async (end: (front: ScriptedFrontEnd) => void) => {
      {
        using front = ScriptedFrontEnd.connect(server.path);
        const { data, control } = await startGeneric(front);
        await encryptsWell(front, data, await createByQueue(front, control));
        // Surplus and unexpected descriptors.
        const some = [front.memoryFd, front.memoryFd, front.memoryFd];
        await front.ask(Request.GetFeatures, undefined, some);
        await front.tell(Request.SetMemTable, front.memoryTable(), some);
        await front.tell(Request.SetLogFd, undefined, some);
        await front.tell(Request.SetVringErr, longs(0x100), some);
        end(front);
      }
    };
    const ends = [
      () => {},
      (front: ScriptedFrontEnd) => front.send(99, words(), [front.memoryFd]),
      (front: ScriptedFrontEnd) =>
        front.sendRaw(words(2, 1, 8), [front.memoryFd, front.memoryFd]),
      (front: ScriptedFrontEnd) =>
        front.send(Request.SetMemTable, words(8, 0), [front.memoryFd]),
      (front: ScriptedFrontEnd) =>
        front.send(Request.SetVringKick, longs(77), [front.memoryFd]),
    ];
    for (const end of ends) await cycle(end);
    await server.logged("gone", ends.length);
    const before = openDescriptors();
    for (let i = 0; i < 2; i++) {
      for (const end of ends) await cycle(end);
    }
    await server.logged("gone", 3 * ends.length);
    await eventually(
      () => openDescriptors() <= before && guestMappings() === 0,
      () => `${openDescriptors()} descriptors, before ${before}`,
    );
    strictEqual(server.device.sessions.size, 0);
  },
);

withServer(
  "a queue thread that fails ends its connection, not the process",
  async (server) => {
    const { device } = server;
    const { threadSettings } = device;
    const broken = threadSettings.backends.map((backend) => ({
      ...backend,
      name: "missing",
      specifier: "./missing.ts",
    }));
    Object.assign(device, {
      threadSettings: { ...threadSettings, backends: broken },
    });
    {
      using front = ScriptedFrontEnd.connect(server.path);
      await startGeneric(front);
      strictEqual(await front.receive(), undefined);
    }
    await server.logged("front-end gone: queue thread 0: ");
    Object.assign(device, { threadSettings });
    using front = ScriptedFrontEnd.connect(server.path);
    const { data, control } = await startGeneric(front);
    await encryptsWell(front, data, await createByQueue(front, control));
  },
);

withServer(
  "an error in the control queue ends its connection, not the process",
  async (server) => {
    const { sessions } = server.device;
    const create = sessions.create;
    sessions.create = () => {
      throw new Error("out of order");
    };
    {
      using front = ScriptedFrontEnd.connect(server.path);
      const { control } = await startGeneric(front);
      createByQueue(front, control).catch(() => {});
      strictEqual(await front.receive(), undefined);
    }
    await server.logged("front-end gone: control queue: out of order");
    sessions.create = create;
    using front = ScriptedFrontEnd.connect(server.path);
    const { control } = await startGeneric(front);
    await createByQueue(front, control);
  },
);
