/**
 * The options of the backend.
 *
 * @module
 */

import type { BackendOptions, Missing } from "../backend.ts";
import { parsePkcs11Uri, type Pkcs11Uri } from "./uri.ts";

/** Where the PIN comes from; it is never an option itself. */
export type PinSource =
  | { readonly file: string }
  | { readonly descriptor: number };

/** The options, read. */
export interface Pkcs11Options {
  /** Path of the module. */
  readonly module: string;
  /** What names the token; empty where the only one is meant. */
  readonly token: Pkcs11Uri;
  /** Absent: nobody logs in, unless the token has a keypad of its own. */
  readonly pin?: PinSource;
}

/** Something that an option asks for and this machine lacks. */
export class MissingError extends Error {
  override readonly name = "MissingError";
  readonly missing: Missing;

  constructor(what: string, remedy: string, option?: string) {
    super(what);
    this.missing = { what, remedy, ...(option && { option }) };
  }
}

function readToken(text: string | undefined): Pkcs11Uri {
  if (text === undefined) return {};
  if (!text.startsWith("pkcs11:")) return { token: text };
  const uri = parsePkcs11Uri(text);
  if (typeof uri !== "string") return uri;
  throw new MissingError(
    `a token in "${text}": ${uri}`,
    'write the option "token" as a label or as pkcs11:token=LABEL',
    "token",
  );
}

function readPin(options: BackendOptions): PinSource | undefined {
  const file = options["pin-file"];
  const descriptor = options["pin-fd"];
  if (file !== undefined && descriptor !== undefined) {
    throw new MissingError(
      "one place of the PIN",
      "give pin-file or pin-fd, not both",
      "pin-fd",
    );
  }
  if (file !== undefined) return { file };
  if (descriptor === undefined) return undefined;
  if (/^\d{1,7}$/.test(descriptor)) return { descriptor: Number(descriptor) };
  throw new MissingError(
    `a descriptor in "${descriptor}"`,
    "give the number of an open descriptor",
    "pin-fd",
  );
}

/** Throws {@linkcode MissingError} for what cannot be understood. */
export function readPkcs11Options(options: BackendOptions): Pkcs11Options {
  const { module, token } = options;
  if (module === undefined) {
    throw new MissingError(
      "a PKCS#11 module",
      "name one with --pkcs11-module PATH",
    );
  }
  const pin = readPin(options);
  return { module, token: readToken(token), ...(pin && { pin }) };
}
