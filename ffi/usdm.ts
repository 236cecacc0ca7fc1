/**
 * libusdm: memory that a QuickAssist device can reach. Each parameter carries
 * its C name.
 *
 * @module
 */

/** What it is found by where no path is given. */
export const USDM_SONAME = "libusdm.so.0";

const SYMBOLS = {
  qaeMemInit: { parameters: [], result: "i32" },
  qaeMemAllocNUMA: {
    parameters: [
      "usize", /* size */
      "i32", /* node */
      "usize", /* phys_alignment_byte */
    ],
    result: "pointer",
  },
  qaeMemFreeNUMA: { parameters: ["buffer" /* ptr */], result: "void" },
} as const;

const ANY_NODE = -1;

/** A block of pinned memory; zeros when it is new. */
export interface PinnedBlock {
  readonly pointer: Deno.PointerObject;
  readonly address: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView;
}

/** libusdm, opened. */
export class Usdm {
  readonly library: string;
  readonly #opened: Deno.DynamicLibrary<typeof SYMBOLS>;

  /** Throws where the library cannot be opened or does not start. */
  constructor(library = USDM_SONAME) {
    this.library = library;
    this.#opened = Deno.dlopen(library, SYMBOLS);
    const status = this.#opened.symbols.qaeMemInit();
    if (status === 0) return;
    this.#opened.close();
    throw new Error(`${library}: qaeMemInit() returned ${status}`);
  }

  /** A block aligned to `alignmentBytes`, a power of two; throws for none. */
  allocate(lengthBytes: number, alignmentBytes = 64): PinnedBlock {
    const pointer = this.#opened.symbols.qaeMemAllocNUMA(
      BigInt(lengthBytes),
      ANY_NODE,
      BigInt(alignmentBytes),
    );
    if (pointer === null) {
      throw new Error(`libusdm has no ${lengthBytes} bytes of pinned memory`);
    }
    const buffer = Deno.UnsafePointerView.getArrayBuffer(pointer, lengthBytes);
    const bytes = new Uint8Array(buffer);
    bytes.fill(0);
    return {
      pointer,
      address: Number(Deno.UnsafePointer.value(pointer)),
      bytes,
      view: new DataView(buffer),
    };
  }

  /** Gives a block back; the library wipes it. No view of it may be used again. */
  free(block: PinnedBlock): void {
    block.bytes.fill(0);
    const holder = BigUint64Array.of(BigInt(block.address));
    this.#opened.symbols.qaeMemFreeNUMA(holder);
  }

  /** Lets go of the library; blocks that were not freed stay. */
  close(): void {
    this.#opened.close();
  }
}
