import { match, notEqual, ok, strictEqual } from "node:assert/strict";
import { nativeBuffer, openLibc } from "../../ffi/libc.ts";
import { bindDatagram } from "../../ffi/libc_datagram.ts";
import { SocketMessages } from "../../ffi/libc_socket.ts";
import {
  type Notification,
  parseNotification,
} from "../../keeper/notification.ts";
import { runCommand, ServeProcess } from "../../testing/command_process.ts";
import { exists, temporaryFolder } from "../../testing/files.ts";
import { childOf } from "../../testing/kept_device.ts";

Deno.test("a device that is killed is started again, and ends with its supervisor", async () => {
  await using folder = await temporaryFolder();
  const socketPath = `${folder.path}/crypto.sock`;
  await using process = await ServeProcess.supervise(
    "listening at",
    ...["--socket-path", socketPath, "--backend", "noble"],
  );
  const first = await childOf(process.pid);
  Deno.kill(first, "SIGKILL");
  await process.said("listening at", 2);
  match(process.log, /ended by signal 9; starts again in 50 ms/);
  const second = await childOf(process.pid);
  notEqual(second, first);
  const { code } = await process.end("SIGTERM");
  strictEqual(code, 0);
  ok(!await exists(`/proc/${second}`));
  ok(!await exists(socketPath));
});

Deno.test("a mistake that only the supervised process finds is told once", async () => {
  const words = ["--socket-path", "/nowhere/s", "--backend", "noble"];
  const { code, stderr } = await runCommand("supervise", "--", ...words);
  strictEqual(code, 2);
  strictEqual(stderr.trim().split("\n").length, 1);
  match(stderr, /--socket-path/);
});

/** Whoever listens at $NOTIFY_SOCKET, as systemd would. */
class NotifyListener implements Disposable {
  readonly #libc = openLibc();
  readonly #messages = new SocketMessages(this.#libc);
  readonly #fd: number;
  readonly name: string;

  constructor() {
    const bound = bindDatagram(this.#libc);
    if (typeof bound === "number") throw new Error(`no socket: ${bound}`);
    this.#fd = bound.fd;
    this.name = bound.name;
  }

  /** Waits for a message that `is` so, for 20 s at most. */
  async heard(is: (told: Notification) => boolean): Promise<void> {
    const until = performance.now() + 20_000;
    const bytes = nativeBuffer(4096);
    while (performance.now() < until) {
      const received = this.#messages.receive(this.#fd, bytes, []);
      if (received < 0) await new Promise((wake) => setTimeout(wake, 5));
      else {
        const text = new TextDecoder().decode(bytes.subarray(0, received));
        if (is(parseNotification(text))) return;
      }
    }
    throw new Error("The device has not told");
  }

  [Symbol.dispose](): void {
    this.#libc.close(this.#fd);
  }
}

Deno.test("who started the device hears that it serves, that all is well, and that it ends", async () => {
  await using folder = await temporaryFolder();
  using listener = new NotifyListener();
  await using process = await ServeProcess.startIn(
    { NOTIFY_SOCKET: listener.name, WATCHDOG_USEC: "100000" },
    "listening at",
    ...["--socket-path", `${folder.path}/crypto.sock`, "--backend", "noble"],
  );
  await listener.heard(({ ready }) => ready);
  for (let i = 0; i < 3; i++) await listener.heard(({ watchdog }) => watchdog);
  const ended = process.end("SIGTERM");
  await listener.heard(({ stopping }) => stopping);
  strictEqual((await ended).code, 0);
});
