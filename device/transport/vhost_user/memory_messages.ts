/**
 * The messages that share guest memory and take it back.
 *
 * @module
 */

import { MAX_GUEST_REGIONS } from "../../ring/guest_memory.ts";
import type { Guest } from "./guest.ts";
import type { MessageHandlers } from "./message_handlers.ts";
import type { Message } from "./messages.ts";
import { type Outcome, Refused } from "./outcome.ts";
import {
  decodeMemoryTable,
  decodeSingleRegion,
  encodeUint64,
} from "./payloads.ts";

/** Handles the memory messages of one front-end. */
export function memoryHandlers(guest: Guest) {
  const changed = async (problem: string | undefined): Promise<Outcome> => {
    if (problem !== undefined) return new Refused(problem);
    await guest.memoryChanged();
    return undefined;
  };
  return {
    SetMemTable: ({ view, fds }: Message) => {
      const regions = decodeMemoryTable(view);
      if (!regions) return new Refused("more regions than the payload has");
      return fds.length < regions.length
        ? new Refused(`${fds.length} descriptors for ${regions.length} regions`)
        : changed(guest.memory.replace(regions, fds));
    },
    GetMaxMemSlots: () => encodeUint64(MAX_GUEST_REGIONS),
    AddMemReg: async ({ view, fds }: Message) => {
      const problem = guest.memory.add(decodeSingleRegion(view), fds[0]!);
      if (problem !== undefined) return new Refused(problem);
      await guest.memoryGrew();
      return undefined;
    },
    RemMemReg: ({ view }: Message) =>
      changed(guest.memory.remove(decodeSingleRegion(view))),
  } satisfies Partial<MessageHandlers>;
}
