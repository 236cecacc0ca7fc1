import { deepStrictEqual } from "node:assert/strict";
import { ALGORITHMS, qualifiedName } from "../algorithms/catalogue.ts";
import openssl from "../backends/openssl/openssl.ts";
import { conformanceTests } from "./conformance.ts";
import plain from "./plain/plain_backend.ts";

const probe = openssl.probe({});
const mayNotSkip = Deno.env.get("VHOST_CRYPTO_FORBID_SKIP") === "1";

/** What libcrypto has in its legacy provider, which may be missing. */
const LEGACY = ["cipher.arc4", "cipher.des-ecb", "cipher.des-cbc"];

if (probe.ready || mayNotSkip) {
  conformanceTests(openssl);

  Deno.test("openssl offers all that libcrypto's providers have", () => {
    const offered = probe.offers.map(({ algorithm }) => algorithm);
    const names = ALGORITHMS.map(qualifiedName);
    const composable = plain.probe({}).offers.map(({ algorithm }) => algorithm);
    const isRequired = (name: string) =>
      composable.includes(name) && (mayNotSkip || !LEGACY.includes(name));
    deepStrictEqual(
      names.filter((name) => isRequired(name) && !offered.includes(name)),
      [],
    );
  });
} else {
  const [missing] = probe.missing;
  Deno.test.ignore(
    `backend "openssl" conforms (needs ${missing?.what}: ${missing?.remedy})`,
    () => {},
  );
}
