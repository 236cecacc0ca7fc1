/**
 * The PKCS#11 backend: a hardware security module, or whatever else speaks
 * PKCS#11 2.40. The key of a session is an object of a token session: sensitive,
 * not the token's, and destroyed with the session.
 *
 * Options, all of them strings:
 *
 * - `module`: path of the module; without it the backend is not ready.
 * - `token`: the token's label, or a PKCS#11 URI; not needed for the only one.
 * - `pin-file`: file with the user's PIN, which others cannot read; or
 * - `pin-fd`: open descriptor that the PIN can be read from.
 *
 * @module
 */

import { openPkcs11 } from "../../ffi/pkcs11.ts";
import { CONTRACT_VERSION, type OperationsBackend } from "../backend.ts";
import { readPkcs11Options } from "./options.ts";
import { probePkcs11 } from "./probe.ts";
import { Pkcs11Thread } from "./thread.ts";

const pkcs11: OperationsBackend = {
  contract: CONTRACT_VERSION,
  name: "pkcs11",
  runs: "blocking",
  probe: probePkcs11,
  open: (options) => {
    const read = readPkcs11Options(options);
    return new Pkcs11Thread(openPkcs11(read.module), read);
  },
};

export default pkcs11;
