/**
 * Who may connect to the sockets, and who this process is.
 *
 * @module
 */

import {
  becomeUser,
  type FileAccess,
  findGroupId,
  findUser,
  findUserId,
  forbidDumps,
  isRoot,
  type User,
} from "../ffi/libc_accounts.ts";
import type { Libc } from "../ffi/libc.ts";
import { liftLockedMemoryLimit } from "../ffi/libc_limits.ts";
import type { Log } from "./log.ts";
import { usage, type Values } from "./option_values.ts";

/** As the command line has it; names are not looked up yet. */
export interface AccessOptions {
  readonly socketMode: number | undefined;
  readonly socketGroup: string | undefined;
  readonly allowUsers: readonly string[];
  readonly user: string | undefined;
}

/** As this machine has it. */
export interface SocketAccess {
  /** Of socket files; undefined: as they come. */
  readonly file: FileAccess | undefined;
  /** Numbers of users; undefined: all. */
  readonly allowedUsers: ReadonlySet<number> | undefined;
  readonly user: User | undefined;
}

/**
 * Reads the options of access.
 *
 * @throws {UsageError} for what is no mode, and where there is no file
 */
export function accessOptions(values: Values): AccessOptions {
  const [mode] = values.get("socket-mode") ?? [];
  const [group] = values.get("socket-group") ?? [];
  const isMode = mode === undefined || /^0?[0-7]{3}$/.test(mode);
  if (!isMode) {
    throw usage("socket-mode", mode, "three octal digits, as in 660");
  }
  for (
    const [name, text] of [["socket-mode", mode], [
      "socket-group",
      group,
    ]] as const
  ) {
    if (text === undefined || values.has("socket-path")) continue;
    throw usage(name, text, "--socket-path, whose file it is for");
  }
  return {
    socketMode: mode === undefined ? undefined : Number.parseInt(mode, 8),
    socketGroup: group,
    allowUsers: values.get("allow-user") ?? [],
    user: values.get("user")?.[0],
  };
}

/**
 * Looks up who is meant.
 *
 * @throws {UsageError} for users and groups that this machine does not have
 */
export function findAccess(options: AccessOptions): SocketAccess {
  const { socketMode: mode, socketGroup, allowUsers, user } = options;
  const groupId = socketGroup === undefined
    ? undefined
    : findGroupId(socketGroup) ?? unknown("socket-group", socketGroup, "group");
  const allowed = allowUsers.map((text) =>
    findUserId(text) ?? unknown("allow-user", text, "user")
  );
  return {
    file: mode === undefined && groupId === undefined
      ? undefined
      : { mode, groupId },
    allowedUsers: allowed.length > 0 ? new Set(allowed) : undefined,
    user: user === undefined ? undefined : findNewUser(user),
  };
}

function findNewUser(text: string): User {
  if (!isRoot()) throw usage("user", text, "a start as root");
  return findUser(text) ?? unknown("user", text, "user");
}

function unknown(
  name: "socket-group" | "allow-user" | "user",
  text: string,
  what: string,
): never {
  throw usage(name, text, `a ${what} that this machine has`);
}

/**
 * Becomes the user that was asked for, who has to be able to load `backends`.
 *
 * @throws {UsageError} where the files of the program are not for that user
 * @throws {Error} where the system does not let this process
 */
export async function dropPrivileges(
  libc: Libc,
  { user }: SocketAccess,
  backends: readonly string[],
  log: Log,
): Promise<void> {
  if (!user) return;
  // What is kept of guests stays locked when the process is root no more.
  liftLockedMemoryLimit(libc);
  const became = becomeUser(libc, user);
  if (became < 0) {
    throw new Error(`Cannot become ${user.name}: ${libc.describe(became)}`);
  }
  // A process that has become somebody else may be dumped again.
  forbidDumps(libc);
  const problem = await loadProblem(backends);
  if (problem !== undefined) {
    const expected = `a user who can read the program (${problem})`;
    throw usage("user", user.name, expected);
  }
  log("info", `this process is user ${user.name} from now on`);
}

/** Why a thread cannot load the program and `backends`; undefined: it can. */
async function loadProblem(
  backends: readonly string[],
): Promise<string | undefined> {
  const worker = new Worker(new URL("./module_worker.ts", import.meta.url), {
    type: "module",
  });
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  // Nothing arrives as null.
  worker.onmessage = ({ data }) => resolve(data ?? undefined);
  worker.onerror = (event) => {
    event.preventDefault();
    resolve(event.message);
  };
  worker.postMessage(backends);
  const problem = await promise;
  worker.terminate();
  return problem;
}
