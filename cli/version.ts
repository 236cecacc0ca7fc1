/**
 * The version of the program.
 *
 * @module
 */

/** The same as in `deno.json`, which packages do not have. */
export const VERSION = "0.1.0";

/** When this version was begun, for the manual page. */
export const VERSION_DATE = "2026-11-27";

/** What `--version` answers. */
export const versionLine = (): string =>
  `vhost-device-crypto ${VERSION} on Deno ${Deno.version.deno}`;
