/**
 * libqat: the functions of Intel's QuickAssist library that the project calls.
 * Each parameter carries its C name.
 *
 * @module
 */

import {
  BoundedCall,
  functionAddress,
  ProcessLock,
  sendCOutputToStderr,
} from "./native_call.ts";
import { CPA, CpaBufferList, CpaFlatBuffer } from "./qat_layout.ts";

/** What it is found by where no path is given; 24.02 to 26.08 have it. */
export const QAT_SONAME = "libqat.so.4";

const P = "pointer";
const B = "buffer";

const HANDLE = [P /* instanceHandle */] as const;
const QUERY = {
  parameters: [...HANDLE, B /* pCapInfo, pInstanceInfo2 */],
  result: "i32",
} as const;

const SYMBOLS = {
  icp_sal_userStop: { parameters: [], result: "i32" },
  icp_sal_poll_device_events: { parameters: [], result: "i32" },
  icp_sal_CyPollInstance: {
    parameters: [P, /* instanceHandle */ "u32" /* response_quota */],
    result: "i32",
  },
  cpaGetNumInstances: {
    parameters: ["i32", /* accelerationServiceType */ B /* pNumInstances */],
    result: "i32",
  },
  cpaGetInstances: {
    parameters: [
      "i32", /* accelerationServiceType */
      "u16", /* numInstances */
      B, /* cpaInstances */
    ],
    result: "i32",
  },
  cpaCyInstanceGetInfo2: QUERY,
  cpaCyQueryCapabilities: QUERY,
  cpaCySymQueryCapabilities: QUERY,
  cpaCySetAddressTranslation: {
    parameters: [P, /* instanceHandle */ P /* virtual2Physical */],
    result: "i32",
  },
  cpaCyStartInstance: { parameters: HANDLE, result: "i32" },
  cpaCyBufferListGetMetaSize: {
    parameters: [P, /* instanceHandle */ "u32", /* numBuffers */ B /* pSize */],
    result: "i32",
  },
  cpaCySymSessionCtxGetSize: {
    parameters: [
      P, /* instanceHandle */
      B, /* pSessionSetupData */
      B, /* pSessionCtxSizeInBytes */
    ],
    result: "i32",
  },
  cpaCySymInitSession: {
    parameters: [
      P, /* instanceHandle */
      P, /* pSymCb */
      B, /* pSessionSetupData */
      P, /* sessionCtx */
    ],
    result: "i32",
  },
  cpaCySymRemoveSession: {
    parameters: [P, /* instanceHandle */ P /* pSessionCtx */],
    result: "i32",
  },
  cpaCySymPerformOp: {
    parameters: [
      P, /* instanceHandle */
      P, /* pCallbackTag */
      P, /* pOpData */
      P, /* pSrcBuffer */
      P, /* pDstBuffer */
      P, /* pVerifyResult */
    ],
    result: "i32",
  },
  cpaCyRsaEncrypt: {
    parameters: [
      P, /* instanceHandle */
      P, /* pRsaEncryptCb */
      P, /* pCallbackTag */
      P, /* pEncryptOpData */
      P, /* pOutputData */
    ],
    result: "i32",
  },
  cpaCyRsaDecrypt: {
    parameters: [
      P, /* instanceHandle */
      P, /* pRsaDecryptCb */
      P, /* pCallbackTag */
      P, /* pDecryptOpData */
      P, /* pOutputData */
    ],
    result: "i32",
  },
  cpaCyEcdsaSignRS: {
    parameters: [
      P, /* instanceHandle */
      P, /* pCb */
      P, /* pCallbackTag */
      P, /* pOpData */
      P, /* pSignStatus */
      P, /* pR */
      P, /* pS */
    ],
    result: "i32",
  },
  cpaCyEcdsaVerify: {
    parameters: [
      P, /* instanceHandle */
      P, /* pCb */
      P, /* pCallbackTag */
      P, /* pOpData */
      P, /* pVerifyStatus */
    ],
    result: "i32",
  },
} as const;

