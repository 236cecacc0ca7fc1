/**
 * Options: what a guest gets.
 *
 * @module
 */

import { ACROSS_RESET } from "../../device/session/session_table.ts";
import { UNSEALED_MEMORY } from "../../device/transport/vhost_user/memory_guard.ts";
import { LAYOUTS } from "../../device/wire/mode.ts";
import { WITHHOLDABLE } from "../../device/withheld.ts";
import { DEFAULTS } from "./defaults.ts";
import type { OptionEntry } from "./option_entry.ts";

export const SESSION_LAYOUTS = ["auto", "A", "B", "C"] as const;

export const GUEST_OPTIONS = [
  {
    name: "without",
    value: "LIST",
    repeatable: true,
    help: `features and services that are not offered, with commas: ${
      WITHHOLDABLE.join(", ")
    }; what needs one of them is not offered either`,
  },
  {
    name: "allow-weak",
    help: "offer algorithms with known weaknesses too",
  },
  {
    name: "ipsec",
    help:
      "offer the IPSEC service, with its administration queue as the ring behind the control queue: for a front-end of one's own that knows where it is; Linux under QEMU gives the whole device up",
  },
  {
    name: "layout",
    value: "NAME",
    choices: LAYOUTS,
    default: "virtio",
    help:
      "virtio: requests as virtio 1.1 to 1.4 have them; draft-9: as the v9 draft of 2016 had them",
  },
  {
    name: "session-layout",
    value: "NAME",
    choices: SESSION_LAYOUTS,
    default: "auto",
    help:
      "layout of QEMU's session messages: A (QEMU up to 7.0), B (7.1 to 8.0), C (from 8.1), or auto",
  },
  {
    name: "queues",
    value: "N",
    default: `${DEFAULTS.queues}`,
    help: "data queues of each guest, 1 to 64",
  },
  {
    name: "max-sessions",
    value: "N",
    repeatable: true,
    default: `${DEFAULTS.maxSessions}`,
    help: "sessions that one guest may hold, 1 to 1000000",
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
    name: "sessions-across-reset",
    value: "POLICY",
    choices: ACROSS_RESET,
    default: "drop",
    help:
      "what a driver's reset does to its sessions: drop (as the standard has it), or keep, for guests that sleep with sessions open",
  },
  {
    name: "unsealed-memory",
    value: "POLICY",
    choices: UNSEALED_MEMORY,
    default: "serve, where pages that are gone can be borne",
    help:
      "what becomes of a guest whose memory its front-end can shorten: refuse, or serve (its connection ends when it does)",
  },
] as const satisfies readonly OptionEntry[];
