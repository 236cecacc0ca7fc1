/**
 * Which libIPSec_MB this machine has, and what it offers.
 *
 * @module
 */

import {
  type Algorithm,
  ALGORITHMS,
  qualifiedName,
} from "../../algorithms/catalogue.ts";
import { IPSEC_MB_SONAMES, IpsecMb, IpsecMbError } from "../../ffi/ipsec_mb.ts";
import { loadedPath } from "../../ffi/loaded_library.ts";
import type { BackendOptions, Missing, Offer, Probe } from "../backend.ts";
import { messageOf } from "../error_message.ts";
import { AEAD_NAMES, hasSafeChaCha } from "./aead.ts";
import { CIPHER_NAMES } from "./ciphers.ts";
import { longestHashBytes } from "./hash_managers.ts";
import { HASH_NAMES, hashAlgorithm } from "./hashes.ts";
import { MAC_NAMES } from "./macs.ts";

const NOT_IN_LIBRARY = "not in libIPSec_MB";
const CHACHA = "aead.chacha20-poly1305";
const CHACHA_UNSAFE = "the library's code for processors without AVX is unsafe";

const OFFERED: ReadonlySet<string> = new Set([
  ...CIPHER_NAMES.map((name) => `cipher.${name}`),
  ...HASH_NAMES.map((name) => `hash.${name}`),
  ...MAC_NAMES.map((name) => `mac.${name}`),
  ...AEAD_NAMES.map((name) => `aead.${name}`),
  ...ALGORITHMS.flatMap((one) =>
    one.service === "mac" && one.hash !== undefined ? [qualifiedName(one)] : []
  ),
]);

/** Opens the library that is named, or the newest that is installed. */
export function openLibrary(options: BackendOptions): IpsecMb {
  const paths = options.library === undefined
    ? IPSEC_MB_SONAMES
    : [options.library];
  let failure: unknown;
  for (const path of paths) {
    try {
      return new IpsecMb(path);
    } catch (error) {
      // An installed library that is unfit says more than an absent one.
      if (!isAbsent(error) || failure === undefined) failure = error;
    }
  }
  throw failure;
}

const isAbsent = (error: unknown): boolean =>
  error instanceof IpsecMbError && error.reason === "absent";

const REMEDIES: Readonly<Record<IpsecMbError["reason"], string>> = {
  absent: "install libIPSec_MB (Debian 12: libipsec-mb1, " +
    "Debian 13: libipsec-mb2)",
  forbidden: "run with --allow-ffi",
  version: "install libIPSec_MB 1.3 to 2.0",
  processor: "use an x86-64 processor with AES-NI, PCLMULQDQ and SSE4.2",
};

function describeMissing(error: unknown, options: BackendOptions): Missing {
  const what = messageOf(error);
  const reason = error instanceof IpsecMbError ? error.reason : "absent";
  if (reason === "absent" && options.library !== undefined) {
    const remedy = 'set the option "library" to the path of libIPSec_MB';
    return { what, remedy };
  }
  return { what, remedy: REMEDIES[reason] };
}

function unready(missing: Missing): Probe {
  return {
    ready: false,
    version: "",
    offers: [],
    missing: [missing],
    notOffered: {},
  };
}

/** From here on a request is longer than a lane may be, and is cut up. */
const LANE_LIMIT_BYTES = 65536;

/**
 * What is computed in lanes and not in pieces side by side; the others the library
 * does in one go.
 */
const IN_LANES = /^(cipher\.aes-ecb$|hash\.|mac\.)/;

/** Lengths of messages that the library is good at. */
function goodSizes(
  library: IpsecMb,
  algorithm: Algorithm,
): { belowBytes?: number } {
  if (!IN_LANES.test(qualifiedName(algorithm))) return {};
  const hash = algorithm.service === "hash"
    ? hashAlgorithm(algorithm.name, "plain")
    : algorithm.service === "mac"
    ? hashAlgorithm(algorithm.hash, "hmac")
    : undefined;
  const longestBytes = hash === undefined ? 0 : longestHashBytes(library, hash);
  return { belowBytes: Math.max(LANE_LIMIT_BYTES, longestBytes + 1) };
}

/** Looks for libIPSec_MB; never throws. */
export function probeIpsecMb(options: BackendOptions): Probe {
  if (Deno.build.arch !== "x86_64") {
    const what = `libIPSec_MB does not exist for ${Deno.build.arch}`;
    return unready({ what, remedy: REMEDIES.processor });
  }
  let library: IpsecMb;
  try {
    library = openLibrary(options);
  } catch (error) {
    return unready(describeMissing(error, options));
  }
  const { version } = library;
  const path = loadedPath(library.path);
  const chaChaIsSafe = hasSafeChaCha(library);
  const offers: Offer[] = [];
  const notOffered: Record<string, string> = {};
  for (const algorithm of ALGORITHMS) {
    const name = qualifiedName(algorithm);
    if (!OFFERED.has(name)) notOffered[name] = NOT_IN_LIBRARY;
    else if (name === CHACHA && !chaChaIsSafe) notOffered[name] = CHACHA_UNSAFE;
    else offers.push({ algorithm: name, ...goodSizes(library, algorithm) });
  }
  library.close();
  return {
    ready: true,
    version: `libIPSec_MB ${version}`,
    library: path,
    offers,
    missing: [],
    notOffered,
  };
}
