/**
 * The device under test, as the process a user starts.
 *
 * @module
 */

export interface DeviceProcess extends AsyncDisposable {
  readonly socketPath: string;
  /** What the device has said on standard error so far. */
  readonly log: () => string;
  /** Ends it as a user does, and answers its exit code. */
  readonly stop: () => Promise<number>;
}

export interface DeviceProcessOptions {
  readonly backend: "openssl" | "noble";
  readonly queues: number;
  readonly extraArgs?: readonly string[];
}

const MAIN = new URL("../../mod.ts", import.meta.url).pathname;
const START_TIMEOUT_MS = 20_000;
/** Then it is killed, and its exit code says so. */
const STOP_TIMEOUT_MS = 5_000;

/** Answers once the device listens on its socket. */
export async function startDevice(
  options: DeviceProcessOptions,
): Promise<DeviceProcess> {
  const folder = await Deno.makeTempDir({ prefix: "vhost-crypto-guest-" });
  const socketPath = `${folder}/crypto.sock`;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", MAIN, "serve", "--socket-path", socketPath],
      ...["--backend", options.backend, "--queues", `${options.queues}`],
      ...(options.extraArgs ?? []),
    ],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let log = "";
  const logged = (async () => {
    for await (
      const text of child.stderr.pipeThrough(new TextDecoderStream())
    ) {
      log += text;
    }
  })();
  let running = true;
  const ended = child.status.then((status) => {
    running = false;
    return status.code;
  });

  async function stop(): Promise<number> {
    if (running) child.kill("SIGTERM");
    const overdue = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    const code = await ended;
    clearTimeout(overdue);
    await logged;
    await Deno.remove(folder, { recursive: true }).catch(() => {});
    return code;
  }

  const deadline = performance.now() + START_TIMEOUT_MS;
  while (running && performance.now() < deadline) {
    if (await isSocket(socketPath)) {
      return {
        socketPath,
        log: () => log,
        stop,
        [Symbol.asyncDispose]: async () => void await stop(),
      };
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const state = running ? "opened no socket" : "ended";
  await stop();
  throw new Error(`The device ${state}; it said:\n${log}`);
}

async function isSocket(path: string): Promise<boolean> {
  return (await Deno.stat(path).catch(() => undefined))?.isSocket ?? false;
}
