/**
 * What the token on this machine offers.
 *
 * @module
 */

import { ALGORITHMS, qualifiedName } from "../../algorithms/catalogue.ts";
import {
  openPkcs11,
  type Pkcs11Module,
  Pkcs11OpenError,
} from "../../ffi/pkcs11.ts";
import type { BackendOptions, Missing, Offer, Probe } from "../backend.ts";
import { messageOf } from "../error_message.ts";
import { NEEDS } from "./mechanisms.ts";
import {
  MissingError,
  type Pkcs11Options,
  readPkcs11Options,
} from "./options.ts";
import { listMechanisms } from "./slots.ts";
import { TokenSession } from "./token_session.ts";

/**
 * Sessions that keep a login whose PIN cannot be read again: the process is
 * logged in while one of its sessions with the token is open.
 */
const anchors = new Map<string, TokenSession>();

function anchorLogin(options: Pkcs11Options, session: TokenSession): boolean {
  const { pin } = options;
  if (!pin || !("descriptor" in pin)) return false;
  const name = `${options.module} ${session.token.slot}`;
  if (anchors.get(name)?.hasKeys) return false;
  anchors.set(name, session);
  return true;
}

function offersOf(
  mechanisms: ReadonlySet<number>,
  hasKeys: boolean,
): Pick<Probe, "offers" | "notOffered"> {
  const offers: Offer[] = [];
  const notOffered: Record<string, string> = {};
  for (const algorithm of ALGORITHMS) {
    const name = qualifiedName(algorithm);
    const needs = NEEDS[name];
    if (!needs) notOffered[name] = "PKCS#11 2.40 has no mechanism for it here";
    else if (!needs.every((one) => mechanisms.has(one))) {
      notOffered[name] = "the token has not its mechanism";
    } else if (!hasKeys && algorithm.service !== "hash") {
      notOffered[name] = "keys need a login: give the token's PIN";
    } else offers.push({ algorithm: name });
  }
  return { offers, notOffered };
}

function probeToken(module: Pkcs11Module, options: Pkcs11Options): Probe {
  const session = new TokenSession(module, options);
  try {
    const { token } = session;
    const mechanisms = listMechanisms(module, token);
    return {
      ready: true,
      version: `${module.version}, token "${token.label}"`,
      library: options.module,
      ...offersOf(mechanisms, session.hasKeys),
      missing: [],
    };
  } finally {
    if (!anchorLogin(options, session)) session.close();
  }
}

function missingOf(error: unknown, options: BackendOptions): Missing {
  if (error instanceof MissingError) return error.missing;
  const what = messageOf(error);
  if (error instanceof Pkcs11OpenError) {
    return error.reason === "forbidden"
      ? { what, remedy: "run with --allow-ffi" }
      : { what, remedy: "name the path of a module", option: "module" };
  }
  const pin = ["pin-file", "pin-fd"].find((name) => options[name]);
  return {
    what,
    remedy: "look at the token, and at its PIN",
    option: pin ?? "module",
  };
}

/** Looks for module and token, and logs in; never throws. */
export function probePkcs11(options: BackendOptions): Probe {
  try {
    const read = readPkcs11Options(options);
    return probeToken(openPkcs11(read.module), read);
  } catch (error) {
    return {
      ready: false,
      version: "PKCS#11",
      ...(options.module !== undefined && { library: options.module }),
      offers: [],
      missing: [missingOf(error, options)],
      notOffered: {},
    };
  }
}
