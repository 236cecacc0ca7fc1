/**
 * HASH and MAC sessions.
 *
 * @module
 */

import { algorithmByName } from "../../algorithms/catalogue.ts";
import type {
  HashSession,
  MacSession,
} from "../../algorithms/session_description.ts";
import { RANGE_OFFSET } from "../../memory/range_lists.ts";
import { copyPiece, Segments } from "../../memory/segments.ts";
import { type Operation, OperationStatus } from "../backend.ts";
import {
  BURST_WORDS,
  BurstField,
  ListField,
  type RequestBurst,
} from "../request_burst.ts";
import { LastRegion } from "./last_region.ts";
import type {
  Bytes,
  Digester,
  DigesterWithIv,
  PrimitiveSession,
} from "./primitives.ts";
import { complete, fail, type ThreadContext } from "./session.ts";

// The engine folds constants of a module of its own only.
const SOURCE = BurstField.Source;
const DIGEST = BurstField.Digest;
const FIRST = ListField.First;
const SKIPPED = ListField.SkippedBytes;
const COUNT = ListField.Count;
const TOTAL = ListField.TotalBytes;

/** HASH, and MAC without an IV. */
export class DigestSession implements PrimitiveSession {
  readonly #thread: ThreadContext;
  readonly #digester: Digester;
  readonly #resultBytes: number;
  readonly #result = new LastRegion();

  private constructor(
    thread: ThreadContext,
    digester: Digester,
    resultBytes: number,
  ) {
    this.#thread = thread;
    this.#digester = digester;
    this.#resultBytes = resultBytes;
  }

  static ofHash(
    thread: ThreadContext,
    { algorithm, resultBytes }: HashSession,
  ): DigestSession {
    const digester = thread.primitives.makeHash(algorithm, resultBytes);
    return new DigestSession(thread, digester, resultBytes);
  }

  static ofMac(
    thread: ThreadContext,
    { algorithm, key, resultBytes }: MacSession,
  ): DigestSession {
    const digester = thread.primitives.makeMac(algorithm, key, resultBytes);
    return new DigestSession(thread, digester, resultBytes);
  }

  take(burst: RequestBurst, slot: number): boolean {
    const digester = this.#digester;
    const { primitives, worker } = this.#thread;
    const { fields, lists, regions } = burst;
    const at = BURST_WORDS * slot;
    if (
      fields[at + SOURCE + COUNT] !== 1 || fields[at + DIGEST + COUNT] !== 1 ||
      fields[at + DIGEST + TOTAL]! < this.#resultBytes
    ) return false;
    const { block } = lists;
    const start = lists.starts[slot]!;
    const from = start + fields[at + SOURCE + FIRST]!;
    const to = start + fields[at + DIGEST + FIRST]!;
    const result = digester.start() &&
        worker.readRange(
          regions[block[from]!]!,
          block[from + RANGE_OFFSET]! + fields[at + SOURCE + SKIPPED]!,
          fields[at + SOURCE + TOTAL]!,
          digester.update,
          digester.updateKept,
        )
      ? digester.finish()
      : null;
    if (result) {
      copyPiece(
        this.#result.of(result),
        0,
        regions[block[to]!]!,
        block[to + RANGE_OFFSET]! + fields[at + DIGEST + SKIPPED]!,
        this.#resultBytes,
      );
    } else primitives.clearErrors();
    fields[at + BurstField.Status] = result
      ? OperationStatus.Ok
      : OperationStatus.Failed;
    fields[at + BurstField.WrittenBytes] = 0;
    return true;
  }

  perform(operation: Operation): void {
    const digester = this.#digester;
    const { primitives, worker } = this.#thread;
    const result = operation.digest.totalBytes >= this.#resultBytes &&
      digester.start() &&
      worker.read(operation.source, digester.update, digester.updateKept) &&
      digester.finish();
    if (!result) return fail(operation, primitives);
    const region = this.#result.of(result);
    operation.digest.copyIn(0, region, this.#resultBytes);
    complete(operation, 0);
  }

  close(): void {
    this.#digester.close();
  }
}

/** MAC whose source opens with its IV. */
export class DigestWithIvSession implements PrimitiveSession {
  readonly #thread: ThreadContext;
  readonly #digester: DigesterWithIv;
  readonly #iv: Bytes;
  readonly #message = new Segments();
  readonly #resultBytes: number;

  constructor(
    thread: ThreadContext,
    { algorithm, key, resultBytes }: MacSession,
  ) {
    const { ivBytes } = algorithmByName("mac", algorithm)!;
    this.#thread = thread;
    this.#resultBytes = resultBytes;
    this.#iv = new Uint8Array(new ArrayBuffer(ivBytes));
    this.#digester = thread.primitives.makeMacWithIv(
      algorithm,
      key,
      resultBytes,
    );
  }

  perform(operation: Operation): void {
    const { source, digest } = operation;
    const result = source.totalBytes >= this.#iv.length &&
      digest.totalBytes >= this.#resultBytes && this.#compute(source);
    if (!result) return fail(operation, this.#thread.primitives);
    digest.write(0, result);
    complete(operation, 0);
  }

  #compute(source: Segments): Bytes | false | null {
    const digester = this.#digester;
    const ivBytes = this.#iv.length;
    source.read(0, this.#iv);
    this.#message.slice(source, ivBytes, source.totalBytes - ivBytes);
    return digester.start(this.#iv) &&
      this.#thread.worker.read(
        this.#message,
        digester.update,
        digester.updateKept,
      ) &&
      digester.finish();
  }

  close(): void {
    this.#message.release();
    this.#digester.close();
  }
}
