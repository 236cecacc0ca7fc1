/**
 * Tests whose real part (a library, a program, a device) may be missing.
 *
 * @module
 */

/** Whether `VHOST_CRYPTO_FORBID_SKIP=1` makes a missing part a failure. */
function skippingIsForbidden(): boolean {
  return Deno.env.get("VHOST_CRYPTO_FORBID_SKIP") === "1";
}

/** Something real that a test needs. */
export interface RealPart {
  readonly present: boolean;
  readonly name: string;
  readonly remedy: string;
  /** A card, say: no package brings it, so a test stays ignored without it. */
  readonly isHardware?: boolean;
}

/**
 * Registers a test that needs `part`. Where the part is missing the test is
 * reported as ignored, with the part and its remedy in its name; where skipping
 * is forbidden it runs, and fails, unless the part is hardware.
 */
export function testWith(
  part: RealPart,
  name: string,
  body: (context: Deno.TestContext) => void | Promise<void>,
): void {
  const maySkip = part.isHardware || !skippingIsForbidden();
  const ignore = !part.present && maySkip;
  Deno.test({
    name: ignore ? `${name} (needs ${part.name}: ${part.remedy})` : name,
    ignore,
    fn: body,
  });
}
