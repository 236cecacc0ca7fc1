import type { Mutant } from "./mutant.ts";

const FILE_KEYS_TEST = "tests/keys/file_keys_test.ts";
const COPIES_TEST = "tests/hostile/key_store_copies_test.ts";
const TOKEN_FAILURE_TEST = "backends/pkcs11/failure_test.ts";
const VAULT_TEST = "device/keys/key_vault_test.ts";
const SESSION_KEYS_TEST = "tests/pkcs11/session_keys_test.ts";

export const MUTANTS: readonly Mutant[] = [
  {
    fault: "who may sign hashes signs anything",
    file: "device/keys/key_use.ts",
    text: `isPadded && session.hash !== "none" && uses.includes("sign")`,
    replacement: `isPadded && uses.includes("sign")`,
    tests: [FILE_KEYS_TEST],
  },
  {
    fault: "who may use a key in one way uses it in any",
    file: "device/session/thread_sessions.ts",
    text: "if (key === null || key?.admits(kind) === false) return undefined;",
    replacement: "if (key === null) return undefined;",
    tests: [FILE_KEYS_TEST],
  },
  {
    fault: "the second use of a key is not looked at",
    file: "device/session/session_routes.ts",
    text: "choices.length === 1 && session.key === undefined &&",
    replacement: "choices.length === 1 &&",
    tests: [FILE_KEYS_TEST],
  },
  {
    fault: "a session whose key is gone keeps what a backend has of it",
    file: "device/session/thread_sessions.ts",
    text: "session.oldRoutes.push(...session.routes.splice(0));",
    replacement: "",
    tests: [COPIES_TEST],
  },
  {
    fault: "a private key with some secret numbers is a stub",
    file: "algorithms/key_stub.ts",
    text:
      "for (let i = 0; i < SECRET_NUMBERS; i++) {\n    if (fields.magnitudeBytes().length > 0) return undefined;",
    replacement:
      "for (let i = 0; i < SECRET_NUMBERS; i++) {\n    fields.magnitudeBytes();",
    tests: [FILE_KEYS_TEST],
  },
  {
    fault: "the store keeps keys that are gone",
    file: "device/keys/key_vault.ts",
    text: "this.#bytes.fill(0, 4 * HEADER_WORDS);",
    replacement: "",
    tests: [COPIES_TEST],
  },
  {
    fault: "a key that was written over meanwhile is taken for whole",
    file: "device/keys/key_vault.ts",
    text: "if (Atomics.load(this.#words, VERSION) === version) return result;",
    replacement: "return result;",
    tests: [VAULT_TEST],
  },
  {
    fault: "the text of a key file stays in memory",
    file: "device/keys/key_directory.ts",
    text: "    text.fill(0);\n",
    replacement: "",
    tests: [COPIES_TEST],
  },
  {
    fault: "a copy of a stored key outlives the opening of its session",
    file: "device/session/thread_backends.ts",
    text: "    } finally {\n      if (withKey) wipeKeys(withKey);",
    replacement: "    } finally {",
    tests: [COPIES_TEST],
  },
  {
    fault: "a key file that everybody reads is used",
    file: "device/keys/key_directory.ts",
    text: "const FORBIDDEN_MODE = 0o027;",
    replacement: "const FORBIDDEN_MODE = 0;",
    tests: ["cli/key_options_test.ts"],
  },
  {
    fault: "a PIN that a token has refused is tried until it locks",
    file: "backends/pkcs11/token_session.ts",
    text: "this.#pinIsWrong = result === NO_PIN_IS_TRIED_TWICE;",
    replacement: "",
    tests: [TOKEN_FAILURE_TEST],
  },
  {
    fault: "a handle of a token session that has ended is used in the next",
    file: "backends/pkcs11/token_session.ts",
    text: "if (this.#isOpen && generation === this.#generation) return;",
    replacement: "if (this.#isOpen) return;",
    tests: [TOKEN_FAILURE_TEST],
  },
  {
    fault: "what a token cannot do is a fault of the data",
    file: "backends/pkcs11/session.ts",
    text: "if (fault === undefined) return undefined;",
    replacement: "return undefined;",
    tests: [TOKEN_FAILURE_TEST],
  },
  {
    fault: "whoever has the PIN reads the keys of sessions",
    file: "backends/pkcs11/keys.ts",
    text: "[CKA_SENSITIVE, true],",
    replacement: "[CKA_SENSITIVE, false],",
    tests: [SESSION_KEYS_TEST],
  },
  {
    fault: "keys of sessions that are closed stay in the token",
    file: "backends/pkcs11/ciphers.ts",
    text: "    this.#token.destroyObject(this.#key);\n",
    replacement: "",
    tests: [SESSION_KEYS_TEST],
  },
];
