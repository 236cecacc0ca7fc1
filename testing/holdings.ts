/**
 * What a device's process has of the system, apart from what the runtime has.
 *
 * @module
 */

import { eventually } from "./vhost_user_server.ts";

/**
 * Descriptors and mappings of the kinds that a device makes, gets or is given
 * back. How many others there are, pipes and files and memory without a name, is
 * the runtime's and the allocator's business, and changes as they please.
 */
export interface Holdings {
  readonly descriptors: number;
  readonly mappings: number;
}

const DESCRIPTOR = /^(\/memfd:|\/secretmem|socket:|anon_inode:\[eventfd\])/;
const MAPPING = /\/memfd:|\/secretmem/;

/** What the process `pid` holds now. */
export function holdingsOf(pid: number): Holdings {
  const folder = `/proc/${pid}/fd`;
  const isOwn = ({ name }: Deno.DirEntry) => {
    try {
      return DESCRIPTOR.test(Deno.readLinkSync(`${folder}/${name}`));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false; // Closed meanwhile.
      throw error;
    }
  };
  const maps = Deno.readTextFileSync(`/proc/${pid}/maps`).split("\n");
  return {
    descriptors: [...Deno.readDirSync(folder)].filter(isOwn).length,
    mappings: maps.filter((line) => MAPPING.test(line)).length,
  };
}

/**
 * Waits until the process `pid` holds no more than `bound`: what the last message
 * brought is closed when that has been handled.
 */
export function holdsNoMore(pid: number, bound: Holdings): Promise<void> {
  return eventually(
    () => {
      const { descriptors, mappings } = holdingsOf(pid);
      return descriptors <= bound.descriptors && mappings <= bound.mappings;
    },
    () =>
      `${JSON.stringify(holdingsOf(pid))}, no more than ${
        JSON.stringify(bound)
      }`,
  );
}
