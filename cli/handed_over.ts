/**
 * What this process was started with: by systemd, by `supervise`, by nobody.
 *
 * @module
 */

import {
  type InheritedDescriptor,
  inheritedDescriptors,
} from "../keeper/inherited.ts";
import { UsageError } from "./option_values.ts";

/** All that is kept for this process has a name that begins so. */
export const KEPT = "vdc.";

const VARIABLES = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"];

/** Variables of the environment, as far as they may be read. */
export function environmentOf(
  names: readonly string[],
): Record<string, string | undefined> {
  const environment: Record<string, string | undefined> = {};
  for (const variable of names) {
    const { state } = Deno.permissions.querySync({ name: "env", variable });
    if (state === "granted") environment[variable] = Deno.env.get(variable);
  }
  return environment;
}

function all(): readonly InheritedDescriptor[] {
  try {
    return inheritedDescriptors(environmentOf(VARIABLES), Deno.pid);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError(error.message);
  }
}

/**
 * The sockets that have been handed over.
 *
 * @throws {UsageError} for an environment that contradicts itself
 */
export function socketsHandedOver(): readonly InheritedDescriptor[] {
  return all().filter(({ name }) => !name.startsWith(KEPT));
}

/** What the process before has left. */
export function keptDescriptors(): readonly InheritedDescriptor[] {
  return all().filter(({ name }) => name.startsWith(KEPT));
}
