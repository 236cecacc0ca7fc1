/**
 * libIPSec_MB (Intel Multi-Buffer): the functions that the project calls. Each
 * parameter carries its C name.
 *
 * What a manager does depends on the processor, so most functions are reached
 * through the pointers that it holds. The few of the hot path are also exported
 * under a name for each processor; bound by that name they are called without
 * the cost of a call through a pointer.
 *
 * @module
 */

import {
  FEATURE_AVX,
  FEATURE_AVX2,
  FEATURE_AVX512,
  FEATURE_SHANI,
  jobBytes,
  KNOWN_VERSIONS,
  MANAGER,
} from "./ipsec_mb_layout.ts";

/** Sonames with a known layout, newest first. */
export const IPSEC_MB_SONAMES = ["libIPSec_MB.so.2", "libIPSec_MB.so.1"];

const P = "pointer";
const B = "buffer";

const SYMBOLS = {
  imb_get_version_str: { parameters: [], result: P },
  alloc_mb_mgr: { parameters: ["u64" /* flags */], result: P },
  free_mb_mgr: { parameters: [P /* state */], result: "void" },
  init_mb_mgr_auto: {
    parameters: [P, /* state */ B /* arch */],
    result: "void",
  },
  init_mb_mgr_sse: { parameters: [P /* state */], result: "void" },
  imb_get_errno: { parameters: [P /* mb_mgr */], result: "i32" },
  imb_get_strerror: { parameters: ["i32" /* errnum */], result: P },
  imb_get_mb_mgr_size: { parameters: [], result: "usize" },
} as const;

const SESSION_SYMBOLS = {
  /** Since 1.4: marks a job's template for the burst functions. */
  imb_set_session: {
    parameters: [P, /* state */ B /* job */],
    result: "u32",
  },
} as const;

const BURST = {
  parameters: [P, /* state */ "u32", /* n_jobs */ B /* jobs */],
  result: "u32",
} as const;

const CIPHER_BURST = {
  parameters: [
    P, /* state */
    P, /* jobs */
    "u32", /* n_jobs */
    "i32", /* cipher */
    "i32", /* dir */
    "i32", /* key_size */
  ],
  result: "u32",
} as const;

const HASH_BURST = {
  parameters: [
    P, /* state */
    P, /* jobs */
    "u32", /* n_jobs */
    "i32", /* hash */
  ],
  result: "u32",
} as const;

const HOT = {
  get_next_burst: BURST,
  submit_burst: BURST,
  submit_burst_nocheck: BURST,
  flush_burst: BURST,
  submit_cipher_burst: CIPHER_BURST,
  submit_cipher_burst_nocheck: CIPHER_BURST,
  submit_hash_burst_nocheck: HASH_BURST,
} as const;

/** Endings of the exported names, one for each kind of processor. */
const PROCESSORS = [
  ...["sse_t1", "sse_t2", "sse_t3", "avx_t1", "avx_t2"],
  ...["avx2_t1", "avx2_t2", "avx2_t3", "avx2_t4", "avx512_t1", "avx512_t2"],
];

const KEY_EXPANSION = {
  parameters: [B, /* key */ B, /* enc_exp_keys */ B /* dec_exp_keys */],
  result: "void",
} as const;
const ONE_BLOCK = {
  parameters: [B, /* data */ B /* digest */],
  result: "void",
} as const;
const HASH = {
  parameters: [B, /* data */ "u64", /* length */ B /* digest */],
  result: "void",
} as const;
const GCM_PRECOMPUTATION = {
  parameters: [B, /* key */ B /* key_data */],
  result: "void",
} as const;
const KEY_SCHEDULE = {
  parameters: [B, /* pKey */ B /* pCtx */],
  result: "i32",
} as const;
const SCHEDULE_SIZE = { parameters: [], result: "usize" } as const;

