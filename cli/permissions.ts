/**
 * What Deno has to let the program do, and what is missing of it.
 *
 * @module
 */

import { addressInWords, type HttpAddress } from "./http/http_address.ts";
import { UsageError } from "./option_values.ts";

/** Variables of the environment that the program reads. */
export const VARIABLES = [
  "INIT_CWD",
  "JOURNAL_STREAM",
  "LISTEN_FDNAMES",
  "LISTEN_FDS",
  "LISTEN_PID",
  "NOTIFY_SOCKET",
  "OTEL_DENO",
  "QAT_POLICY",
  "VHOST_CRYPTO_QAT_LIBRARY",
  "VHOST_CRYPTO_USDM_LIBRARY",
  "WATCHDOG_PID",
  "WATCHDOG_USEC",
] as const;

const PERMISSION_WORDS: readonly string[] = [
  "--allow-ffi",
  "--allow-read",
  `--allow-env=${VARIABLES.join(",")}`,
];

const isGranted = (permission: Deno.PermissionDescriptor): boolean =>
  Deno.permissions.querySync(permission).state === "granted";

/** A process for each socket has the same environment as the one that starts it. */
const ISOLATE_WORDS: readonly string[] = [
  "--allow-ffi",
  "--allow-read",
  "--allow-env",
  "--allow-run",
];

/** Where HTTP is answered. */
interface HttpPlace {
  readonly address: HttpAddress;
}

/** Which of the settings ask for more than others. */
export interface PermissionSettings {
  readonly isolate: boolean;
  readonly http?: HttpPlace | undefined;
}

/** What the program is started with. */
export const permissionWords = (
  { isolate, http }: PermissionSettings,
): readonly string[] =>
  isolate ? ISOLATE_WORDS : [
    ...PERMISSION_WORDS,
    ...(http ? httpPermissions(http) : []).map(([_, word]) => word),
  ];

/** What an address needs to be listened at. */
function httpPermissions({ address }: HttpPlace): readonly (readonly [
  permission: Deno.PermissionDescriptor,
  word: string,
])[] {
  const place = addressInWords(address);
  if (address.kind === "tcp") {
    return [[{ name: "net", host: place }, `--allow-net=${place}`]];
  }
  const host = `unix:${place}`;
  return [
    [{ name: "write", path: place }, `--allow-write=${place}`],
    [{ name: "net", host }, `--allow-net=${host}`],
  ];
}

/** Whether a variable of the environment may be read. */
export const mayRead = (variable: (typeof VARIABLES)[number]): boolean =>
  isGranted({ name: "env", variable });

/**
 * Looks for what serving needs, before a guest needs it.
 *
 * @throws {UsageError} for a permission that is missing
 */
export function requirePermissions(settings: PermissionSettings): void {
  const { isolate, http } = settings;
  const more = http ? httpPermissions(http) : [];
  const missing = [
    ...(["ffi", "read"] as const).filter((name) => !isGranted({ name })),
    ...(["run", "env"] as const).filter((name) =>
      isolate && !isGranted({ name })
    ),
  ].map((name) => `--allow-${name}`);
  for (const [permission, word] of more) {
    if (!isGranted(permission)) missing.push(word);
  }
  if (missing.length === 0) return;
  throw new UsageError(
    `Cannot ${isolate ? "isolate guests" : "serve"} without ` +
      `${missing.join(" ")}: expected deno run ${
        permissionWords(settings).join(" ")
      }`,
  );
}

/**
 * The permissions of this process, for one that goes on with its work; `http`
 * where that answers HTTP.
 */
export function ownPermissions(http?: HttpPlace): string[] {
  const whole =
    (["read", "write", "net", "env", "run", "sys", "ffi", "import"] as const)
      .filter((name) => isGranted({ name }));
  const words = whole.map((name) => `--allow-${name}`);
  for (const [{ name }, word] of http ? httpPermissions(http) : []) {
    if (!whole.some((one) => one === name)) words.push(word);
  }
  if (whole.includes("env")) return words;
  const variables = VARIABLES.filter((variable) =>
    isGranted({ name: "env", variable })
  );
  return variables.length > 0
    ? [...words, `--allow-env=${variables.join(",")}`]
    : words;
}
