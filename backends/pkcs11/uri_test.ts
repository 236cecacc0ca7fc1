import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { formatObjectUri, parsePkcs11Uri } from "./uri.ts";

Deno.test("a PKCS#11 URI names a token and its objects", () => {
  deepStrictEqual(parsePkcs11Uri("pkcs11:"), {});
  deepStrictEqual(
    parsePkcs11Uri(
      "pkcs11:token=My%20token;object=web;id=%01%aB;type=private;serial=12",
    ),
    {
      token: "My token",
      object: "web",
      id: Uint8Array.of(1, 0xab),
      serial: "12",
    },
  );
  deepStrictEqual(parsePkcs11Uri("pkcs11:manufacturer=A;model=B;"), {
    manufacturer: "A",
    model: "B",
  });
});

Deno.test("what a PKCS#11 URI cannot say here is told", () => {
  const cases = [
    ["token=a", "it does not begin with pkcs11:"],
    ["pkcs11:token=a?pin-value=1234", "it has a query, which is not used here"],
    ["pkcs11:token=%4", '"token" has a % that begins no byte'],
    ["pkcs11:token=%zz", '"token" has a % that begins no byte'],
    ["pkcs11:token=a;token=b", 'it has "token" twice'],
    ["pkcs11:id=a;id=b", 'it has "id" twice'],
    ["pkcs11:type=cert", 'its type is not "private"'],
    [
      "pkcs11:slot-id=1",
      'it has "slot-id", expected token, manufacturer, model, serial, object, id or type',
    ],
  ] as const;
  for (const [text, wrong] of cases) strictEqual(parsePkcs11Uri(text), wrong);
});

Deno.test("the URI of an object is read as it was written", () => {
  const id = Uint8Array.of(0, 255, 59);
  for (const label of ["web", "a;b=c%?", "ü 1"]) {
    deepStrictEqual(parsePkcs11Uri(formatObjectUri(label, id)), {
      object: label,
      id,
    });
  }
  deepStrictEqual(parsePkcs11Uri(formatObjectUri("", id)), { id });
  deepStrictEqual(parsePkcs11Uri(formatObjectUri("a", undefined)), {
    object: "a",
  });
});
