import { ok, strictEqual, throws } from "node:assert/strict";
import { openLibc } from "../../../ffi/libc.ts";
import { socketPair } from "../../../ffi/libc_socket.ts";
import { listenUnix } from "../../../testing/listening_socket.ts";
import { startGeneric, withServer } from "../../../testing/qemu_front_end.ts";
import { ScriptedFrontEnd } from "../../../testing/scripted_front_end.ts";
import { startTestServer } from "../../../testing/vhost_user_server.ts";
import { Request } from "./messages.ts";
import { VhostUserServer } from "./server.ts";

const libc = openLibc();

withServer(
  "the next front-end is served when the first is gone",
  async (server) => {
    const first = ScriptedFrontEnd.connect(server.path);
    await first.ask(Request.GetFeatures);
    using second = ScriptedFrontEnd.connect(server.path);
    second.send(Request.GetFeatures);
    await new Promise((resolve) => setTimeout(resolve, 20));
    strictEqual(server.log.filter((line) => /connected/.test(line)).length, 1);
    first[Symbol.dispose]();
    strictEqual((await second.receive())?.request, Request.GetFeatures);
  },
);

withServer(
  "closing the server drops the front-end and removes the socket",
  async (server) => {
    const path = `${server.path}2`;
    const other = VhostUserServer.listen(path, server.options);
    using front = ScriptedFrontEnd.connect(path);
    await startGeneric(front);
    await other.close();
    await other.finished;
    strictEqual(await front.receive(), undefined);
    throws(() => Deno.lstatSync(path), Deno.errors.NotFound);
  },
);

withServer(
  "a live socket is refused, a stale one replaced, a file kept",
  async (server) => {
    throws(
      () => VhostUserServer.listen(server.path, server.options),
      /another process listens there/,
    );
    const stale = `${server.path}.stale`;
    libc.close(listenUnix(libc, stale));
    const replaced = VhostUserServer.listen(stale, server.options);
    await replaced.close();
    const file = `${server.path}.file`;
    await Deno.writeTextFile(file, "precious");
    throws(
      () => VhostUserServer.listen(file, server.options),
      /there is a file of that name/,
    );
    strictEqual(await Deno.readTextFile(file), "precious");
    throws(
      () => VhostUserServer.listen("/nowhere/at/all", server.options),
      /No such file/,
    );
  },
);

Deno.test("a connected descriptor is served until its end", async () => {
  const pair = socketPair(libc);
  ok(typeof pair === "object");
  let adopted: VhostUserServer | undefined;
  await using _server = await startTestServer((_path, options) => {
    adopted = VhostUserServer.adopt(pair[1], options);
    return adopted;
  });
  {
    using front = new ScriptedFrontEnd(pair[0]);
    await startGeneric(front);
  }
  await adopted!.finished;
});

Deno.test("a listening descriptor is served, any other refused", async () => {
  const path = await Deno.makeTempFile();
  await Deno.remove(path);
  const listener = listenUnix(libc, path);
  await using server = await startTestServer((_path, options) =>
    VhostUserServer.adopt(listener, options)
  );
  for (let i = 0; i < 2; i++) {
    using front = ScriptedFrontEnd.connect(path);
    await front.ask(Request.GetFeatures);
  }
  const event = libc.eventfd();
  throws(
    () => VhostUserServer.adopt(event, server.options),
    /descriptor \d+: it is no open socket/,
  );
  libc.close(event);
  await Deno.remove(path);
});
