/**
 * How a wrong argument is told: what was asked for, the argument's name, what it
 * is and what was expected.
 *
 * @module
 */

import { type Lengths, listLengths } from "../algorithms/catalogue.ts";

const sentence = (
  doing: string,
  argument: string,
  actual: string,
  expected: string,
) => `Cannot ${doing}: ${argument} ${actual}, expected ${expected}`;

/** An argument of the right type with a wrong value. */
export function wrongValue(
  doing: string,
  argument: string,
  value: unknown,
  expected: string,
): RangeError {
  const shown = typeof value === "string" ? JSON.stringify(value) : `${value}`;
  return new RangeError(sentence(doing, argument, `is ${shown}`, expected));
}

/** An argument that is something else than it should be; `actual` says what. */
export function wrongThing(
  doing: string,
  argument: string,
  actual: string,
  expected: string,
): RangeError {
  return new RangeError(sentence(doing, argument, actual, expected));
}

/** An argument of a wrong length. */
export function wrongLength(
  doing: string,
  argument: string,
  lengthBytes: number,
  expected: string,
): RangeError {
  const actual = `has ${lengthBytes} ${lengthBytes === 1 ? "byte" : "bytes"}`;
  return new RangeError(sentence(doing, argument, actual, expected));
}

/** An argument of a wrong type. */
export function wrongType(
  doing: string,
  argument: string,
  value: unknown,
  expected: string,
): TypeError {
  const actual = value === undefined
    ? "is missing"
    : `is ${describeType(value)}`;
  return new TypeError(sentence(doing, argument, actual, expected));
}

function describeType(value: unknown): string {
  if (value === null) return "null";
  if (typeof value !== "object" && typeof value !== "function") {
    return `a ${typeof value}`;
  }
  const { name } = value.constructor ?? {};
  return name ? `of type ${name}` : "an object";
}

/** Throws where `value` is not bytes. */
export function requireBytes(
  doing: string,
  argument: string,
  value: unknown,
): asserts value is Uint8Array {
  if (!(value instanceof Uint8Array)) {
    throw wrongType(doing, argument, value, "a Uint8Array");
  }
}

/** `16`, `16, 24 or 32` or `0 to 1024`. */
export function describeLengths(lengths: Lengths): string {
  const { minimum, maximum, step } = lengths;
  if (minimum === maximum) return `${minimum}`;
  if (step === 1) return `${minimum} to ${maximum}`;
  return oneOf(listLengths(lengths));
}

/** `a, b or c`. */
export function oneOf(all: readonly (string | number)[]): string {
  const last = all.at(-1);
  return all.length < 2
    ? `${last ?? "none"}`
    : `${all.slice(0, -1).join(", ")} or ${last}`;
}
