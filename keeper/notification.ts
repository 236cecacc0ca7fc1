/**
 * The messages of systemd's notification protocol that a keeper takes
 * (sd_notify(3)): lines `NAME=VALUE`, with descriptors beside them.
 *
 * @module
 */

/** What one message says. */
export interface Notification {
  readonly ready: boolean;
  readonly stopping: boolean;
  readonly watchdog: boolean;
  /** Its descriptors are to be kept. */
  readonly store: boolean;
  /** What is kept by `name` is to be given up. */
  readonly storeRemove: boolean;
  readonly name: string | undefined;
  readonly status: string | undefined;
}

/** The longest name of a kept descriptor (FDNAME). */
const MAX_NAME_LENGTH = 255;

/** Whether descriptors can be kept by this name: no control characters, no `:`. */
export function isDescriptorName(name: string): boolean {
  return name.length <= MAX_NAME_LENGTH && /^[\x20-\x39\x3b-\x7e]+$/.test(name);
}

/** Reads a message; what it does not know it does not mind. */
export function parseNotification(text: string): Notification {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const at = line.indexOf("=");
    if (at > 0) values.set(line.slice(0, at), line.slice(at + 1));
  }
  const is = (name: string) => values.get(name) === "1";
  const name = values.get("FDNAME");
  return {
    ready: is("READY"),
    stopping: is("STOPPING"),
    watchdog: is("WATCHDOG"),
    store: is("FDSTORE"),
    storeRemove: is("FDSTOREREMOVE"),
    name: name !== undefined && isDescriptorName(name) ? name : undefined,
    status: values.get("STATUS"),
  };
}

/** A message that says `values`. */
export function formatNotification(
  values: Readonly<Record<string, string>>,
): string {
  return Object.entries(values).map(([name, value]) => `${name}=${value}`)
    .join("\n");
}
