/**
 * The libraries that the ipsec-mb backend's tests run over.
 *
 * @module
 */

import { join } from "node:path";
import ipsecMb from "../backends/ipsec_mb/ipsec_mb.ts";

/** A version of the library, and where its header is. */
export interface TestLibrary {
  readonly path: string;
  readonly includeFolder: string;
  readonly part: {
    readonly present: boolean;
    readonly name: string;
    readonly remedy: string;
  };
}

function cacheFolder(): string {
  const chosen = Deno.env.get("VHOST_CRYPTO_IPSEC_MB_CACHE");
  if (chosen) return chosen;
  const caches = Deno.env.get("XDG_CACHE_HOME") ||
    join(Deno.env.get("HOME") ?? "/", ".cache");
  return join(caches, "vhost-device-crypto", "ipsec-mb-2");
}

function testLibrary(
  name: string,
  path: string,
  includeFolder: string,
  remedy: string,
): TestLibrary {
  const present = ipsecMb.probe({ library: path }).ready;
  return { path, includeFolder, part: { present, name, remedy } };
}

/** Both job layouts that Debian has. */
export const TEST_LIBRARIES: readonly TestLibrary[] = [
  testLibrary(
    "libIPSec_MB 1.3",
    "libIPSec_MB.so.1",
    "/usr/include",
    "apt-get install libipsec-mb-dev",
  ),
  testLibrary(
    "libIPSec_MB 2.0",
    join(cacheFolder(), "usr/lib/x86_64-linux-gnu/libIPSec_MB.so.2"),
    join(cacheFolder(), "usr/include"),
    "tests/ipsec_mb/fetch.sh",
  ),
];
