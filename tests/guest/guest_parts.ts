/**
 * Where the real parts of the guest tests are, and what is missing of them.
 *
 * @module
 */

import { exists } from "../../testing/files.ts";

export type QemuVersion = "11.1" | "10.0";

export interface GuestParts {
  readonly cache: string;
  readonly qemu: Readonly<Record<QemuVersion, string>>;
  readonly kernelImage: string;
  readonly modulesFolder: string;
  readonly busybox: string;
}

export type GuestPartsResult =
  | { readonly ok: true; readonly parts: GuestParts }
  | { readonly ok: false; readonly missing: string };

/** Programs of the host, and the Debian packages that have them. */
const TOOLS = [["gcc", "gcc and libc6-dev"], ["xz", "xz-utils"]] as const;
const FETCH = "run tests/guest/fetch.sh";

/** Names the first part that is missing, and how to get it. */
export async function guestParts(): Promise<GuestPartsResult> {
  const cache = cacheFolder();
  const qemu = { "11.1": `${cache}/qemu-11.1`, "10.0": `${cache}/qemu-10.0` };
  for (const [version, folder] of Object.entries(qemu)) {
    if (!await exists(`${folder}/usr/bin/qemu-system-x86_64`)) {
      return {
        ok: false,
        missing: `QEMU ${version} is not in ${cache}: ${FETCH}`,
      };
    }
  }
  const kernelImage = await onlyEntry(`${cache}/linux/boot`);
  const modulesFolder = await onlyEntry(`${cache}/linux/lib/modules`);
  if (kernelImage === undefined || modulesFolder === undefined) {
    return {
      ok: false,
      missing: `the guest's kernel is not in ${cache}: ${FETCH}`,
    };
  }
  const busybox = `${cache}/busybox/bin/busybox`;
  if (!await exists(busybox)) {
    return { ok: false, missing: `busybox is not in ${cache}: ${FETCH}` };
  }
  for (const [tool, debianPackage] of TOOLS) {
    if (!await runs(tool)) {
      return {
        ok: false,
        missing: `${tool} does not run: install ${debianPackage}`,
      };
    }
  }
  return {
    ok: true,
    parts: { cache, qemu, kernelImage, modulesFolder, busybox },
  };
}

function cacheFolder(): string {
  const named = Deno.env.get("VHOST_CRYPTO_GUEST_CACHE");
  if (named) return named;
  const caches = Deno.env.get("XDG_CACHE_HOME") ||
    `${Deno.env.get("HOME")}/.cache`;
  return `${caches}/vhost-device-crypto/guest`;
}

async function onlyEntry(folder: string): Promise<string | undefined> {
  try {
    for await (const entry of Deno.readDir(folder)) {
      return `${folder}/${entry.name}`;
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return undefined;
}

async function runs(tool: string): Promise<boolean> {
  try {
    return (await new Deno.Command(tool, {
      args: ["--version"],
      stdout: "null",
    }).output()).success;
  } catch {
    return false;
  }
}
