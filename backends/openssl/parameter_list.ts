/**
 * OSSL_PARAM arrays (params(3)) in memory of ours, which is wiped. What libcrypto
 * builds itself, it frees without wiping.
 *
 * @module
 */

import { cString } from "../../ffi/libc.ts";
import type { Handle } from "../../ffi/libcrypto.ts";

/** What an entry holds; the numbers are those of core.h. */
const enum ParameterType {
  UnsignedInteger = 2,
  Utf8String = 4,
  OctetString = 5,
}

/** One entry. */
export interface Parameter {
  readonly name: string;
  readonly type: ParameterType;
  readonly value: Uint8Array;
}

/** struct ossl_param_st, and where its fields are on 64-bit systems. */
const ENTRY_BYTES = 40;
const TYPE = 8;
const DATA = 16;
const DATA_BYTES = 24;
const RETURN_BYTES = 32;
/** OSSL_PARAM_UNMODIFIED */
const UNMODIFIED = 0xffff_ffff_ffff_ffffn;

/** A number of big-endian bytes, however long, not none. */
export const unsignedInteger = (
  name: string,
  value: Uint8Array,
): Parameter => ({ name, type: ParameterType.UnsignedInteger, value });

export const utf8String = (name: string, text: string): Parameter => ({
  name,
  type: ParameterType.Utf8String,
  value: new TextEncoder().encode(text),
});

export const octetString = (name: string, value: Uint8Array): Parameter => ({
  name,
  type: ParameterType.OctetString,
  value,
});

/** An array of entries and its end; wiped when it is disposed of. */
export class ParameterList implements Disposable {
  /** What libcrypto is given; valid until the list is disposed of. */
  readonly pointer: Handle;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #address: bigint;
  /** Where the next name or value goes. */
  #free: number;

  constructor(...parameters: readonly Parameter[]) {
    const names = parameters.map(({ name }) => cString(name));
    // A text ends with a zero byte that its length does not count.
    const lengthBytes = parameters.reduce(
      (sum, { value }, i) => sum + names[i]!.length + value.length + 1,
      (parameters.length + 1) * ENTRY_BYTES,
    );
    this.#bytes = new Uint8Array(new ArrayBuffer(lengthBytes));
    this.#view = new DataView(this.#bytes.buffer);
    this.pointer = Deno.UnsafePointer.of(this.#bytes)!;
    this.#address = Deno.UnsafePointer.value(this.pointer);
    this.#free = (parameters.length + 1) * ENTRY_BYTES;
    parameters.forEach((parameter, i) =>
      this.#write(i * ENTRY_BYTES, names[i]!, parameter)
    );
  }

  #write(
    at: number,
    name: Uint8Array,
    { type, value }: Parameter,
  ): void {
    const view = this.#view;
    view.setBigUint64(at, this.#place(name), true);
    view.setUint32(at + TYPE, type, true);
    const valueAt = this.#free;
    view.setBigUint64(at + DATA, this.#place(value), true);
    view.setBigUint64(at + DATA_BYTES, BigInt(value.length), true);
    view.setBigUint64(at + RETURN_BYTES, UNMODIFIED, true);
    // Numbers are in the order of the processor, which is little-endian.
    if (type === ParameterType.UnsignedInteger) {
      this.#bytes.subarray(valueAt, valueAt + value.length).reverse();
    }
    this.#free++;
  }

  /** Copies `value`; returns its address. */
  #place(value: Uint8Array): bigint {
    const at = this.#free;
    this.#bytes.set(value, at);
    this.#free += value.length;
    return this.#address + BigInt(at);
  }

  [Symbol.dispose](): void {
    this.#bytes.fill(0);
  }
}
