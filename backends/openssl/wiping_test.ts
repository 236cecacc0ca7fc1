import type { SessionDescription } from "../../algorithms/session_description.ts";
import { assertWiped } from "../../testing/key_search.ts";
import { opensslTest } from "../../testing/openssl_requests.ts";

const directions = { direction: "encrypt" } as const;

/** Sessions that keep a key of 32 bytes as it is while they are open. */
const withKey = (key: Uint8Array): SessionDescription[] => [
  { service: "cipher", algorithm: "aes-cbc", ...directions, key },
  { service: "cipher", algorithm: "aes-f8", ...directions, key },
  { service: "cipher", algorithm: "arc4", ...directions, key },
  { service: "aead", algorithm: "gcm", ...directions, key, tagBytes: 16 },
  { service: "aead", algorithm: "ccm", ...directions, key, tagBytes: 16 },
  {
    service: "aead",
    algorithm: "chacha20-poly1305",
    ...directions,
    key,
    tagBytes: 16,
  },
  { service: "mac", algorithm: "hmac-sha256", key, resultBytes: 32 },
  { service: "mac", algorithm: "cmac-aes", key, resultBytes: 16 },
  { service: "mac", algorithm: "gmac-aes", key, resultBytes: 16 },
];

opensslTest(
  "no key is left in memory when its sessions are closed",
  (thread) => assertWiped(thread, 32, withKey),
);
