/**
 * Lays the lists of an operation over each other, or beside each other.
 *
 * @module
 */

import type { Operation } from "../backends/backend.ts";
import type { Region } from "../memory/region.ts";
import { Segments } from "../memory/segments.ts";
import { cut, type GuardedMemory, type Pieces } from "./guarded_memory.ts";
import type { Random } from "./random.ts";
import type { Arrangement, Request } from "./request.ts";

/** The farthest that a list begins from one that it is shifted from. */
const FARTHEST_SHIFT = 64;
/** Bytes of a region per byte of a list whose single bytes have gaps. */
const SPREAD = 3;

/** Places the lists of an operation that share bytes or touch; not the others. */
export class Overlay {
  readonly #operation: Operation;
  readonly #request: Request;
  readonly #pieces: Pieces;
  readonly #memory: GuardedMemory;
  readonly #random: Random;

  constructor(
    operation: Operation,
    request: Request,
    pieces: Pieces,
    memory: GuardedMemory,
    random: Random,
  ) {
    this.#operation = operation;
    this.#request = request;
    this.#pieces = pieces;
    this.#memory = memory;
    this.#random = random;
  }

  place(arrangement: Arrangement): void {
    const { source, destination, additionalData, digest } = this.#operation;
    const { tag, digestBytes, destinationBytes } = this.#request;
    const sourceBytes = this.#request.source.length;
    const additionalBytes = this.#request.additionalData?.length ?? 0;
    const isEven = sourceBytes === destinationBytes;
    switch (arrangement) {
      case "in-place":
        if (isEven) this.#placeInPlace();
        break;
      case "adjacent":
        if (isEven) this.#placeInARow(additionalBytes);
        break;
      case "inputs-shared":
        this.#share(additionalBytes);
        break;
      case "shifted":
        this.#shift(source, sourceBytes, destination, destinationBytes);
        break;
      case "crossed":
        if (isEven) this.#cross();
        break;
      case "additional-covered":
        this.#shift(
          additionalData,
          additionalBytes,
          destination,
          destinationBytes,
        );
        break;
      case "tag-covered":
        if (tag) {
          this.#shift(digest, digestBytes, destination, destinationBytes);
        }
        break;
      case "digest-on-source":
        if (!tag) this.#shift(source, sourceBytes, digest, digestBytes);
    }
  }

  #placeInPlace(): void {
    const { source, destination } = this.#operation;
    this.#memory.scatter(source, this.#request.source.length, this.#pieces);
    destination.slice(source, 0, source.totalBytes);
  }

  /** One behind the other, without a gap. */
  #placeInARow(additionalBytes: number): void {
    const { source, destination, additionalData, digest } = this.#operation;
    const sourceBytes = this.#request.source.length;
    const { digestBytes } = this.#request;
    const region = this.#memory.region(
      additionalBytes + sourceBytes + digestBytes + 1,
    );
    additionalData.append(region, 0, additionalBytes);
    source.append(region, additionalBytes, sourceBytes);
    destination.slice(source, 0, sourceBytes);
    digest.append(region, additionalBytes + sourceBytes, digestBytes);
  }

  #share(additionalBytes: number): void {
    const { source, additionalData } = this.#operation;
    const request = this.#request;
    const isStart = additionalBytes <= request.source.length &&
      request.additionalData?.every((byte, i) => byte === request.source[i]);
    if (!isStart) return;
    this.#memory.scatter(source, request.source.length, this.#pieces);
    additionalData.slice(source, 0, additionalBytes);
  }

  #cross(): void {
    const { source, destination } = this.#operation;
    const total = this.#request.source.length;
    this.#memory.scatter(source, total, this.#pieces);
    const part = new Segments();
    let end = total;
    for (const lengthBytes of cut(this.#random, total, "random")) {
      part.slice(source, end - lengthBytes, lengthBytes);
      for (let i = 0; i < part.count; i++) {
        destination.append(part.region(i), part.offset(i), part.lengthBytes(i));
      }
      end -= lengthBytes;
    }
  }

  /** Both lists in one region, one of them beginning within the other. */
  #shift(
    one: Segments,
    oneBytes: number,
    other: Segments,
    otherBytes: number,
  ): void {
    const random = this.#random;
    const room = SPREAD * Math.max(oneBytes, otherBytes);
    const region = this.#memory.region(room + FARTHEST_SHIFT + 16);
    const isFirst = random.oneIn(2);
    const farthest = Math.min(
      FARTHEST_SHIFT,
      (isFirst ? oneBytes : otherBytes) - 1,
    );
    const start = 8;
    const shifted = farthest < 1 ? start : start + 1 + random.integer(farthest);
    this.#spread(one, region, isFirst ? start : shifted, oneBytes);
    this.#spread(other, region, isFirst ? shifted : start, otherBytes);
  }

  /** Pieces that follow each other, with a byte or two between them. */
  #spread(
    list: Segments,
    region: Region,
    start: number,
    totalBytes: number,
  ): void {
    let at = start;
    for (const lengthBytes of cut(this.#random, totalBytes, this.#pieces)) {
      list.append(region, at, lengthBytes);
      at += lengthBytes + 1 + this.#random.integer(2);
    }
  }
}
