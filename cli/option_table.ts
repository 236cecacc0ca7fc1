/**
 * The options of `serve`: one table from which the parser, `--help` and the
 * README's option table come.
 *
 * @module
 */

import { DEFAULT_MINIMUM_BYTES } from "../backends/qat/minimum.ts";
import { KEY_RULE_FORM } from "../device/keys/key_use.ts";
import { WITHHOLDABLE } from "../device/withheld.ts";

/** One option as a person sees it. */
export interface OptionEntry {
  readonly name: string;
  /** Placeholder of the value; absent for a switch. */
  readonly value?: string;
  readonly repeatable?: boolean;
  /** Shown as the default; absent where there is none. */
  readonly default?: string;
  readonly help: string;
  /** The backend's own option that it sets, and the form of a value. */
  readonly sets?: BackendOptionEntry;
}

/** How an option reaches a backend; values of a repeatable one get commas. */
export interface BackendOptionEntry {
  readonly backend: string;
  readonly option: string;
  readonly form: RegExp;
  /** The form in words. */
  readonly expected: string;
}

export const DEFAULTS = {
  queues: 1,
  maxSessions: 1024,
  maxSizeBytes: 4 * 1024 * 1024,
  spinMicroseconds: 20,
} as const;

/** Most queue threads of a process. */
export const MAXIMUM_THREADS = 256;

