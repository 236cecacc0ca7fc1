/**
 * Checks of a cipher: every direction, length, cut and place.
 *
 * @module
 */

import { toHex } from "../algorithms/hex.ts";
import type { CipherAlgorithm } from "../algorithms/catalogue.ts";
import type {
  CipherSession,
  Direction,
} from "../algorithms/session_description.ts";
import {
  type BackendSession,
  OperationKind,
  OperationStatus,
} from "../backends/backend.ts";
import type { Examiner } from "./examiner.ts";
import {
  ALL_LAYOUTS,
  randomLayout,
  smallLengths,
  someLargeLengths,
} from "./lengths.ts";
import type { Layout, Request } from "./operations.ts";

function makeRequest(
  examiner: Examiner,
  algorithm: CipherAlgorithm,
  direction: Direction,
  lengthBytes: number,
): Request {
  return {
    kind: direction === "encrypt"
      ? OperationKind.Encrypt
      : OperationKind.Decrypt,
    iv: examiner.random.bytes(algorithm.ivBytes),
    source: examiner.random.bytes(lengthBytes),
    destinationBytes: lengthBytes,
    digestBytes: 0,
  };
}

function checkLengths(
  examiner: Examiner,
  algorithm: CipherAlgorithm,
  description: CipherSession,
  isFirstKey: boolean,
): void {
  const rule = { ...algorithm, mayBeEmpty: true };
  examiner.withSession(description, (session) => {
    const run = (lengthBytes: number, layout: Layout) =>
      examiner.run({
        check: "against a second opinion",
        description,
        session,
        request: makeRequest(
          examiner,
          algorithm,
          description.direction,
          lengthBytes,
        ),
        layout,
      });
    for (const lengthBytes of smallLengths(rule)) {
      run(lengthBytes, randomLayout(examiner.random, lengthBytes));
      run(lengthBytes, randomLayout(examiner.random, lengthBytes));
    }
    for (const layout of ALL_LAYOUTS) run(144, layout);
    for (
      const lengthBytes of someLargeLengths(examiner.random, rule, isFirstKey)
    ) {
      run(lengthBytes, randomLayout(examiner.random, lengthBytes));
    }
  });
}

/** What encryption makes, decryption must undo; with the same key and vector. */
function checkRoundTrip(
  examiner: Examiner,
  algorithm: CipherAlgorithm,
  key: Uint8Array,
): void {
  const check = "round trip";
  const sessions = (["encrypt", "decrypt"] as const).map((direction) => {
    const description: CipherSession = {
      service: "cipher",
      algorithm: algorithm.name,
      direction,
      key,
    };
    return { description, session: examiner.open(description) };
  });
  const [encryptor, decryptor] = sessions;
  if (!encryptor?.session || !decryptor?.session) return;
  const request = makeRequest(examiner, algorithm, "encrypt", 1024);
  const run = (
    side: { description: CipherSession; session: BackendSession | undefined },
    what: Request,
  ) => examiner.run({ ...side, session: side.session!, check, request: what });
  const encrypted = run(encryptor, request);
  const decrypted = encrypted && run(decryptor, {
    ...request,
    kind: OperationKind.Decrypt,
    source: encrypted.destination,
  });
  examiner.assert(
    decrypted?.status === OperationStatus.Ok &&
      toHex(decrypted.destination) === toHex(request.source),
    `${check} of 1024 bytes, key of ${key.length}`,
    "the plaintext",
    "other bytes",
  );
  examiner.close(encryptor.session);
  examiner.close(decryptor.session);
}

/** The bytes of a counter that carry: the vector is all ones. */
function checkWrapAround(
  examiner: Examiner,
  algorithm: CipherAlgorithm,
  key: Uint8Array,
): void {
  const description: CipherSession = {
    service: "cipher",
    algorithm: algorithm.name,
    direction: "encrypt",
    key,
  };
  examiner.withSession(description, (session) => {
    for (let ones = 1; ones <= algorithm.ivBytes; ones++) {
      const iv = examiner.random.bytes(algorithm.ivBytes);
      iv.fill(0xff, iv.length - ones);
      const request = {
        ...makeRequest(examiner, algorithm, "encrypt", 160),
        iv,
      };
      const check = `vector that ends with ${ones} bytes of ff`;
      examiner.run({ check, description, session, request });
    }
  });
}

/** All checks of a cipher with keys of `keyLengths`. */
export function checkCipher(
  examiner: Examiner,
  algorithm: CipherAlgorithm,
  keyLengths: readonly number[],
): void {
  for (const keyBytes of keyLengths) {
    const key = examiner.random.bytes(keyBytes);
    for (const direction of ["encrypt", "decrypt"] as const) {
      checkLengths(examiner, algorithm, {
        service: "cipher",
        algorithm: algorithm.name,
        direction,
        key,
      }, keyBytes === keyLengths[0]);
    }
    checkRoundTrip(examiner, algorithm, key);
    checkWrapAround(examiner, algorithm, key);
  }
}
