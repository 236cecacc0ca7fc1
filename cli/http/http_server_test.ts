import assert from "node:assert/strict";
import { temporaryFolder } from "../../testing/files.ts";
import { ask } from "../../testing/http_client.ts";
import { HttpServer } from "./http_server.ts";

Deno.test("what an answer fails by is nobody's to see, and the next one comes", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/http.sock`;
  const place = { transport: "unix", path } as const;
  const answers = [new Error("a secret"), new Error("more"), undefined];
  const told: unknown[] = [];
  const server = await HttpServer.listen({ kind: "unix", path }, () => {
    const error = answers.shift();
    if (error) throw error;
    return { status: 200, type: "text/plain", body: "good" };
  }, (error) => told.push(error));
  try {
    for (let time = 0; time < 2; time++) {
      const { status, body } = await ask(place, { target: "/" });
      assert.deepEqual([status, body], [500, "this cannot be answered\n"]);
    }
    assert.deepEqual(told.map((error) => `${error}`), ["Error: a secret"]);
    assert.equal((await ask(place, { target: "/" })).body, "good");
  } finally {
    await server.close();
  }
});

Deno.test("a socket is its owner's alone from its first instant", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/http.sock`;
  const modes: number[] = [];
  const { listen } = Deno;
  const before = Deno.umask(0);
  Deno.listen = ((options: Deno.UnixListenOptions & { transport: "unix" }) => {
    const listener = listen(options);
    modes.push(Deno.lstatSync(path).mode! & 0o777);
    return listener;
  }) as typeof listen;
  try {
    const server = await HttpServer.listen(
      { kind: "unix", path },
      () => ({ status: 200, type: "text/plain", body: "" }),
    );
    await server.close();
  } finally {
    Deno.listen = listen;
    assert.equal(Deno.umask(before), 0, "the mask is what it was");
  }
  assert.deepEqual(modes, [0o600]);
});

Deno.test("a socket that another process listens at stays, and one that nobody does goes", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/http.sock`;
  const answer = () => ({ status: 200, type: "text/plain", body: "" });
  const listen = () => HttpServer.listen({ kind: "unix", path }, answer);
  const first = await listen();
  await assert.rejects(listen, /another process listens at/);
  const place = { transport: "unix", path } as const;
  assert.equal((await ask(place, { target: "/" })).status, 200);
  await first.close();
  const stale = new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      `Deno.listen({ transport: "unix", path: ${JSON.stringify(path)} });
      Deno.kill(Deno.pid, "SIGKILL");`,
    ],
  });
  await stale.output();
  assert.ok((await Deno.lstat(path)).isSocket);
  await (await listen()).close();
});
