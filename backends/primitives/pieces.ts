/**
 * How a transform of contiguous bytes is applied to guest memory: directly where
 * source and destination are contiguous, piece by piece where they are not, and
 * through scratch memory where neither is possible.
 *
 * @module
 */

import { Region } from "../../memory/region.ts";
import { copyPiece, type Segments } from "../../memory/segments.ts";
import { Scratch } from "../scratch.ts";

/** A transform under way; each output piece is as long as its input. */
export interface Transform {
  /** Every piece but the last is a multiple of this. */
  readonly blockBytes: number;
  /** The whole message has to be one piece. */
  readonly whole: boolean;
  /** `output` is `input` itself or shares no byte with it. */
  piece(input: Uint8Array, output: Uint8Array): boolean;
  /** The same over the first bytes of kept memory, without a view of them. */
  pieceInPlace?(bytes: Uint8Array, lengthBytes: number): boolean;
}

/** Longer data is refused: libcrypto takes lengths as a C int. */
export const MAXIMUM_BYTES = 0x7fffffff;

/** A multiple of every block length. */
const WINDOW_BYTES = 1024;
/** A shorter contiguous run is gathered: a native call costs more than copying. */
const SHORTEST_DIRECT_BYTES = 512;
/** Up to here copying twice costs less than two views. */
const SMALL_BYTES = 192;

/** A position in a list of segments. */
class Cursor {
  #segments: Segments | undefined;
  #index = 0;
  #offset = 0;

  start(segments: Segments): void {
    this.#segments = segments;
    this.#index = 0;
    this.#offset = 0;
  }

  /** Drops the reference to the list. */
  end(): void {
    this.#segments = undefined;
  }

  /** Contiguous bytes from here. */
  get runBytes(): number {
    return this.#segments!.lengthBytes(this.#index) - this.#offset;
  }

  /** A view of the next bytes, which are contiguous, moving past them. */
  take(lengthBytes: number): Uint8Array<ArrayBuffer> {
    const segments = this.#segments!;
    const start = segments.offset(this.#index) + this.#offset;
    const view = segments.region(this.#index).bytes
      .subarray(start, start + lengthBytes);
    this.#offset += lengthBytes;
    if (this.#offset === segments.lengthBytes(this.#index)) {
      this.#index++;
      this.#offset = 0;
    }
    return view;
  }

  gather(into: Uint8Array, lengthBytes: number): void {
    for (let done = 0; done < lengthBytes;) {
      const bytes = Math.min(this.runBytes, lengthBytes - done);
      into.set(this.take(bytes), done);
      done += bytes;
    }
  }

  scatter(from: Uint8Array, lengthBytes: number): void {
    for (let done = 0; done < lengthBytes;) {
      const bytes = Math.min(this.runBytes, lengthBytes - done);
      this.take(bytes).set(from.subarray(done, done + bytes));
      done += bytes;
    }
  }
}

/** Applies transforms to segments; keeps the memory that this takes. */
export class PieceWorker {
  readonly scratch = new Scratch();
  readonly #window = new Uint8Array(new ArrayBuffer(WINDOW_BYTES));
  readonly #small = new Region(new Uint8Array(new ArrayBuffer(SMALL_BYTES)));
  readonly #from = new Cursor();
  readonly #to = new Cursor();

  /** Transforms all of `source` into `destination`, which is as long. */
  apply(
    transform: Transform,
    source: Segments,
    destination: Segments,
  ): boolean {
    const totalBytes = source.totalBytes;
    if (totalBytes > MAXIMUM_BYTES || totalBytes !== destination.totalBytes) {
      return false;
    }
    if (totalBytes === 0) return true;
    if (totalBytes <= SMALL_BYTES && transform.pieceInPlace) {
      const small = this.#small;
      source.copyOut(0, small, totalBytes);
      if (!transform.pieceInPlace(small.bytes, totalBytes)) return false;
      destination.copyIn(0, small, totalBytes);
      return true;
    }
    if (source.count === 1 && destination.count === 1) {
      return transform.piece(source.view(0), destination.view(0));
    }
    return transform.whole
      ? this.#bounce(transform, source, destination)
      : this.#walk(transform, source, destination);
  }

  /** Transforms one range into another, neither of them empty. */
  applyRange(
    transform: Transform,
    from: Region,
    fromOffset: number,
    to: Region,
    toOffset: number,
    lengthBytes: number,
  ): boolean {
    if (lengthBytes > SMALL_BYTES || !transform.pieceInPlace) {
      return transform.piece(
        from.viewOf(fromOffset, lengthBytes),
        to.viewOf(toOffset, lengthBytes),
      );
    }
    const small = this.#small;
    copyPiece(from, fromOffset, small, 0, lengthBytes);
    if (!transform.pieceInPlace(small.bytes, lengthBytes)) return false;
    copyPiece(small, 0, to, toOffset, lengthBytes);
    return true;
  }

  #bounce(
    transform: Transform,
    source: Segments,
    destination: Segments,
  ): boolean {
    const bytes = this.scratch.take(source.totalBytes);
    source.read(0, bytes);
    const done = transform.piece(bytes, bytes);
    if (done) destination.write(0, bytes);
    this.scratch.release();
    return done;
  }

  #walk(
    transform: Transform,
    source: Segments,
    destination: Segments,
  ): boolean {
    this.#from.start(source);
    this.#to.start(destination);
    let left = source.totalBytes;
    let good = true;
    while (good && left > 0) {
      const bytes = this.#directBytes(transform, left);
      if (bytes > 0) {
        good = transform.piece(this.#from.take(bytes), this.#to.take(bytes));
        left -= bytes;
      } else {
        const gathered = Math.min(left, WINDOW_BYTES);
        good = this.#throughWindow(transform, gathered);
        left -= gathered;
      }
    }
    this.#from.end();
    this.#to.end();
    return good;
  }

  /** How many bytes can go directly; 0 where gathering is better. */
  #directBytes(transform: Transform, left: number): number {
    const run = Math.min(this.#from.runBytes, this.#to.runBytes);
    if (run >= left) return left;
    return run < SHORTEST_DIRECT_BYTES ? 0 : run - run % transform.blockBytes;
  }

  #throughWindow(transform: Transform, lengthBytes: number): boolean {
    const window = lengthBytes === WINDOW_BYTES
      ? this.#window
      : this.#window.subarray(0, lengthBytes);
    this.#from.gather(window, lengthBytes);
    if (!transform.piece(window, window)) return false;
    this.#to.scatter(window, lengthBytes);
    return true;
  }

