/**
 * The QAT backend: Intel QuickAssist hardware through libqat and libusdm.
 *
 * Options: `library` and `usdm`, paths of libqat and libusdm where they are not
 * found by their sonames (environment: `VHOST_CRYPTO_QAT_LIBRARY` and
 * `VHOST_CRYPTO_USDM_LIBRARY`); `deadline-ms`, how long the device may take for
 * a request (2000); `min-bytes`, from which size on symmetric requests come here
 * where another backend may have the smaller ones (2048).
 *
 * @module
 */

import {
  nativeCompletion,
  scriptCompletion,
} from "../../ffi/qat_completion.ts";
import {
  type BackendOptions,
  CONTRACT_VERSION,
  type OperationsBackend,
} from "../backend.ts";
import { QatDevice } from "./device.ts";
import { probeQat } from "./probe.ts";
import { QatThread } from "./thread.ts";

const DEFAULT_DEADLINE_MS = 2000;

function deadlineOf(options: BackendOptions): number {
  const text = options["deadline-ms"];
  if (text === undefined) return DEFAULT_DEADLINE_MS;
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new RangeError(
    `Cannot use deadline-ms "${text}": expected 1 to 9999999 milliseconds`,
  );
}

/** Opens the backend with a callback of one's choice; for tests. */
export function openWith(
  options: BackendOptions,
  completion = nativeCompletion() ?? scriptCompletion(),
): QatThread {
  const deadlineMs = deadlineOf(options);
  return new QatThread(new QatDevice(options), completion, deadlineMs);
}

const qat: OperationsBackend = {
  contract: CONTRACT_VERSION,
  name: "qat",
  probe: probeQat,
  open: (options) => openWith(options),
};

export default qat;
