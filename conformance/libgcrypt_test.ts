import { deepStrictEqual } from "node:assert/strict";
import libgcrypt from "../backends/libgcrypt/libgcrypt.ts";
import { conformanceTests } from "./conformance.ts";
import plain from "./plain/plain_backend.ts";

const probe = libgcrypt.probe({});
const mayNotSkip = Deno.env.get("VHOST_CRYPTO_FORBID_SKIP") === "1";

if (probe.ready || mayNotSkip) {
  conformanceTests(libgcrypt);

  Deno.test("libgcrypt offers every symmetric algorithm of its own", () => {
    const offered = probe.offers.map(({ algorithm }) => algorithm);
    const required = plain.probe({}).offers.map(({ algorithm }) => algorithm)
      .filter((name) => !name.startsWith("akcipher."));
    deepStrictEqual(
      [...required, "mac.gmac-twofish"].filter((name) =>
        !offered.includes(name)
      ),
      [],
    );
  });
} else {
  const [missing] = probe.missing;
  Deno.test.ignore(
    `backend "libgcrypt" conforms (needs ${missing?.what}: ${missing?.remedy})`,
    () => {},
  );
}
