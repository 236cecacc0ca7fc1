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
import { RANGE_OFFSET } from "../../memory/range_lists.ts";
import { Region } from "../../memory/region.ts";
import { copyPiece, type Segments } from "../../memory/segments.ts";
import { type Operation, OperationStatus } from "../backend.ts";
import {
  BURST_WORDS,
  BurstField,
  IV_WORDS,
  ListField,
  type RequestBurst,
} from "../request_burst.ts";
import { MAXIMUM_BYTES } from "./pieces.ts";
import type { Aead, PrimitiveSession } from "./primitives.ts";
import { GcmJ0, J0_BYTES } from "./gcm_j0.ts";
import { Scratch } from "../scratch.ts";
import { complete, fail, type ThreadContext } from "./session.ts";

// The engine folds constants of a module of its own only.
const SOURCE = BurstField.Source;
const DESTINATION = BurstField.Destination;
const DIGEST = BurstField.Digest;
const ADDITIONAL = BurstField.AdditionalData;
const FIRST = ListField.First;
const SKIPPED = ListField.SkippedBytes;
const COUNT = ListField.Count;
const TOTAL = ListField.TotalBytes;

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

  take(burst: RequestBurst, slot: number): boolean {
    const aead = this.#aead;
    const { fields, lists, regions } = burst;
    const at = BURST_WORDS * slot;
    const lengthBytes = fields[at + SOURCE + TOTAL]!;
    const ivBytes = fields[at + BurstField.IvBytes]!;
    const tagBytes = this.#tag.length;
    if (
      aead.startFrom === undefined || fields[at + SOURCE + COUNT] !== 1 ||
      fields[at + DESTINATION + COUNT] !== 1 ||
      fields[at + DIGEST + COUNT] !== 1 ||
      fields[at + ADDITIONAL + COUNT]! > 1 ||
      fields[at + DESTINATION + TOTAL] !== lengthBytes ||
      fields[at + DIGEST + TOTAL]! < tagBytes ||
      !dataFits(this.#limit, ivBytes, lengthBytes)
    ) return false;
    const { block } = lists;
    const start = lists.starts[slot]!;
    const digest = start + fields[at + DIGEST + FIRST]!;
    const tagIn = regions[block[digest]!]!;
    const tagAt = block[digest + RANGE_OFFSET]! +
      fields[at + DIGEST + SKIPPED]!;
    if (!this.#encrypts) copyPiece(tagIn, tagAt, this.#tagRegion, 0, tagBytes);
    if (!aead.startFrom(burst.ivs, IV_WORDS * slot, ivBytes, this.#tag)) {
      return false;
    }
    const source = start + fields[at + SOURCE + FIRST]!;
    const result = start + fields[at + DESTINATION + FIRST]!;
    const to = regions[block[result]!]!;
    const toOffset = block[result + RANGE_OFFSET]! +
      fields[at + DESTINATION + SKIPPED]!;
    const good = this.#absorbRange(burst, slot) &&
      this.#thread.worker.applyRange(
        aead,
        regions[block[source]!]!,
        block[source + RANGE_OFFSET]! + fields[at + SOURCE + SKIPPED]!,
        to,
        toOffset,
        lengthBytes,
      ) && aead.finish(this.#tag);
    if (!good) {
      if (!aead.comparesFirst) {
        to.bytes.fill(0, toOffset, toOffset + lengthBytes);
      }
      this.#thread.primitives.clearErrors();
    } else if (this.#encrypts) {
      copyPiece(this.#tagRegion, 0, tagIn, tagAt, tagBytes);
    }
    fields[at + BurstField.Status] = good ? OperationStatus.Ok : this.#refusal;
    fields[at + BurstField.WrittenBytes] = good ? lengthBytes : 0;
    return true;
  }

  /** Takes the associated data of a request, one range at most. */
  #absorbRange({ fields, lists, regions }: RequestBurst, slot: number) {
    const at = BURST_WORDS * slot;
    const lengthBytes = fields[at + ADDITIONAL + TOTAL]!;
    if (lengthBytes === 0) return true;
    const { block } = lists;
    const data = lists.starts[slot]! + fields[at + ADDITIONAL + FIRST]!;
    const { absorb, absorbKept } = this.#aead;
    return this.#thread.worker.readRange(
      regions[block[data]!]!,
      block[data + RANGE_OFFSET]! + fields[at + ADDITIONAL + SKIPPED]!,
      lengthBytes,
      absorb,
      absorbKept,
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
    fail(operation, this.#thread.primitives, this.#refusal);
  }

  /** What a message comes to that does not end well. */
  get #refusal(): OperationStatus {
    return this.#encrypts ? OperationStatus.Failed : OperationStatus.BadTag;
  }

  close(): void {
    this.#aead.close();
    this.#withJ0?.close();
    this.#key?.fill(0);
    this.#tag.fill(0);
  }
}