const COLD = {
  keyexp_128: KEY_EXPANSION,
  keyexp_192: KEY_EXPANSION,
  keyexp_256: KEY_EXPANSION,
  xcbc_keyexp: {
    parameters: [B, /* key */ B, /* k1_exp */ B, /* k2 */ B /* k3 */],
    result: "void",
  },
  des_key_sched: { parameters: [B, /* ks */ B /* key */], result: "i32" },
  sha1_one_block: ONE_BLOCK,
  sha224_one_block: ONE_BLOCK,
  sha256_one_block: ONE_BLOCK,
  sha384_one_block: ONE_BLOCK,
  sha512_one_block: ONE_BLOCK,
  md5_one_block: ONE_BLOCK,
  sha1: HASH,
  sha224: HASH,
  sha256: HASH,
  sha384: HASH,
  sha512: HASH,
  gcm128_pre: GCM_PRECOMPUTATION,
  gcm192_pre: GCM_PRECOMPUTATION,
  gcm256_pre: GCM_PRECOMPUTATION,
  kasumi_init_f8_key_sched: KEY_SCHEDULE,
  kasumi_init_f9_key_sched: KEY_SCHEDULE,
  kasumi_key_sched_size: SCHEDULE_SIZE,
  snow3g_init_key_sched: KEY_SCHEDULE,
  snow3g_key_sched_size: SCHEDULE_SIZE,
  ghash: {
    parameters: [
      B, /* key_data */
      B, /* in */
      "u64", /* in_len */
      B, /* io_tag */
      "u64", /* tag_len */
    ],
    result: "void",
  },
} as const;

/** A pointer that is not null. */
export type Handle = Deno.PointerObject;

type Calls<S extends Record<string, Deno.ForeignFunction>> =
  Deno.StaticForeignLibraryInterface<S>;

/** The functions of the hot path. */
export type HotFunctions = Calls<typeof HOT>;
/** Functions that sessions call when they open, and on rare requests. */
export type ColdFunctions = Calls<typeof COLD>;

/** Why the library cannot be used. */
export class IpsecMbError extends Error {
  readonly reason: "absent" | "forbidden" | "version" | "processor";

  constructor(reason: IpsecMbError["reason"], message: string) {
    super(message);
    this.name = "IpsecMbError";
    this.reason = reason;
  }
}

function load<S extends Deno.ForeignLibraryInterface>(
  path: string,
  symbols: S,
): Deno.DynamicLibrary<S> {
  try {
    return Deno.dlopen(path, symbols);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const isForbidden = error instanceof Deno.errors.NotCapable ||
      error instanceof Deno.errors.PermissionDenied;
    throw new IpsecMbError(isForbidden ? "forbidden" : "absent", message);
  }
}

const text = (pointer: Deno.PointerValue): string =>
  pointer === null ? "" : new Deno.UnsafePointerView(pointer).getCString();

/** Exported names by the address that they have. */
function exportedNames(path: string): Map<bigint, string> {
  const names = Object.keys(HOT).flatMap((base) =>
    PROCESSORS.map((processor) => `${base}_${processor}`)
  );
  const library = load(
    path,
    Object.fromEntries(
      names.map((name) => [name, { type: P, optional: true }]),
    ) as Record<string, { type: "pointer"; optional: true }>,
  );
  const found = new Map<bigint, string>();
  for (const name of names) {
    const address = library.symbols[name];
    if (address) found.set(Deno.UnsafePointer.value(address), name);
  }
  library.close();
  return found;
}

type Library = Deno.DynamicLibrary<typeof SYMBOLS>;

/** The library with a manager of its own; belongs to one thread. */
export class IpsecMb {
  readonly version: string;
  readonly path: string;
  /** Bytes of an `IMB_JOB`. */
  readonly jobBytes: number;
  readonly manager: Handle;
  readonly managerAddress: number;
  /** The manager's own memory, in which its queue of jobs lies. */
  readonly managerWords: Uint32Array;
  readonly hot: HotFunctions;
  readonly cold: ColdFunctions;
  /** Absent before 1.4. */
  readonly setSession: ((job: Uint32Array<ArrayBuffer>) => void) | undefined;
  readonly #library: Library;
  readonly #others: { close(): void }[] = [];

