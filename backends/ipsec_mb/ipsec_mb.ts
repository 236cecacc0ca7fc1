/**
 * The ipsec-mb backend: Intel Multi-Buffer (libIPSec_MB) through FFI. Requests
 * of one burst are interleaved in the processor, whatever their sessions.
 *
 * Option `library`: path of libIPSec_MB where it is not found by its soname.
 *
 * @module
 */

import type { SessionDescription } from "../../algorithms/session_description.ts";
import type { IpsecMb } from "../../ffi/ipsec_mb.ts";
import {
  type BackendOptions,
  type BurstsBackend,
  type BurstThread,
  CONTRACT_VERSION,
} from "../backend.ts";
import {
  BURST_WORDS,
  BurstField,
  type RequestBurst,
} from "../request_burst.ts";
import { KeptOperations } from "../kept_operations.ts";
import type { SlotOperation } from "../slot_operation.ts";
import { openAeadSession } from "./aead_session.ts";
import { openChainSession } from "./chain_session.ts";
import {
  CIPHER_WORDS,
  CipherRecords,
  CipherWord,
  CLASS_WORDS,
  ClassWord,
} from "./cipher_records.ts";
import { IpsecMbCipherSession, openCipherSession } from "./cipher_session.ts";
import { openHashSession, openMacSession } from "./digest_session.ts";
import { RegionAddresses } from "./native_memory.ts";
import { openLibrary, probeIpsecMb } from "./probe.ts";
import { JobRunner } from "./runner.ts";
import type { IpsecMbSession } from "./session.ts";

function open(
  runner: JobRunner,
  description: SessionDescription,
): IpsecMbSession {
  switch (description.service) {
    case "cipher":
      return openCipherSession(runner, description);
    case "chain":
      return openChainSession(runner, description);
    case "hash":
      return openHashSession(runner, description);
    case "mac":
      return openMacSession(runner, description);
    case "aead":
      return openAeadSession(runner, description);
    case "akcipher":
      throw new Error("ipsec-mb has no public-key algorithm");
  }
}

// The engine folds constants of a module of its own only.
const WORDS = BURST_WORDS;
const SESSION = BurstField.Session;
const SHAPE = BurstField.Shape;
const RECORD = CIPHER_WORDS;
const CLASS_OF = CipherWord.Class;
const CLASS = CLASS_WORDS;
const QUEUE = ClassWord.Queue;

class IpsecMbThread implements BurstThread {
  readonly #library: IpsecMb;
  readonly #runner: JobRunner;
  /** By number; what a job of a cipher takes of them is in the records. */
  readonly #sessions: (IpsecMbSession | undefined)[] = [];
  readonly #records = new CipherRecords();
  readonly #addresses = new RegionAddresses();
  readonly #operations = new KeptOperations();
  /** The requests of a call that do not go the short way. */
  readonly #careful: SlotOperation[] = [];

  constructor(options: BackendOptions) {
    this.#library = openLibrary(options);
    this.#runner = new JobRunner(this.#library);
  }

  openSession(description: SessionDescription, number: number): void {
    const session = open(this.#runner, description);
    this.#runner.finish();
    this.#sessions[number] = session;
    if (session instanceof IpsecMbCipherSession) {
      const { kernel, kind, queue } = session;
      this.#records.set(number, kernel, kind, queue);
    } else this.#records.set(number);
  }

  closeSession(number: number): void {
    const session = this.#sessions[number];
    if (!session) return;
    this.#sessions[number] = undefined;
    this.#records.set(number);
    session.close();
  }

  run(
    burst: RequestBurst,
    slots: Int32Array<ArrayBuffer>,
    count: number,
  ): void {
    try {
      const careful = this.#start(burst, slots, count);
      this.#runner.finish();
      for (let i = 0; i < careful; i++) this.#careful[i]!.settle();
    } catch (error) {
      this.#runner.abandon();
      throw error;
    }
  }

  /** Makes jobs of requests; how many of them have gone the careful way. */
  #start(
    burst: RequestBurst,
    slots: Int32Array<ArrayBuffer>,
    count: number,
  ): number {
    const { fields } = burst;
    const records = this.#records;
    const { words, classes } = records;
    const addresses = this.#addresses.of(burst.regions);
    const { cipherQueues } = this.#runner;
    let careful = 0;
    let i = 0;
    while (i < count) {
      const slot = slots[i]!;
      const number = fields[WORDS * slot + SESSION]!;
      const queue =
        classes[CLASS * words[RECORD * number + CLASS_OF]! + QUEUE]!;
      const next = queue === 0
        ? this.#sessions[number]!.jobs
          .takeAlike(burst, slots, i, count, addresses)
        : cipherQueues[queue - 1]!
          .take(burst, slots, i, count, addresses, records, queue);
      if (next > i) {
        i = next;
        continue;
      }
      const session = this.#sessions[number]!;
      const isShaped = fields[WORDS * slot + SHAPE] !== 0;
      if (isShaped && session.prepare?.(burst, slot)) continue;
      const operation = this.#operations.fill(burst, slot);
      this.#careful[careful++] = operation;
      session.start(operation);
      i++;
    }
    return careful;
  }

  close(): void {
    for (const session of this.#sessions) session?.close();
    this.#sessions.length = 0;
    this.#runner.close();
    this.#library.close();
  }
}

const ipsecMb: BurstsBackend = {
  contract: CONTRACT_VERSION,
  name: "ipsec-mb",
  runs: "bursts",
  probe: probeIpsecMb,
  open: (options) => new IpsecMbThread(options),
};

export default ipsecMb;
