/**
 * The callback that libqat calls for a finished request: it stores its findings
 * at the request's tag, where a poll finds them.
 *
 * On x86-64 it is a few bytes of machine code that never enter JavaScript; where
 * that cannot be had, a `Deno.UnsafeCallback` does the same, a hundred times
 * slower.
 *
 * @module
 */

/** Where the findings lie, from the tag on. */
export const COMPLETION = {
  bytes: 16,
  status: 0,
  /** Sixth argument; symmetric: whether the digest was right. */
  verifyResult: 4,
  /** Fourth argument; ECDSA: whether the result is one. */
  pkeStatus: 8,
  /** 1 when all the others are there. */
  done: 12,
} as const;

/** The callback with what keeps it alive. */
export interface CompletionCallback {
  readonly pointer: Deno.PointerObject;
  readonly isNative: boolean;
  close(): void;
}

/**
 * mov [rdi], esi; mov [rdi+4], r9d; mov [rdi+8], ecx; mov dword [rdi+12], 1; ret
 * (System V ABI). Stores are seen in this order on x86-64.
 */
const X86_64 = Uint8Array.of(
  ...[0x89, 0x37],
  ...[0x44, 0x89, 0x4f, 0x04],
  ...[0x89, 0x4f, 0x08],
  ...[0xc7, 0x47, 0x0c, 0x01, 0x00, 0x00, 0x00],
  0xc3,
);

const SYMBOLS = {
  mmap: {
    parameters: [
      "usize", /* addr */
      "usize", /* length */
      "i32", /* prot */
      "i32", /* flags */
      "i32", /* fd */
      "i64", /* offset */
    ],
    result: "usize",
  },
  mprotect: {
    parameters: ["usize", /* addr */ "usize", /* len */ "i32" /* prot */],
    result: "i32",
  },
} as const;

const PAGE_BYTES = 4096n;
const PROT_READ = 1;
const PROT_WRITE = 2;
const PROT_EXEC = 4;
const MAP_PRIVATE_ANONYMOUS = 0x22;
const MAP_FAILED = 2n ** 64n - 1n;

let native: CompletionCallback | undefined;

/**
 * The machine code, once for the process's whole life: libqat may call it late.
 * `undefined` where the processor or the system does not allow it.
 */
export function nativeCompletion(): CompletionCallback | undefined {
  if (Deno.build.arch !== "x86_64") return undefined;
  return native ??= makeNative();
}

function makeNative(): CompletionCallback | undefined {
  const libc = Deno.dlopen("libc.so.6", SYMBOLS);
  try {
    const page = libc.symbols.mmap(
      0n,
      PAGE_BYTES,
      PROT_READ | PROT_WRITE,
      MAP_PRIVATE_ANONYMOUS,
      -1,
      0n,
    );
    if (page === MAP_FAILED) return undefined;
    const pointer = Deno.UnsafePointer.create(page)!;
    new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(pointer, 64))
      .set(X86_64);
    const refused = libc.symbols.mprotect(
      page,
      PAGE_BYTES,
      PROT_READ | PROT_EXEC,
    );
    if (refused !== 0) return undefined;
    return { pointer, isNative: true, close: () => {} };
  } finally {
    libc.close();
  }
}

const CALLBACK = {
  parameters: [
    "pointer", /* pCallbackTag */
    "i32", /* status */
    "u64", /* operationType, pOpData */
    "u64", /* pOpData, pOut, multiplyStatus */
    "u64", /* pDstBuffer, pR */
    "u64", /* verifyResult, pS */
  ],
  result: "void",
} as const;

/** The same in JavaScript; it must be called on the thread that made it. */
export function scriptCompletion(): CompletionCallback {
  const callback = new Deno.UnsafeCallback(
    CALLBACK,
    (tag, status, _third, fourth, _fifth, sixth) => {
      const view = new DataView(
        Deno.UnsafePointerView.getArrayBuffer(tag!, COMPLETION.bytes),
      );
      view.setInt32(COMPLETION.status, status, true);
      view.setUint32(COMPLETION.verifyResult, Number(sixth & MASK), true);
      view.setUint32(COMPLETION.pkeStatus, Number(fourth & MASK), true);
      view.setUint32(COMPLETION.done, 1, true);
    },
  );
  return {
    pointer: callback.pointer,
    isNative: false,
    close: () => callback.close(),
  };
}

const MASK = 0xffff_ffffn;
