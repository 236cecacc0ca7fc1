/**
 * What QuickAssist hardware this machine has, and what it lacks for it.
 *
 * @module
 */

import { loadedPath } from "../../ffi/loaded_library.ts";
import {
  nativeCompletion,
  scriptCompletion,
} from "../../ffi/qat_completion.ts";
import type { BackendOptions, Missing, Probe } from "../backend.ts";
import { messageOf } from "../error_message.ts";
import { librariesOf, QatDevice, QatError } from "./device.ts";
import { diagnose } from "./diagnosis.ts";
import { findOffers, type Found } from "./offers.ts";
import { minimumOf } from "./minimum.ts";
import { RetiredSessions } from "./retired_sessions.ts";

/** Looks for the libraries and a device; never throws, never hangs. */
export function probeQat(options: BackendOptions): Probe {
  const minimumBytes = minimumOf(options);
  if (typeof minimumBytes === "string") {
    const remedy = "set the option to a number of bytes";
    return unready(options, [{
      what: minimumBytes,
      remedy,
      option: "min-bytes",
    }]);
  }
  let device: QatDevice;
  try {
    device = new QatDevice(options);
  } catch (error) {
    const failure = error instanceof QatError
      ? error
      : new QatError("start", String(error), error);
    return unready(options, diagnose(failure, librariesOf(options)));
  }
  try {
    const [instance] = [...device.symmetric, ...device.publicKey];
    const { symmetric, publicKey } = device;
    const count = new Set([...symmetric, ...publicKey]).size;
    return {
      ready: true,
      version: `libqat, ${instance!.part} (${instance!.softwareVersion}), ` +
        `${count} instances`,
      library: loadedPath(device.qat.library),
      missing: [],
      ...offersOf(device, minimumBytes),
    };
  } catch (error) {
    return unready(options, [{
      what: `word from libqat of what it offers: ${messageOf(error)}`,
      remedy: "look at the device's state in sysfs or restart qat.service",
    }]);
  } finally {
    device.close();
  }
}

function offersOf(device: QatDevice, minimumBytes: number): Found {
  const callback = nativeCompletion() ?? scriptCompletion();
  try {
    return findOffers(
      {
        symbols: device.qat.symbols,
        usdm: device.usdm,
        symmetric: device.symmetric[0]?.handle ?? null,
        publicKey: device.publicKey[0]?.handle ?? null,
        callback: callback.pointer,
        retired: new RetiredSessions(),
      },
      device,
      minimumBytes,
    );
  } finally {
    callback.close();
  }
}

function unready(
  options: BackendOptions,
  missing: readonly Missing[],
): Probe {
  return {
    ready: false,
    version: "",
    library: librariesOf(options).qat,
    offers: [],
    missing,
    notOffered: {},
  };
}
