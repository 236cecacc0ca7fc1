import type { Mutant } from "./mutant.ts";

const LEGALITY = "algorithms/legality.ts";
const LEGALITY_TEST = "algorithms/legality_test.ts";

export const MUTANTS: readonly Mutant[] = [
  {
    fault: "an XTS key may have equal halves",
    file: LEGALITY,
    text: 'return wrong("aes-xts key whose two halves are equal");',
    replacement: "return undefined;",
    tests: [LEGALITY_TEST],
  },
  {
    fault: "equal halves are found in keys of any cipher",
    file: LEGALITY,
    text: 'if (algorithm.name === "aes-xts" && halvesAreEqual(session.key)) {',
    replacement: "if (halvesAreEqual(session.key)) {",
    tests: [LEGALITY_TEST],
  },
  {
    fault: "only the last byte tells the halves of an XTS key apart",
    file: LEGALITY,
    text: "difference |= key[i]! ^ key[half + i]!;",
    replacement: "difference = key[i]! ^ key[half + i]!;",
    tests: [LEGALITY_TEST],
  },
  {
    fault: "the last byte of an XTS key's halves is not compared",
    file: LEGALITY,
    text: "for (let i = 0; i < half; i++) difference",
    replacement: "for (let i = 0; i < half - 1; i++) difference",
    tests: [LEGALITY_TEST],
  },
  {
    fault: "two differences between the halves of an XTS key cancel out",
    file: LEGALITY,
    text: "difference |= key[i]! ^ key[half + i]!;",
    replacement: "difference ^= key[i]! ^ key[half + i]!;",
    tests: [LEGALITY_TEST],
  },
  {
    fault: "XTS with two 192-bit keys is an error",
    file: LEGALITY,
    text: ') return unsupported("aes-xts with two 192-bit keys");',
    replacement: ') return wrong("aes-xts with two 192-bit keys");',
    tests: [LEGALITY_TEST],
  },
  {
    fault: "an HMAC key has a byte at least",
    file: "algorithms/catalogue.ts",
    text: "const HMAC_KEY = range(0, 1024);",
    replacement: "const HMAC_KEY = range(1, 1024);",
    tests: [LEGALITY_TEST],
  },
  {
    fault: "the longest data is one byte too long",
    file: LEGALITY,
    text: "return dataBytes <= maximumBytes &&",
    replacement: "return dataBytes <= maximumBytes + 1 &&",
    tests: [LEGALITY_TEST],
  },
  {
    fault: "GCM's counter is used up to its last value",
    file: LEGALITY,
    text: "(2 ** 32 - 2) * 16",
    replacement: "(2 ** 32 - 1) * 16",
    tests: [LEGALITY_TEST],
  },
  {
    fault: "what follows the numbers of another prime is not looked at",
    file: "algorithms/rsa_primes.ts",
    text: "    one.expectEnd();\n",
    replacement: "",
    tests: ["algorithms/rsa_primes_test.ts"],
  },
  {
    fault: "a prime may be 1",
    file: "algorithms/rsa_primes.ts",
    text: "if (!isOdd || (prime.length === 1 && prime[0] === 1)) {",
    replacement: "if (!isOdd) {",
    tests: ["algorithms/rsa_primes_test.ts"],
  },
  {
    fault: "a signature of data that has no encoding is compared with zeros",
    file: "algorithms/rsa_padding.ts",
    text: "if (!padForSignature(hash, digest, expected)) return false;",
    replacement: "padForSignature(hash, digest, expected);",
    tests: ["algorithms/rsa_padding_test.ts"],
  },
  {
    fault: "a digest of any length is signed and verified",
    file: "algorithms/rsa_padding.ts",
    text:
      'if (hash.name !== "none" && digest.length !== hash.digestBytes) return false;',
    replacement: "",
    tests: ["algorithms/rsa_padding_test.ts"],
  },
  {
    fault: "the second key of a chain is not wiped",
    file: "algorithms/session_description.ts",
    text: "return [description.cipher.key, description.authKey];",
    replacement: "return [description.cipher.key];",
    tests: ["algorithms/session_description_test.ts"],
  },
  {
    fault: "console.log of a session shows its key",
    file: "algorithms/session_description.ts",
    text: "  showInstead(description, () => withoutKeys(description));\n",
    replacement: "",
    tests: ["algorithms/session_description_test.ts"],
  },
  {
    fault: "a first guess of a quotient that is too high stays",
    file: "algorithms/secret_arithmetic.ts",
    text: "  if (difference < 0) addBack(rest, divisor, at);\n",
    replacement: "",
    tests: ["algorithms/secret_arithmetic_test.ts"],
  },
  {
    fault: "secret numbers of a calculation stay",
    file: "algorithms/secret_arithmetic.ts",
    text: "    for (const number of this.#made) number.fill(0);\n",
    replacement: "",
    tests: ["algorithms/secret_arithmetic_test.ts"],
  },
  {
    fault: "a coefficient that does not follow from the primes is taken",
    file: "algorithms/rsa_key.ts",
    text: "compare(coefficient, p) >= 0 || !isOne(unit)",
    replacement: "compare(coefficient, p) >= 0",
    tests: ["algorithms/rsa_key_test.ts"],
  },
];