  /**
   * Calls `visit` with the bytes of `segments` in order, in contiguous pieces of
   * any length; stops when it returns false. Few bytes may go to `visitKept`
   * instead: they are the first ones of kept memory.
   */
  read(
    segments: Segments,
    visit: (bytes: Uint8Array<ArrayBuffer>) => boolean,
    visitKept?: (
      bytes: Uint8Array<ArrayBuffer>,
      lengthBytes: number,
    ) => boolean,
  ): boolean {
    const { totalBytes } = segments;
    if (totalBytes === 0) return true;
    if (totalBytes > MAXIMUM_BYTES) return false;
    if (totalBytes <= SMALL_BYTES && visitKept !== undefined) {
      segments.copyOut(0, this.#small, totalBytes);
      return visitKept(this.#small.bytes, totalBytes);
    }
    return segments.count === 1
      ? visit(segments.view(0))
      : this.#readPieces(segments, visit);
  }

  /** The same with one range. */
  readRange(
    from: Region,
    offset: number,
    lengthBytes: number,
    visit: (bytes: Uint8Array<ArrayBuffer>) => boolean,
    visitKept?: (
      bytes: Uint8Array<ArrayBuffer>,
      lengthBytes: number,
    ) => boolean,
  ): boolean {
    if (lengthBytes > SMALL_BYTES || visitKept === undefined) {
      return visit(from.viewOf(offset, lengthBytes));
    }
    copyPiece(from, offset, this.#small, 0, lengthBytes);
    return visitKept(this.#small.bytes, lengthBytes);
  }

  #readPieces(
    segments: Segments,
    visit: (bytes: Uint8Array<ArrayBuffer>) => boolean,
  ): boolean {
    this.#from.start(segments);
    let left = segments.totalBytes;
    let good = true;
    while (good && left > 0) {
      const run = this.#from.runBytes;
      if (run >= SHORTEST_DIRECT_BYTES || run >= left) {
        good = visit(this.#from.take(run));
        left -= run;
      } else {
        const gathered = Math.min(left, WINDOW_BYTES);
        this.#from.gather(this.#window, gathered);
        good = visit(
          gathered === WINDOW_BYTES
            ? this.#window
            : this.#window.subarray(0, gathered),
        );
        left -= gathered;
      }
    }
    this.#from.end();
    return good;
  }

  wipe(): void {
    this.scratch.wipe();
    this.#window.fill(0);
    this.#small.bytes.fill(0);
  }
}

/** Copies all of `source` to `destination`. */
export const COPY: Transform = {
  blockBytes: 1,
  whole: false,
  piece(input, output) {
    output.set(input);
    return true;
  },
};
