/**
 * A device that moves to another host, and one that goes on in its place.
 *
 * @module
 */

import { wipeKeys } from "../../../algorithms/session_description.ts";
import type { Device } from "../../device.ts";
import { SessionRedo } from "../../session/session_redo.ts";
import {
  decodeDeviceState,
  type DeviceState,
  encodeDeviceState,
} from "../../state/device_state.ts";
import { loadAssociations, saveAssociations } from "./moved_associations.ts";
import { decodeConfigSpace } from "../../wire/config_space.ts";

/** The state of a device that nobody uses meanwhile; it holds keys. */
export function saveDevice(
  device: Device,
  { features, isGeneric }: Pick<DeviceState, "features" | "isGeneric">,
): Uint8Array<ArrayBuffer> {
  const { sessions } = device;
  const associations = saveAssociations(device);
  const state = encodeDeviceState({
    features,
    isGeneric,
    layout: device.mode.layout,
    config: device.readConfig(),
    nextId: sessions.newestId + 1,
    sessions: [...sessions.current()],
    associations,
  });
  associations.fill(0);
  return state;
}

/**
 * Makes a device go on as another has left it, in `bytes`, whoever has written
 * them. Sessions are placed anew, by this device's rules and among its backends;
 * one that none of them takes is one too many. Returns why it cannot: then it has
 * no sessions.
 */
export async function loadDevice(
  device: Device,
  bytes: Uint8Array,
  isGeneric: boolean,
): Promise<string | undefined> {
  const { sessions } = device;
  sessions.clear();
  const state = decodeDeviceState(bytes);
  if (typeof state === "string") return state;
  const problem = findMissing(device, state, isGeneric) ??
    loadAssociations(device, state.associations);
  if (problem !== undefined) {
    for (const { description } of state.sessions) wipeKeys(description);
    state.associations.fill(0);
    return problem;
  }
  const nextId = Math.max(state.nextId, sessions.newestId + 1);
  const redo = new SessionRedo();
  const lost = await sessions.takeOver(state.sessions, nextId, redo);
  if (lost.length === 0) return undefined;
  sessions.clear();
  device.resetAdministration();
  return lost.length === 1
    ? lost[0]
    : `${lost.length} sessions, the first of them ${lost[0]}`;
}

/** What the driver was told it has, and this device has not. */
function findMissing(
  device: Device,
  { features, isGeneric, layout, config }: DeviceState,
  isGenericHere: boolean,
): string | undefined {
  if (isGeneric !== isGenericHere) {
    return "the front-end is one that has a control queue, or the other was";
  }
  if (layout !== device.mode.layout) return `the layout ${layout}`;
  const missing = features & ~device.offeredFeatures;
  if (missing !== 0n) return `features 0x${missing.toString(16)}`;
  const own = device.readConfig();
  if (config.length !== own.length) {
    return `a config space of ${config.length} bytes, expected ${own.length}`;
  }
  const told = decodeConfigSpace(config, layout);
  const has = decodeConfigSpace(own, layout);
  const services = told.services & ~has.services;
  if (services !== 0) return `services 0x${services.toString(16)}`;
  const short = LIMITS.find(([_, limit]) => told[limit] > has[limit]);
  if (!short) return undefined;
  const [name, limit] = short;
  return `${name} of ${told[limit]}, and this device has ${has[limit]}`;
}

const LIMITS = [
  ["max_dataqueues", "maxDataQueues"],
  ["max_cipher_key_len", "maxCipherKeyBytes"],
  ["max_auth_key_len", "maxAuthKeyBytes"],
  ["max_size", "maxSizeBytes"],
] as const;