export type Libqat = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** Instances for both kinds of cryptography, or for one. */
export const CRYPTO_SERVICES: readonly number[] = [
  CPA.CPA_ACC_SVC_TYPE_CRYPTO,
  CPA.CPA_ACC_SVC_TYPE_CRYPTO_SYM,
  CPA.CPA_ACC_SVC_TYPE_CRYPTO_ASYM,
];

/** The section of the device's configuration; "SSL" is the custom. */
const PROCESS_NAME = "SSL";

/** A start that has not come back; it holds the lock of starts. */
let pendingStart: BoundedCall | undefined;

/** libqat, opened; libusdm has been opened before it. */
export class Qat {
  readonly library: string;
  readonly symbols: Libqat;
  readonly #opened: Deno.DynamicLibrary<typeof SYMBOLS>;

  /** Throws where the library cannot be opened or lacks a function. */
  constructor(library = QAT_SONAME) {
    this.library = library;
    this.#opened = Deno.dlopen(library, SYMBOLS);
    this.symbols = this.#opened.symbols;
    sendCOutputToStderr();
  }

  /**
   * Starts the library, unless this process has started it. It answers within
   * about `timeoutMs`; `undefined` when the library does not, as when its manager
   * accepts a connection and says nothing.
   *
   * Libraries up to 24.02 do not stand two threads that start at once, and count
   * no more than 64 starts: so there is one, for as long as the process lives.
   */
  start(timeoutMs: number): number | undefined {
    const lock = new ProcessLock();
    if (!pendingStart) {
      if (!lock.take(timeoutMs)) return undefined;
      if (this.#isStarted()) {
        lock.giveBack();
        return CPA.CPA_STATUS_SUCCESS;
      }
      pendingStart = new BoundedCall(
        functionAddress(this.library, "icp_sal_userStart"),
        PROCESS_NAME,
      );
    }
    const status = pendingStart.wait(timeoutMs);
    if (status === undefined) return undefined;
    pendingStart = undefined;
    lock.giveBack();
    return status;
  }

  #isStarted(): boolean {
    return CRYPTO_SERVICES.some((service) =>
      this.instances(service).length > 0
    );
  }

  /** The instances of a service; none where it has none. */
  instances(service: number): Deno.PointerObject[] {
    const count = new Uint16Array(1);
    if (this.symbols.cpaGetNumInstances(service, count) !== 0) return [];
    const handles = new BigUint64Array(count[0]!);
    if (
      handles.length === 0 ||
      this.symbols.cpaGetInstances(service, handles.length, handles) !== 0
    ) return [];
    return [...handles].map((handle) => Deno.UnsafePointer.create(handle)!);
  }

  /** Ends a start that has brought no instance. */
  stop(): void {
    this.symbols.icp_sal_userStop();
  }

  close(): void {
    this.#opened.close();
  }
}

/** Writes the address `address` (below 2^53) at `at`. */
export function writeAddress(
  view: DataView,
  at: number,
  address: number,
): void {
  view.setUint32(at, address >>> 0, true);
  view.setUint32(at + 4, Math.floor(address / 2 ** 32), true);
}

/** Writes a CpaFlatBuffer at `at`. */
export function writeFlatBuffer(
  view: DataView,
  at: number,
  address: number,
  lengthBytes: number,
): void {
  view.setUint32(at + CpaFlatBuffer.dataLenInBytes, lengthBytes, true);
  writeAddress(view, at + CpaFlatBuffer.pData, address);
}

/** Writes a CpaBufferList of one buffer at `at`. */
export function writeBufferList(
  view: DataView,
  at: number,
  flatBufferAddress: number,
  metaDataAddress: number,
): void {
  view.setUint32(at + CpaBufferList.numBuffers, 1, true);
  writeAddress(view, at + CpaBufferList.pBuffers, flatBufferAddress);
  writeAddress(view, at + CpaBufferList.pUserData, 0);
  writeAddress(view, at + CpaBufferList.pPrivateMetaData, metaDataAddress);
}
