/**
 * libqat and libusdm as one thread has opened and started them, and the
 * instances that they have.
 *
 * @module
 */

import { functionAddress } from "../../ffi/native_call.ts";
import { CRYPTO_SERVICES, Qat, QAT_SONAME } from "../../ffi/qat.ts";
import {
  CPA,
  CpaCyCapabilitiesInfo as CAPABILITIES,
  CpaCySymCapabilitiesInfo as SYMMETRIC,
  CpaInstanceInfo2 as INFO,
} from "../../ffi/qat_layout.ts";
import { Usdm, USDM_SONAME } from "../../ffi/usdm.ts";
import type { BackendOptions } from "../backend.ts";
import { messageOf } from "../error_message.ts";
import { META_DATA_ROOM_BYTES } from "./slots.ts";

/** How long the library may take to start; on hardware it takes well under it. */
const START_LIMIT_MS = 1500;

/** Environment variables that name the libraries. */
export const QAT_VARIABLE = "VHOST_CRYPTO_QAT_LIBRARY";
export const USDM_VARIABLE = "VHOST_CRYPTO_USDM_LIBRARY";

/** Which part of getting at a device failed. */
export type Step = "usdm" | "libqat" | "start" | "silent" | "instances";

/** The device cannot be had; `step` says at what. */
export class QatError extends Error {
  override readonly name = "QatError";
  readonly step: Step;

  constructor(step: Step, message: string, cause?: unknown) {
    super(message, { cause });
    this.step = step;
  }
}

/** One instance and what it can do. */
export interface Instance {
  readonly handle: Deno.PointerObject;
  readonly part: string;
  readonly softwareVersion: string;
  /** Bit numbers are those of the library's ciphers and hashes. */
  readonly ciphers: number;
  readonly hashes: number;
  readonly hasSymmetric: boolean;
  readonly hasRsa: boolean;
  readonly hasEcdsa: boolean;
}

/** Where the two libraries are, by option, environment or soname. */
export function librariesOf(
  options: BackendOptions,
): { qat: string; usdm: string } {
  const qat = options["library"] ?? environment(QAT_VARIABLE) ??
    QAT_SONAME;
  const usdm = options["usdm"] ?? environment(USDM_VARIABLE) ??
    (qat.includes("/")
      ? `${qat.slice(0, qat.lastIndexOf("/") + 1)}${USDM_SONAME}`
      : USDM_SONAME);
  return { qat, usdm };
}

function environment(name: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? Deno.env.get(name) : undefined;
}

function attempt<T>(step: Step, make: () => T): T {
  try {
    return make();
  } catch (error) {
    const message = messageOf(error);
    throw new QatError(step, message, error);
  }
}

/** The libraries, started; each thread opens them for itself. */
export class QatDevice {
  readonly qat: Qat;
  readonly usdm: Usdm;
  readonly symmetric: readonly Instance[];
  readonly publicKey: readonly Instance[];

  /** Throws {@linkcode QatError}. */
  constructor(options: BackendOptions) {
    const paths = librariesOf(options);
    // libqat finds libusdm by its soname, once that has been loaded by its path.
    this.usdm = attempt("usdm", () => new Usdm(paths.usdm));
    try {
      this.qat = attempt("libqat", () => new Qat(paths.qat));
    } catch (error) {
      this.usdm.close();
      throw error;
    }
    try {
      this.#start();
      const translate = functionAddress(paths.usdm, "qaeVirtToPhysNUMA");
      const instances = this.#findInstances();
      for (const { handle } of instances) this.#prepare(handle, translate);
      this.symmetric = instances.filter((one) => one.hasSymmetric);
      this.publicKey = instances.filter((one) => one.hasRsa || one.hasEcdsa);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #start(): void {
    const status = this.qat.start(START_LIMIT_MS);
    if (status === undefined) {
      throw new QatError(
        "silent",
        `icp_sal_userStart() has not answered for ${START_LIMIT_MS} ms`,
      );
    }
    if (status !== CPA.CPA_STATUS_SUCCESS) {
      throw new QatError("start", `icp_sal_userStart() returned ${status}`);
    }
  }

  /** Instances of both services, or of one where a device has only that. */
  #findInstances(): Instance[] {
    const handles = CRYPTO_SERVICES.flatMap((service) =>
      this.qat.instances(service)
    );
    const instances = handles.map((handle) => this.#describe(handle))
      .filter((instance) => instance !== undefined);
    if (instances.length > 0) return instances;
    this.qat.stop();
    throw new QatError(
      "instances",
      "libqat started, but has no polled crypto instance",
    );
  }

  /** `undefined` for an instance that is not polled: nobody would answer. */
  #describe(handle: Deno.PointerObject): Instance | undefined {
    const { symbols } = this.qat;
    const info = new Uint8Array(INFO.sizeof);
    const capabilities = new Uint8Array(CAPABILITIES.sizeof);
    const symmetric = new Uint8Array(SYMMETRIC.sizeof);
    const hasInfo = symbols.cpaCyInstanceGetInfo2(handle, info) === 0 &&
      symbols.cpaCyQueryCapabilities(handle, capabilities) === 0;
    const has = (bytes: Uint8Array, at: number) =>
      new DataView(bytes.buffer).getUint32(at, true);
    if (!hasInfo || has(info, INFO.isPolled) === 0) return undefined;
    const hasSymmetric = has(capabilities, CAPABILITIES.symSupported) !== 0 &&
      symbols.cpaCySymQueryCapabilities(handle, symmetric) === 0;
    return {
      handle,
      part: text(info, INFO.partName),
      softwareVersion: text(info, INFO.swVersion),
      ciphers: hasSymmetric ? has(symmetric, SYMMETRIC.ciphers) : 0,
      hashes: hasSymmetric ? has(symmetric, SYMMETRIC.hashes) : 0,
      hasSymmetric,
      hasRsa: has(capabilities, CAPABILITIES.rsaSupported) !== 0,
      hasEcdsa: has(capabilities, CAPABILITIES.ecdsaSupported) !== 0,
    };
  }

  #prepare(handle: Deno.PointerObject, translate: Deno.PointerObject): void {
    const { symbols } = this.qat;
    const metaData = new Uint32Array(1);
    const ok = symbols.cpaCySetAddressTranslation(handle, translate) === 0 &&
      symbols.cpaCyStartInstance(handle) === 0 &&
      symbols.cpaCyBufferListGetMetaSize(handle, 1, metaData) === 0;
    if (ok && metaData[0]! <= META_DATA_ROOM_BYTES) return;
    throw new QatError("instances", "libqat cannot start an instance");
  }

  /** The library stays started: other threads may use it. */
  close(): void {
    this.qat.close();
    this.usdm.close();
  }
}

function text(bytes: Uint8Array, at: number): string {
  const end = bytes.indexOf(0, at);
  return new TextDecoder().decode(bytes.subarray(at, Math.min(end, at + 64)));
}
