/**
 * Tests whose real part (a library, a program, a device) may be missing.
 *
 * @module
 */

/** Whether `VHOST_CRYPTO_FORBID_SKIP=1` makes a missing part a failure. */
function skippingIsForbidden(): boolean {
  return Deno.env.get("VHOST_CRYPTO_FORBID_SKIP") === "1";
}

/**
 * Registers a test that needs `part`. Where the part is missing the test is
 * reported as ignored, with the part and its remedy in its name; where skipping
 * is forbidden it runs, and fails.
 */
export function testWith(
  part: {
    readonly present: boolean;
    readonly name: string;
    readonly remedy: string;
  },
  name: string,
  body: (context: Deno.TestContext) => void | Promise<void>,
): void {
  const ignore = !part.present && !skippingIsForbidden();
  Deno.test({
    name: ignore ? `${name} (needs ${part.name}: ${part.remedy})` : name,
    ignore,
    fn: body,
  });
}
