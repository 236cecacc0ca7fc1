/**
 * Descriptors that whoever started this process has handed over, and their names
 * (sd_listen_fds(3)).
 *
 * @module
 */

/** One of them. */
export interface InheritedDescriptor {
  readonly fd: number;
  readonly name: string;
}

/** The first descriptor that is handed over (SD_LISTEN_FDS_START). */
export const FIRST_FD = 3;
/** More descriptors than a process may have open. */
const MOST = 1 << 20;
const UNNAMED = "unknown";

/** Variables of the environment, as far as they exist. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What has been handed over to the process `processId`, in the order of its
 * descriptors; nothing where that was another process.
 *
 * @throws {RangeError} where the environment contradicts itself
 */
export function inheritedDescriptors(
  environment: Environment,
  processId: number,
): InheritedDescriptor[] {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES } = environment;
  if (LISTEN_FDS === undefined || LISTEN_PID !== `${processId}`) return [];
  const count = /^\d+$/.test(LISTEN_FDS) ? Number(LISTEN_FDS) : NaN;
  if (!(count <= MOST)) {
    throw new RangeError(
      `Cannot use LISTEN_FDS "${LISTEN_FDS}": expected a number of descriptors`,
    );
  }
  const names = LISTEN_FDNAMES?.split(":") ?? [];
  if (LISTEN_FDNAMES !== undefined && count > 0 && names.length !== count) {
    throw new RangeError(
      `Cannot use LISTEN_FDNAMES with ${names.length} names: expected ` +
        `LISTEN_FDS, ${count}, of them`,
    );
  }
  return Array.from({ length: count }, (_, i) => ({
    fd: FIRST_FD + i,
    name: names[i] ?? UNNAMED,
  }));
}
