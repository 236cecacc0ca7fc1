/**
 * Options: which backend serves what, and what backends are told.
 *
 * @module
 */

import { DEFAULT_MINIMUM_BYTES } from "../../backends/qat/minimum.ts";
import { FALLBACKS } from "../../device/session/placement.ts";
import type { OptionEntry } from "./option_entry.ts";

export const BACKEND_CHOICE_OPTIONS = [
  {
    name: "backend",
    value: "LIST",
    completes: "backend",
    default: "all that are ready, fastest first",
    repeatable: true,
    help:
      "backends in order of preference: built-in names, paths such as ./my_backend.ts, or npm:PACKAGE, with commas",
  },
  {
    name: "place",
    value: "RULE",
    repeatable: true,
    help:
      "sends sessions, or requests of some sizes, to a backend of the list: SERVICE[.ALGORITHM][/KEYBITS][<BYTES or >=BYTES]=BACKEND",
  },
  {
    name: "fallback",
    value: "POLICY",
    choices: FALLBACKS,
    default: "unsupported",
    repeatable: true,
    help:
      "when a session moves on in the list: never, unsupported (its backend does not offer it), or failure (also when that fails)",
  },
  {
    name: "openssl-provider",
    value: "NAME[:PATH]",
    default: "default, and legacy where it is installed",
    repeatable: true,
    sets: {
      backend: "openssl",
      option: "providers",
      form: /^[^:,]+(:[^,]+)?$/,
      expected: "NAME or NAME:PATH, without a comma",
    },
    help:
      "load this provider of libcrypto (with PATH: its module, or the directory of that) and only those that are named so",
  },
  {
    name: "openssl-properties",
    value: "QUERY",
    sets: {
      backend: "openssl",
      option: "properties",
      form: /^\P{Cc}+$/u,
      expected: "a property query",
    },
    help:
      "take algorithms of libcrypto with these properties only, for example fips=yes or ?provider=qatprovider",
  },
  {
    name: "openssl-engine",
    value: "NAME",
    sets: {
      backend: "openssl",
      option: "engine",
      form: /^[\w.-]+$/,
      expected: "the identifier of an engine",
    },
    help:
      "make this engine of libcrypto 3 the default for what it has, for example qatengine or afalg",
  },
  {
    name: "qat-min-bytes",
    value: "BYTES",
    default: `${DEFAULT_MINIMUM_BYTES}`,
    help:
      "where qat and another backend after it are listed, smaller symmetric requests go to that one; 0 sends all to qat",
  },
  {
    name: "pkcs11-module",
    value: "PATH",
    completes: "file",
    sets: {
      backend: "pkcs11",
      option: "module",
      form: /^[^,]+$/,
      expected: "the path of a PKCS#11 module",
    },
    help: "serve sessions with the token of this PKCS#11 module",
  },
  {
    name: "pkcs11-token",
    value: "TOKEN",
    default: "the only one",
    sets: {
      backend: "pkcs11",
      option: "token",
      form: /^[^,]+$/,
      expected: "a label, or pkcs11:token=LABEL",
    },
    help: "which token of the module: its label, or a PKCS#11 URI",
  },
  {
    name: "pkcs11-pin-file",
    value: "PATH",
    completes: "file",
    sets: {
      backend: "pkcs11",
      option: "pin-file",
      form: /^[^,]+$/,
      expected: "the path of a file with the PIN",
    },
    help: "log in to the token with the PIN in this file",
  },
  {
    name: "pkcs11-pin-fd",
    value: "N",
    sets: {
      backend: "pkcs11",
      option: "pin-fd",
      form: /^\d{1,7}$/,
      expected: "the number of an open descriptor",
    },
    help: "log in to the token with the PIN that this descriptor gives",
  },
] as const satisfies readonly OptionEntry[];
