/**
 * One area of a ring as a range of an ArrayBuffer.
 *
 * @module
 */

/** `start` is aligned to what the area's fields need. */
export interface RingArea {
  readonly buffer: ArrayBuffer;
  readonly start: number;
  readonly lengthBytes: number;
}

/** The area as 16-bit fields. */
export function words(area: RingArea): Uint16Array<ArrayBuffer> {
  return new Uint16Array(area.buffer, area.start, area.lengthBytes >>> 1);
}

/** The area's bytes from `offset` as 32-bit fields. */
export function doubleWords(
  area: RingArea,
  offset: number,
): Int32Array<ArrayBuffer> {
  return new Int32Array(
    area.buffer,
    area.start + offset,
    (area.lengthBytes - offset) >>> 2,
  );
}

/** The area for fields of any width. */
export function fields(area: RingArea): DataView<ArrayBuffer> {
  return new DataView(area.buffer, area.start, area.lengthBytes);
}
