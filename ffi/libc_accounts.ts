/**
 * Users and groups of the machine, and who this process is (getpwnam(3),
 * getgrnam(3), setresuid(2), prctl(2)).
 *
 * @module
 */

import { cString, type Libc } from "./libc.ts";

const SYMBOLS = {
  getpwnam: { parameters: ["buffer" /* name */], result: "pointer" },
  getpwuid: { parameters: ["u32" /* uid */], result: "pointer" },
  getgrnam: { parameters: ["buffer" /* name */], result: "pointer" },
  initgroups: {
    parameters: ["buffer", /* user */ "u32" /* group */],
    result: "i32",
  },
  setresgid: {
    parameters: ["u32", /* rgid */ "u32", /* egid */ "u32" /* sgid */],
    result: "i32",
  },
  setresuid: {
    parameters: ["u32", /* ruid */ "u32", /* euid */ "u32" /* suid */],
    result: "i32",
  },
  geteuid: { parameters: [], result: "u32" },
  chmod: {
    parameters: ["buffer", /* pathname */ "u32" /* mode */],
    result: "i32",
  },
  chown: {
    parameters: ["buffer", /* pathname */ "u32", /* owner */ "u32" /* group */],
    result: "i32",
  },
  umask: { parameters: ["u32" /* mask */], result: "u32" },
  prctl: {
    parameters: ["i32", /* op */ "usize" /* arg2 */],
    result: "i32",
  },
} as const;

/** The same places in struct passwd and struct group: behind two strings. */
const ID_OFFSET = 16;
const PASSWD_GROUP_OFFSET = 20;
/** (uid_t) -1: stays as it is. */
const UNCHANGED = 0xffff_ffff;
const LARGEST_ID = UNCHANGED - 1;
const PR_SET_DUMPABLE = 4;

type Library = Deno.DynamicLibrary<typeof SYMBOLS>;

let opened: Library | undefined;

const calls = () => (opened ??= Deno.dlopen("libc.so.6", SYMBOLS)).symbols;

/** A user of this machine. */
export interface User {
  readonly name: string;
  readonly id: number;
  readonly groupId: number;
}

const numberOf = (text: string): number | undefined => {
  const number = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
  return number <= LARGEST_ID ? number : undefined;
};

/** The user with a name, or with a number that the machine knows. */
export function findUser(text: string): User | undefined {
  const number = numberOf(text);
  const entry = number === undefined
    ? calls().getpwnam(cString(text))
    : calls().getpwuid(number);
  if (entry === null) return undefined;
  const view = new Deno.UnsafePointerView(entry);
  return {
    name: Deno.UnsafePointerView.getCString(view.getPointer()!),
    id: view.getUint32(ID_OFFSET),
    groupId: view.getUint32(PASSWD_GROUP_OFFSET),
  };
}

/** The number of the user or of any number, which need have no name. */
export const findUserId = (text: string): number | undefined =>
  numberOf(text) ?? findUser(text)?.id;

/** The number of the group with a name or a number. */
export function findGroupId(text: string): number | undefined {
  const number = numberOf(text);
  if (number !== undefined) return number;
  const entry = calls().getgrnam(cString(text));
  if (entry === null) return undefined;
  return new Deno.UnsafePointerView(entry).getUint32(ID_OFFSET);
}

/** Who may use a file; what is undefined stays as it is. */
export interface FileAccess {
  readonly mode: number | undefined;
  readonly groupId: number | undefined;
}

/** Changes who may use a file. Negative where that is not allowed. */
export function changeAccess(
  libc: Libc,
  path: string,
  { mode, groupId }: FileAccess,
): number {
  if (groupId !== undefined) {
    const changed = libc.check(
      calls().chown(cString(path), UNCHANGED, groupId),
    );
    if (changed < 0) return changed;
  }
  return mode === undefined
    ? 0
    : libc.check(calls().chmod(cString(path), mode));
}

/** Nobody but the owner reads or writes, and nobody executes. */
const ALL_BUT_OWNER = 0o177;

/**
 * Does `make`, all of whose new files are for their owner alone from their first
 * instant: a socket can be connected to as soon as it listens. The mask is that of
 * all threads, so that what others make at that moment is no less closed. Answers
 * what `make` does, and the mode that new files have otherwise.
 */
export function forOwnerAlone<Made>(
  make: () => Made,
): { readonly made: Made; readonly usualMode: number } {
  const { umask } = calls();
  const mask = umask(ALL_BUT_OWNER);
  try {
    return { made: make(), usualMode: 0o777 & ~mask };
  } finally {
    umask(mask);
  }
}

/** Whether this process may become anybody. */
export const isRoot = (): boolean => calls().geteuid() === 0;

/** Makes all threads of this process those of a user, for good. */
export function becomeUser(libc: Libc, { name, id, groupId }: User): number {
  for (
    const change of [
      () => calls().initgroups(cString(name), groupId),
      () => calls().setresgid(groupId, groupId, groupId),
      () => calls().setresuid(id, id, id),
    ]
  ) {
    const changed = libc.check(change());
    if (changed < 0) return changed;
  }
  return 0;
}

/**
 * Has no core dump made of this process, by whatever the machine does with
 * those, and no process of the same user look into it.
 */
export function forbidDumps(libc: Libc): number {
  return libc.check(calls().prctl(PR_SET_DUMPABLE, 0n));
}
