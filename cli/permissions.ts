/**
 * What Deno has to let the program do, and what is missing of it.
 *
 * @module
 */

import { UsageError } from "./option_values.ts";

/** Variables of the environment that the program reads. */
export const VARIABLES = [
  "INIT_CWD",
  "JOURNAL_STREAM",
  "LISTEN_FDNAMES",
  "LISTEN_FDS",
  "LISTEN_PID",
  "NOTIFY_SOCKET",
  "QAT_POLICY",
  "VHOST_CRYPTO_QAT_LIBRARY",
  "VHOST_CRYPTO_USDM_LIBRARY",
  "WATCHDOG_PID",
  "WATCHDOG_USEC",
] as const;

/** What the program is started with. */
export const PERMISSION_WORDS: readonly string[] = [
  "--allow-ffi",
  "--allow-read",
  `--allow-env=${VARIABLES.join(",")}`,
];

const isGranted = (permission: Deno.PermissionDescriptor): boolean =>
  Deno.permissions.querySync(permission).state === "granted";

/** Whether a variable of the environment may be read. */
export const mayRead = (variable: (typeof VARIABLES)[number]): boolean =>
  isGranted({ name: "env", variable });

/**
 * Looks for what serving needs, before a guest needs it.
 *
 * @throws {UsageError} for a permission that is missing
 */
export function requirePermissions({ isolate }: { isolate: boolean }): void {
  const missing = [
    ...(["ffi", "read"] as const).filter((name) => !isGranted({ name })),
    // A process of each socket has the same environment.
    ...(["run", "env"] as const).filter((name) =>
      isolate && !isGranted({ name })
    ),
  ].map((name) => `--allow-${name}`);
  if (missing.length === 0) return;
  throw new UsageError(
    `Cannot ${isolate ? "isolate guests" : "serve"} without ` +
      `${missing.join(" ")}: expected deno run ${
        isolate
          ? "--allow-ffi --allow-read --allow-env --allow-run"
          : PERMISSION_WORDS.join(" ")
      }`,
  );
}

/** The permissions of this process, for one that goes on with its work. */
export function ownPermissions(): string[] {
  const whole =
    (["read", "write", "net", "env", "run", "sys", "ffi", "import"] as const)
      .filter((name) => isGranted({ name }));
  const words = whole.map((name) => `--allow-${name}`);
  if (whole.includes("env")) return words;
  const variables = VARIABLES.filter((variable) =>
    isGranted({ name: "env", variable })
  );
  return variables.length > 0
    ? [...words, `--allow-env=${variables.join(",")}`]
    : words;
}
