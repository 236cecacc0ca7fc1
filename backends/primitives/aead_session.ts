/**
 * AEAD sessions.
 *
 * @module
 */

import { algorithmByName } from "../../algorithms/catalogue.ts";
import { copyKey } from "../../algorithms/key_bytes.ts";
import {
  dataFits,
  type DataLimit,
  dataLimit,
} from "../../algorithms/legality.ts";
import type { AeadSession } from "../../algorithms/session_description.ts";
import { Region } from "../../memory/region.ts";
import type { Segments } from "../../memory/segments.ts";
import { type Operation, OperationStatus } from "../backend.ts";
import { MAXIMUM_BYTES } from "./pieces.ts";
import type { Aead, PrimitiveSession } from "./primitives.ts";
import { GcmJ0, J0_BYTES } from "./gcm_j0.ts";
import { Scratch } from "../scratch.ts";
import { complete, fail, type ThreadContext } from "./session.ts";

export class PrimitiveAeadSession implements PrimitiveSession {
  readonly #thread: ThreadContext;
  readonly #encrypts: boolean;
  readonly #limit: DataLimit;
  readonly #aead: Aead;
  /** GCM only: kept for `#withJ0`. */
  readonly #key: Uint8Array | undefined;
  /** GCM with J0, made when a request first asks for it. */
  #withJ0: Aead | undefined;
  readonly #tag: Uint8Array<ArrayBuffer>;
  readonly #tagRegion: Region;
  readonly #lengths = { ivBytes: 0, additionalBytes: 0, dataBytes: 0 };
  readonly #additionalData = new Scratch();

  constructor(thread: ThreadContext, description: AeadSession) {
    const { algorithm, key, tagBytes } = description;
    this.#thread = thread;
    this.#encrypts = description.direction === "encrypt";
    this.#limit = dataLimit(algorithmByName("aead", algorithm)!);
    this.#tag = new Uint8Array(new ArrayBuffer(tagBytes));
    this.#tagRegion = new Region(this.#tag);
    this.#aead = thread.primitives.makeAead(
      algorithm,
      key,
      this.#encrypts,
      tagBytes,
    );
    if (algorithm === "gcm" && !this.#aead.takesPreCounterBlock) {
      this.#key = copyKey(key);
    }
  }

  #aeadFor(ivBytes: number): Aead {
    if (!this.#key || ivBytes !== J0_BYTES) return this.#aead;
    return this.#withJ0 ??= new GcmJ0(
      this.#thread.primitives,
      this.#key,
      this.#encrypts,
    );
  }

  perform(operation: Operation): void {
    const { source, destination, digest } = operation;
    const { primitives, worker } = this.#thread;
    if (
      destination.totalBytes !== source.totalBytes ||
      source.totalBytes > MAXIMUM_BYTES ||
      // A library would find out late, and keep a broken state.
      !dataFits(this.#limit, operation.ivBytes, source.totalBytes) ||
      digest.totalBytes < this.#tag.length
    ) return fail(operation, primitives);
    const aead = this.#aeadFor(operation.ivBytes);
    const tagBytes = this.#tag.length;
    if (!this.#encrypts) digest.copyOut(0, this.#tagRegion, tagBytes);
    if (!this.#begin(aead, operation)) return fail(operation, primitives);
    const good = worker.apply(aead, source, destination) &&
      aead.finish(this.#tag);
    if (!good) return this.#refuse(aead, operation);
    if (this.#encrypts) digest.copyIn(0, this.#tagRegion, tagBytes);
    complete(operation, source.totalBytes);
  }

  /** Starts the message and takes its associated data. */
  #begin(aead: Aead, operation: Operation): boolean {
    const { iv, source, additionalData } = operation;
    const lengths = this.#lengths;
    lengths.ivBytes = operation.ivBytes;
    lengths.additionalBytes = additionalData.totalBytes;
    lengths.dataBytes = source.totalBytes;
    return aead.start(iv, lengths, this.#tag, operation.ivWords) &&
      this.#absorb(aead, additionalData);
  }

  #absorb(aead: Aead, data: Segments): boolean {
    if (data.totalBytes > MAXIMUM_BYTES) return false;
    if (!aead.wholeAdditionalData || data.count <= 1) {
      return this.#thread.worker.read(data, aead.absorb, aead.absorbKept);
    }
    const bytes = this.#additionalData.take(data.totalBytes);
    data.read(0, bytes);
    const done = aead.absorb(bytes);
    this.#additionalData.release();
    return done;
  }

  /** A wrong tag leaves no plaintext behind. */
  #refuse(aead: Aead, operation: Operation): void {
    const { destination } = operation;
    if (!aead.comparesFirst) destination.fill(0, destination.totalBytes, 0);
    const status = this.#encrypts
      ? OperationStatus.Failed
      : OperationStatus.BadTag;
    fail(operation, this.#thread.primitives, status);
  }

  close(): void {
    this.#aead.close();
    this.#withJ0?.close();
    this.#key?.fill(0);
    this.#tag.fill(0);
  }
}
