/**
 * DPDK's driver for virtio-crypto under DPDK's own tests of crypto devices.
 *
 * @module
 */

import type { Outcomes, OwnFailure, Peer } from "./peer.ts";

const LIBRARIES = "usr/lib/x86_64-linux-gnu";
const SYMMETRIC = "cryptodev_virtio_autotest";
const ASYMMETRIC = "cryptodev_virtio_asym_autotest";

/** Of several hundred, those that the driver does not skip, in both versions. */
const PASSES = [
  ...[
    "Decryption Digest Verify OOP Offset",
    "Encryption Digest",
    "Encryption Digest (short buffers)",
    "Decryption Digest Verify",
    "Decryption Digest Verify (short buffers)",
    "Encryption Digest OOP",
    "Encryption Digest OOP Offset",
    "Decryption Digest Verify OOP",
  ].map((name) => `AES Chain: AES-128-CBC HMAC-SHA1 ${name}`),
  ...[
    "AES-128-CBC Encryption",
    "AES-128-CBC Decryption",
    "AES-192-CBC Encryption",
    "AES-192-CBC Decryption",
    "AES-256-CBC Encryption",
    "AES-256-CBC Decryption",
    "AES-256-CBC OOP Encryption",
    "AES-256-CBC OOP Decryption",
  ].map((name) => `AES Cipher Only: ${name}`),
  "ESN Test Suite: auth_encrypt_AES128CBC_HMAC_SHA1_esn_check",
  "ESN Test Suite: auth_decrypt_AES128CBC_HMAC_SHA1_esn_check",
];

const PASSES_OF_25_11 = [
  ...[
    "test_device_reconfigure",
    "test_device_configure_invalid_dev_id",
    "test_queue_pair_descriptor_setup",
    "test_device_configure_invalid_queue_pair_ids",
    "test_stats",
  ].map((name) => `Crypto General Unit Test Suite: ${name}`),
  ...["test_capability", "test_rsa_enc_dec_crt"]
    .map((name) => `Crypto Device VIRTIO ASYM Unit Test Suite: ${name}`),
];

const NEVER_COMPARED: OwnFailure = {
  says: "failed",
  why: "the driver hands the digest to verify over as a writable buffer and " +
    "does not compare what comes back",
};

/** Each case has a line of its own, after the name of its suite. */
function readCases(lines: readonly string[]): Outcomes {
  const outcomes = new Map<string, string | undefined>();
  let suite = "";
  for (const line of lines) {
    suite = /^ \+ Test Suite : (.*)$/.exec(line)?.[1] ?? suite;
    const [, name, end] =
      /^ \+ TestCase \[ *\d+\] : (.*) (succeeded|failed)$/.exec(line) ?? [];
    if (name === undefined) continue;
    outcomes.set(
      `${suite}: ${name}`,
      end === "succeeded" ? undefined : "failed",
    );
  }
  return outcomes;
}

const common = {
  image: {
    files: [
      "usr/bin/dpdk-test",
      `${LIBRARIES}/librte_crypto_virtio.so`,
      `${LIBRARIES}/librte_mempool_ring.so`,
    ],
    // For the end of a thread.
    libraries: ["libgcc_s.so.1"],
    modules: ["uio_pci_generic"],
    script: "dpdk.sh",
  },
  // It disables queues by a write that the standard forbids, and where it ends with a
  // segmentation fault, its rings' memory is given away under the device.
  qemuSays: /wrong value for queue_enable 0$|vhost vring error in virtqueue 0/,
  memoryMebibytes: 1024,
  timeoutMs: 400_000,
  read: readCases,
} as const;

/**
 * Uses split rings whatever it is offered. Now and then it waits for a request that
 * it has laid out but not made available (seen in its ring: a descriptor, and an
 * available index of 0), or gives a ring's memory away while the device has it.
 */
export const DPDK_22_11: Peer = {
  ...common,
  attempts: 4,
  name: "dpdk-22.11",
  folder: "dpdk-22.11",
  deviceOptions: [],
  kernelWords: ["hugepages=160", `peers_tests=${SYMMETRIC}`],
  reaching: [SYMMETRIC],
  passes: PASSES,
  ownFailures: {
    [SYMMETRIC]: {
      says: "exit 139",
      why: "it ends with a segmentation fault in a test that its driver " +
        "refuses, on QEMU's built-in device too",
    },
  },
};

/** Hangs on packed rings: it frees fewer descriptors than it has used. */
export const DPDK_25_11: Peer = {
  ...common,
  name: "dpdk-25.11",
  folder: "dpdk-25.11",
  deviceOptions: ["--without", "ring-packed"],
  kernelWords: ["hugepages=160", `peers_tests=${SYMMETRIC},${ASYMMETRIC}`],
  reaching: [SYMMETRIC, ASYMMETRIC],
  passes: [...PASSES, ...PASSES_OF_25_11],
  ownFailures: {
    "Negative HMAC SHA1 Unit Test Suite: auth_decryption_AES128CBC_HMAC_SHA1_fail_data_corrupt":
      NEVER_COMPARED,
    "Negative HMAC SHA1 Unit Test Suite: auth_decryption_AES128CBC_HMAC_SHA1_fail_tag_corrupt":
      NEVER_COMPARED,
    "Crypto Device VIRTIO ASYM Unit Test Suite: test_rsa_sign_verify_crt": {
      says: "failed",
      why: "the driver does not know the status KEY_REJECTED",
    },
    [SYMMETRIC]: { says: "exit 255", why: "some of its tests fail" },
    [ASYMMETRIC]: { says: "exit 255", why: "some of its tests fail" },
  },
};
