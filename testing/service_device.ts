/**
 * The device as the units of `contrib/` run it, under a real systemd.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { permissionWords } from "../cli/permissions.ts";
import { temporaryFolder } from "./files.ts";
import { denoFolder } from "./mounted_program.ts";
import { SystemManager } from "./system_manager.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** The units, as they are in `contrib/`. */
export const SERVICE = "vhost-device-crypto.service";
export const SOCKET = "vhost-device-crypto.socket";

const unit = (name: string) => Deno.readTextFile(`${ROOT}contrib/${name}`);

/**
 * Where the clone, Deno and its cache are for a service that may look into no
 * home directory.
 */
async function program(): Promise<string> {
  const cache = await denoFolder();
  return `
[Service]
BindReadOnlyPaths=${Deno.execPath()}:/mnt/deno ${ROOT}:/mnt/clone ${cache}:/mnt/cache
Environment=DENO_DIR=/mnt/cache
ExecStart=
ExecStart=/mnt/deno run ${
    permissionWords({ isolate: false }).join(" ")
  } /mnt/clone/cli/main.ts serve --fd systemd $OPTIONS
`;
}

/** The service, which has been started by its socket or is about to be. */
export class ServiceDevice implements AsyncDisposable {
  readonly manager: SystemManager;
  readonly socketPath: string;
  readonly #logPath: string;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    manager: SystemManager,
    folder: string,
    stack: AsyncDisposableStack,
  ) {
    this.manager = manager;
    this.socketPath = `${folder}/crypto.sock`;
    this.#logPath = `${folder}/log`;
    this.#stack = stack;
  }

  /** Starts the socket unit; the service has more settings and options. */
  static async start(
    settings = "",
    ...options: string[]
  ): Promise<ServiceDevice> {
    await using stack = new AsyncDisposableStack();
    const { path: folder } = stack.use(await temporaryFolder());
    const manager = stack.use(
      await SystemManager.start({
        [SERVICE]: await unit(SERVICE),
        [`${SERVICE}.d/program.conf`]: await program(),
        [`${SERVICE}.d/settings.conf`]: `[Service]
Environment="OPTIONS=${options.join(" ")}"
StandardError=append:${folder}/log
${settings}
`,
        [SOCKET]: await unit(SOCKET),
        [`${SOCKET}.d/place.conf`]: `[Socket]
ListenStream=
ListenStream=${folder}/crypto.sock
SocketGroup=
`,
      }),
    );
    await manager.ctl("start", SOCKET);
    return new ServiceDevice(manager, folder, stack.move());
  }

  async log(): Promise<string> {
    return await Deno.readTextFile(this.#logPath).catch(() => "");
  }

  /** The process that serves, in the numbers of systemd's namespace. */
  pid(): Promise<string> {
    return this.manager.property(SERVICE, "MainPID");
  }

  /** Waits until another process than `pid` serves; its number. */
  async successor(pid: string): Promise<string> {
    const isOther = (other: string) => other !== "0" && other !== pid;
    const next = await this.manager.until(SERVICE, "MainPID", isOther);
    await this.manager.until(SERVICE, "ActiveState", (is) => is === "active");
    return next;
  }

  /** How many descriptors systemd keeps for it. */
  async keptDescriptors(): Promise<number> {
    return Number(await this.manager.property(SERVICE, "NFileDescriptorStore"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
