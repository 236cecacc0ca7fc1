import { deepStrictEqual } from "node:assert/strict";
import pkcs11 from "../backends/pkcs11/pkcs11.ts";
import { processToken, softTokenPart } from "../testing/soft_token.ts";
import { testWith } from "../testing/real_parts.ts";
import { CHECK_NAMES, checkBackend, formatReport } from "./conformance.ts";

testWith(
  await softTokenPart(),
  'backend "pkcs11" conforms on SoftHSM, with all that a token has to have',
  async () => {
    const { options } = await processToken();
    const offered: string[] = [];
    for (const only of CHECK_NAMES) {
      const report = checkBackend(pkcs11, { backendOptions: options, only });
      if (report.algorithms[0]!.outcome === "not offered") continue;
      offered.push(only);
      if (!report.passed) throw new Error(formatReport(report));
    }
    deepStrictEqual(offered, [
      "contract",
      "chain",
      "burst",
      "cipher.aes-ecb",
      "cipher.aes-cbc",
      "cipher.aes-ctr",
      "hash.md5",
      "hash.sha1",
      "hash.sha224",
      "hash.sha256",
      "hash.sha384",
      "hash.sha512",
      "mac.hmac-md5",
      "mac.hmac-sha1",
      "mac.hmac-sha224",
      "mac.hmac-sha256",
      "mac.hmac-sha384",
      "mac.hmac-sha512",
      "mac.cmac-aes",
      "aead.gcm",
      "akcipher.rsa",
      "akcipher.ecdsa",
    ]);
  },
);