export const SERVE_OPTIONS = [
  {
    name: "socket-path",
    value: "PATH",
    repeatable: true,
    help:
      "listen on this socket, exactly as written; repeat it to serve several guests, each with sessions of its own",
  },
  {
    name: "guests",
    value: "N",
    help:
      "make N sockets, 1 to 10000, of each --socket-path with %i in it, which stands for 0 to N - 1",
  },
  {
    name: "fd",
    value: "N",
    help:
      "use this open socket instead of a path; it may be listening or connected already; systemd: all that systemd hands over, each with the name that its unit gives it",
  },
  {
    name: "isolate",
    help:
      "serve each socket in a process of its own, which is started again when it dies",
  },
  {
    name: "backend",
    value: "LIST",
    default: "all that are ready, fastest first",
    repeatable: true,
    help:
      "backends in order of preference: built-in names, paths such as ./my_backend.ts, or npm:PACKAGE, with commas",
  },
  {
    name: "place",
    value: "RULE",
    repeatable: true,
    help:
      "sends sessions, or requests of some sizes, to a backend of the list: SERVICE[.ALGORITHM][/KEYBITS][<BYTES or >=BYTES]=BACKEND",
  },
  {
    name: "fallback",
    value: "POLICY",
    default: "unsupported",
    repeatable: true,
    help:
      "when a session moves on in the list: never, unsupported (its backend does not offer it), or failure (also when that fails)",
  },
  {
    name: "without",
    value: "LIST",
    repeatable: true,
    help: `features and services that are not offered, with commas: ${
      WITHHOLDABLE.join(", ")
    }; what needs one of them is not offered either`,
  },
  {
    name: "openssl-provider",
    value: "NAME[:PATH]",
    default: "default, and legacy where it is installed",
    repeatable: true,
    sets: {
      backend: "openssl",
      option: "providers",
      form: /^[^:,]+(:[^,]+)?$/,
      expected: "NAME or NAME:PATH, without a comma",
    },
    help:
      "load this provider of libcrypto (with PATH: its module, or the directory of that) and only those that are named so",
  },
  {
    name: "openssl-properties",
    value: "QUERY",
    sets: {
      backend: "openssl",
      option: "properties",
      form: /^\P{Cc}+$/u,
      expected: "a property query",
    },
    help:
      "take algorithms of libcrypto with these properties only, for example fips=yes or ?provider=qatprovider",
  },
  {
    name: "openssl-engine",
    value: "NAME",
    sets: {
      backend: "openssl",
      option: "engine",
      form: /^[\w.-]+$/,
      expected: "the identifier of an engine",
    },
    help:
      "make this engine of libcrypto 3 the default for what it has, for example qatengine or afalg",
  },
  {
    name: "qat-min-bytes",
    value: "BYTES",
    default: `${DEFAULT_MINIMUM_BYTES}`,
    help:
      "where qat and another backend after it are listed, smaller symmetric requests go to that one; 0 sends all to qat",
  },
  {
    name: "pkcs11-module",
    value: "PATH",
    sets: {
      backend: "pkcs11",
      option: "module",
      form: /^[^,]+$/,
      expected: "the path of a PKCS#11 module",
    },
    help: "serve sessions with the token of this PKCS#11 module",
  },
  {
    name: "pkcs11-token",
    value: "TOKEN",
    default: "the only one",
    sets: {
      backend: "pkcs11",
      option: "token",
      form: /^[^,]+$/,
      expected: "a label, or pkcs11:token=LABEL",
    },
    help: "which token of the module: its label, or a PKCS#11 URI",
  },
  {
    name: "pkcs11-pin-file",
    value: "PATH",
    sets: {
      backend: "pkcs11",
      option: "pin-file",
      form: /^[^,]+$/,
      expected: "the path of a file with the PIN",
    },
    help: "log in to the token with the PIN in this file",
  },
  {
    name: "pkcs11-pin-fd",
    value: "N",
    sets: {
      backend: "pkcs11",
      option: "pin-fd",
      form: /^\d{1,7}$/,
      expected: "the number of an open descriptor",
    },
    help: "log in to the token with the PIN that this descriptor gives",
  },
  {
    name: "keys",
    value: "SOURCE",
    repeatable: true,
    help:
      "keys that guests may use and never have: a directory of PEM files, or private keys of the token of pkcs11 by a PKCS#11 URI; SIGURG has them read anew",
  },
  {
    name: "allow-key",
    value: "RULE",
    repeatable: true,
    help: `what a guest may do with a key of --keys: ${KEY_RULE_FORM}`,
  },
  {
    name: "queues",
    value: "N",
    default: `${DEFAULTS.queues}`,
    help: "data queues of each guest, 1 to 64",
  },
  {
    name: "threads",
    value: "N",
    default: "the processors that the process may use",
    help:
      "threads that serve the data queues of all guests, 1 to 256, but no more than there may be queues; they start with the first",
  },
  {
    name: "max-sessions",
    value: "N",
    repeatable: true,
    default: `${DEFAULTS.maxSessions}`,
    help: "sessions that one guest may hold, 1 to 1000000",
  },
  {
    name: "state",
    value: "CHOICE",
    default: "auto",
    help:
      "auto: guests outlive this process where somebody keeps what they need, systemd or supervise; off: they do not",
  },
  {
    name: "sessions-across-reset",
    value: "POLICY",
    default: "drop",
    help:
      "what a driver's reset does to its sessions: drop (as the standard has it), or keep, for guests that sleep with sessions open",
  },
  {
    name: "max-size",
    value: "BYTES",
    repeatable: true,
    default: `${DEFAULTS.maxSizeBytes}`,
    help:
      "largest sum of a request's variable parts (IV, source, destination, …), 4096 to 268435456",
  },
  {
    name: "max-memory",
    value: "BYTES",
    default: "as much as the guest shares",
    repeatable: true,
    help:
      "most memory of one guest that the device maps, 4096 to 140737488355328; a front-end that shares more is refused",
  },
  {
    name: "throttle-ops",
    value: "N",
    repeatable: true,
    help:
      "requests per second that one guest may have, 1 to 1000000000; what is more waits",
  },
  {
    name: "throttle-ops-burst",
    value: "N",
    default: "a tenth of --throttle-ops",
    repeatable: true,
    help: "requests that may come at once, 1 to 1000000000",
  },
  {
    name: "throttle-bps",
    value: "BYTES",
    repeatable: true,
    help:
      "bytes per second that the requests of one guest may bring, 1024 to 1000000000000; what is more waits",
  },
  {
    name: "throttle-bps-burst",
    value: "BYTES",
    default: "a tenth of --throttle-bps",
    repeatable: true,
    help: "bytes that may come at once, 1024 to 1000000000000",
  },
  {
    name: "unsealed-memory",
    value: "POLICY",
    default: "serve, where pages that are gone can be borne",
    help:
      "what becomes of a guest whose memory its front-end can shorten: refuse, or serve (its connection ends when it does)",
  },
  {
    name: "layout",
    value: "NAME",
    default: "virtio",
    help:
      "virtio: requests as virtio 1.1 to 1.4 have them; draft-9: as the v9 draft of 2016 had them",
  },
  {
    name: "session-layout",
    value: "NAME",
    default: "auto",
    help:
      "layout of QEMU's session messages: A (QEMU up to 7.0), B (7.1 to 8.0), C (from 8.1), or auto",
  },
  {
    name: "spin",
    value: "MICROSECONDS",
    default: `${DEFAULTS.spinMicroseconds}`,
    help:
      "how long a queue thread looks for more before it sleeps, where that makes the driver faster; 0 to 1000000",
  },
  {
    name: "allow-weak",
    help: "offer algorithms with known weaknesses too",
  },
  {
    name: "log-level",
    value: "LEVEL",
    default: "info",
    help:
      "error, warn, info (one line per life-cycle event) or debug (sessions too)",
  },
  {
    name: "log-format",
    value: "FORMAT",
    default: "text",
    help:
      "text, with the priorities of syslog where a journal takes it, or json: an object for each event",
  },
  {
    name: "print-capabilities",
    help:
      "print what QEMU's back-end conventions ask for, as JSON, and end; all else is ignored",
  },
  { name: "help", help: "print this text and end" },
] as const satisfies readonly OptionEntry[];

export type OptionName = (typeof SERVE_OPTIONS)[number]["name"];

const ENTRIES: readonly OptionEntry[] = SERVE_OPTIONS;

/** An option that sets an option of a backend. */
export type BackendOption = Extract<
  (typeof SERVE_OPTIONS)[number],
  { readonly sets: BackendOptionEntry }
>;

/** All options that set options of backends. */
export const BACKEND_OPTIONS: readonly BackendOption[] = SERVE_OPTIONS.filter(
  (option): option is BackendOption => "sets" in option,
);

/** `--queues N`, as help and README show an option. */
export function optionUsage(option: OptionEntry): string {
  return `--${option.name}${option.value ? ` ${option.value}` : ""}`;
}

/** The option list of `--help`. */
export function optionsAsText(): string {
  return ENTRIES.map((option) => {
    const shownDefault = option.default ? ` (default: ${option.default})` : "";
    return `  ${optionUsage(option)}\n      ${option.help}${shownDefault}`;
  }).join("\n");
}

/** The option table of the README. */
export function optionsAsMarkdown(): string {
  const rows = ENTRIES.map((option) =>
    `| \`${optionUsage(option)}\` | ${option.default ?? ""} | ${option.help} |`
  );
  return ["| option | default | meaning |", "| --- | --- | --- |", ...rows]
    .join("\n");
}
