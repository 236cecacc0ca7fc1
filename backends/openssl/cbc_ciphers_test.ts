import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import type { Libcrypto } from "../../ffi/libcrypto.ts";
import {
  changed,
  OPTIONS,
  withBoth,
  withLibrary,
} from "../../testing/openssl_library.ts";
import {
  buildOperation,
  opensslTest,
  randomBytes,
  runRequest,
} from "../../testing/openssl_requests.ts";
import { type Operation, OperationStatus } from "../backend.ts";
import { openCbcContext } from "./cbc_context.ts";
import { CryptoLibrary } from "./library.ts";

const KEY_BYTES = [16, 24, 32];
const DIRECTIONS = ["encrypt", "decrypt"] as const;
/** More than have room at first, twice. */
const SESSIONS = 50;
const BURST = 64;

const anyOf = <T>(values: readonly T[]): T =>
  values[Math.floor(Math.random() * values.length)]!;

const anyDescription = (): SessionDescription => ({
  service: "cipher",
  algorithm: "aes-cbc",
  direction: anyOf(DIRECTIONS),
  key: randomBytes(anyOf(KEY_BYTES)),
});

opensslTest(
  "AES-CBC of many sessions in one burst is the same through EVP alone",
  (usual) =>
    withBoth(usual, (thread, evp) => {
      const open = () => {
        const description = anyDescription();
        return [thread, evp].map((each) => each.openSession(description));
      };
      const sessions = Array.from({ length: SESSIONS }, open);
      for (let round = 0; round < 5; round++) {
        // What is closed gives its place to what is opened next.
        const which = Math.floor(Math.random() * SESSIONS);
        thread.closeSession(sessions[which]![0]!);
        evp.closeSession(sessions[which]![1]!);
        sessions[which] = open();
        const operations: Operation[] = [];
        const expected: Uint8Array[] = [];
        for (let i = 0; i < BURST; i++) {
          const [session, other] = anyOf(sessions);
          const request = {
            iv: randomBytes(16),
            source: randomBytes(16 * Math.floor(Math.random() * 30)),
            // Some of them go the careful way.
            layout: anyOf(["contiguous", "contiguous", "scattered"] as const),
          };
          operations.push(buildOperation(session!, request));
          expected.push(runRequest(evp, other!, request).destination);
        }
        thread.run(operations, BURST);
        operations.forEach(({ status, destination }, i) => {
          strictEqual(status, OperationStatus.Ok);
          deepStrictEqual(destination.copy(), expected[i]);
        });
      }
    }),
);

/** Whether there is such a context where some functions are others. */
function isFound(
  functions: (symbols: Libcrypto) => Partial<Libcrypto>,
  encrypts = true,
): boolean {
  let found = false;
  withLibrary(new CryptoLibrary(OPTIONS), (library) => {
    const changes = functions(library.symbols);
    const context = openCbcContext(changed(library, changes), 16, encrypts);
    found = context !== undefined;
    context?.close();
  });
  return found;
}

opensslTest("the default provider's AES-CBC takes keys from elsewhere", () => {
  for (const encrypts of [true, false]) {
    ok(isFound(() => ({}), encrypts));
  }
});

opensslTest("a context is not used that does something else", () => {
  /** The call of that number gives another last byte. */
  const otherBytes = (number: number) => (symbols: Libcrypto) => {
    let calls = 0;
    const changes: Partial<Libcrypto> = {
      EVP_Cipher: (context, out, input, lengthBytes) => {
        const result = symbols.EVP_Cipher(context, out, input, lengthBytes);
        if (++calls === number) (out as Uint8Array)[31]! ^= 1;
        return result;
      },
    };
    return changes;
  };
  for (const number of [1, 3, 5]) {
    strictEqual(isFound(otherBytes(number)), false, `${number}`);
  }
  strictEqual(isFound(otherBytes(6)), true);
  strictEqual(isFound(() => ({ EVP_CIPHER_CTX_iv_noconst: null })), false);
});

opensslTest("memory that is no AES-CBC's is not written to", () => {
  const bytes = new Uint8Array(new ArrayBuffer(512)).fill(0xa5);
  for (const at of [0, 4, 8]) {
    const iv = () => Deno.UnsafePointer.of(bytes.subarray(at));
    strictEqual(isFound(() => ({ EVP_CIPHER_CTX_iv_noconst: iv })), false);
  }
  ok(bytes.every((byte) => byte === 0xa5));
});

opensslTest("memory that points to itself and does nothing is not used", () => {
  const bytes = new Uint8Array(new ArrayBuffer(1024));
  const iv = Deno.UnsafePointer.of(bytes)!;
  new BigUint64Array(bytes.buffer)[18] = Deno.UnsafePointer.value(iv) + 160n;
  strictEqual(
    isFound(() => ({ EVP_CIPHER_CTX_iv_noconst: () => iv })),
    false,
  );
});
