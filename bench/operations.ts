/**
 * The operations that `deno bench` measures, in the catalogue's terms.
 *
 * @module
 */

import type { SessionDescription } from "../algorithms/session_description.ts";
import { OperationKind } from "../backends/backend.ts";

/** One operation with what a request of it consists of. */
export interface BenchOperation {
  readonly name: string;
  /** Qualified catalogue names that a backend must offer. */
  readonly needs: readonly string[];
  readonly description: SessionDescription;
  readonly kind: OperationKind;
  readonly ivBytes: number;
  /** Digest, code or tag. */
  readonly resultBytes: number;
  readonly hasDestination: boolean;
}

const key = (lengthBytes: number) =>
  Uint8Array.from({ length: lengthBytes }, (_, i) => 7 * i + 1);

const cbc = (direction: "encrypt" | "decrypt"): BenchOperation => ({
  name: `aes-128-cbc ${direction}`,
  needs: ["cipher.aes-cbc"],
  description: {
    service: "cipher",
    algorithm: "aes-cbc",
    direction,
    key: key(16),
  },
  kind: direction === "encrypt" ? OperationKind.Encrypt : OperationKind.Decrypt,
  ivBytes: 16,
  resultBytes: 0,
  hasDestination: true,
});

/** What `deno bench` goes through. */
export const BENCH_OPERATIONS: readonly BenchOperation[] = [
  cbc("encrypt"),
  cbc("decrypt"),
  {
    name: "aes-128-gcm encrypt",
    needs: ["aead.gcm"],
    description: {
      service: "aead",
      algorithm: "gcm",
      direction: "encrypt",
      key: key(16),
      tagBytes: 16,
    },
    kind: OperationKind.Encrypt,
    ivBytes: 12,
    resultBytes: 16,
    hasDestination: true,
  },
  {
    name: "sha256",
    needs: ["hash.sha256"],
    description: { service: "hash", algorithm: "sha256", resultBytes: 32 },
    kind: OperationKind.Digest,
    ivBytes: 0,
    resultBytes: 32,
    hasDestination: false,
  },
  {
    name: "aes-128-cbc + hmac-sha1 encrypt",
    needs: ["cipher.aes-cbc", "mac.hmac-sha1"],
    description: {
      service: "chain",
      order: "cipher-then-hash",
      cipher: { algorithm: "aes-cbc", direction: "encrypt", key: key(16) },
      hashMode: "auth",
      hashAlgorithm: "hmac-sha1",
      authKey: key(20),
      resultBytes: 20,
    },
    kind: OperationKind.Encrypt,
    ivBytes: 16,
    resultBytes: 20,
    hasDestination: true,
  },
];