  /**
   * A manager for this processor, or, `byShaInstructions`, the one that computes
   * SHA-1, SHA-224 and SHA-256 by the processor's own instructions for them.
   *
   * @throws {IpsecMbError}
   */
  constructor(path: string, byShaInstructions = false) {
    this.path = path;
    this.#library = load(path, SYMBOLS);
    const { symbols } = this.#library;
    this.version = text(symbols.imb_get_version_str());
    try {
      this.jobBytes = knownJobBytes(this.version);
      this.manager = makeManager(this.#library, byShaInstructions);
    } catch (error) {
      this.#library.close();
      throw error;
    }
    this.managerAddress = Number(Deno.UnsafePointer.value(this.manager));
    this.managerWords = new Uint32Array(
      Deno.UnsafePointerView.getArrayBuffer(
        this.manager,
        Number(symbols.imb_get_mb_mgr_size()) & ~3,
      ),
    );
    this.cold = this.#bindPointers(COLD);
    this.hot = this.#bindHot();
    this.setSession = this.#bindSession();
  }

  #bindHot(): HotFunctions {
    const names = exportedNames(this.path);
    const bases = Object.keys(HOT) as (keyof typeof HOT)[];
    const bound = bases.map((base) =>
      names.get(Deno.UnsafePointer.value(this.#function(base)))
    );
    if (bound.every((name) => name !== undefined)) {
      const named = bases.map((
        base,
        i,
      ) => [base, { ...HOT[base], name: bound[i] }]);
      const library = load(
        this.path,
        Object.fromEntries(named) as unknown as typeof HOT,
      );
      this.#others.push(library);
      return library.symbols;
    }
    return this.#bindPointers(HOT);
  }

  /** Calls through the pointers that the manager holds. */
  #bindPointers<S extends Record<string, Deno.ForeignFunction>>(
    definitions: S,
  ): Calls<S> {
    const entries = Object.entries(definitions).map(([name, definition]) => {
      const pointer = new Deno.UnsafeFnPointer(
        this.#function(name as keyof typeof MANAGER) as Deno.PointerObject<
          typeof definition
        >,
        definition,
      );
      return [name, pointer.call.bind(pointer)];
    });
    return Object.fromEntries(entries) as Calls<S>;
  }

  #bindSession() {
    let library: Deno.DynamicLibrary<typeof SESSION_SYMBOLS>;
    try {
      library = load(this.path, SESSION_SYMBOLS);
    } catch {
      return undefined;
    }
    this.#others.push(library);
    return (job: Uint32Array<ArrayBuffer>) => {
      library.symbols.imb_set_session(this.manager, job);
    };
  }

  #function(name: keyof typeof MANAGER): Handle {
    const address = new Deno.UnsafePointerView(this.manager)
      .getBigUint64(MANAGER[name]);
    return Deno.UnsafePointer.create(address)!;
  }

  /** Whether the manager uses AVX. */
  get hasAvx(): boolean {
    return this.#has(FEATURE_AVX);
  }

  /** Whether the manager's widest registers are those of AVX2. */
  get isOfAvx2(): boolean {
    return this.#has(FEATURE_AVX2) && !this.#has(FEATURE_AVX512);
  }

  /** Whether the processor has instructions for SHA-1 and SHA-256. */
  get hasShaInstructions(): boolean {
    return this.#has(FEATURE_SHANI);
  }

  /** Whether the processor has all of these features. */
  #has(mask: number): boolean {
    return (this.managerWords[MANAGER.features / 4]! & mask) === mask;
  }

  /** The manager's last error; 0 for none. */
  get errorNumber(): number {
    return this.managerWords[MANAGER.imb_errno / 4]!;
  }

  /** Gives everything back; `managerWords` must not be used any more. */
  close(): void {
    this.#library.symbols.free_mb_mgr(this.manager);
    for (const library of this.#others) library.close();
    this.#library.close();
  }
}

function knownJobBytes(version: string): number {
  const bytes = jobBytes(version);
  if (bytes !== undefined) return bytes;
  throw new IpsecMbError(
    "version",
    `libIPSec_MB ${version}: expected one of ${KNOWN_VERSIONS.join(", ")}`,
  );
}

function makeManager(library: Library, byShaInstructions: boolean): Handle {
  const { symbols } = library;
  const manager = symbols.alloc_mb_mgr(0n);
  if (manager === null) {
    throw new IpsecMbError("processor", "libIPSec_MB: alloc_mb_mgr() failed");
  }
  const architecture = new Uint32Array(1);
  if (byShaInstructions) symbols.init_mb_mgr_sse(manager);
  else symbols.init_mb_mgr_auto(manager, architecture);
  const error = symbols.imb_get_errno(manager);
  const isReady = byShaInstructions || architecture[0] !== 0;
  if (error === 0 && isReady) return manager;
  const reason = text(symbols.imb_get_strerror(error));
  symbols.free_mb_mgr(manager);
  throw new IpsecMbError("processor", `libIPSec_MB: ${reason}`);
}
