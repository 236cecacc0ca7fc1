/**
 * Whether this runtime can call native libraries at all.
 *
 * @module
 */

/** Deno can; Node, Bun and browsers have no such interface, or another one. */
export function hasForeignFunctions(): boolean {
  return "Deno" in globalThis && typeof Deno.dlopen === "function";
}

/** What is missing where it cannot, and what helps: for a person to read. */
export const NO_FOREIGN_FUNCTIONS = {
  what: "the foreign functions of Deno, which this runtime does not have",
  remedy: "run the program with deno run --allow-ffi",
} as const;

/**
 * Opens native code, unless this runtime has no way to.
 *
 * @throws {Error} that says what `wanted` lacks here
 */
export function requireForeignFunctions(wanted: string): void {
  if (hasForeignFunctions()) return;
  const { what, remedy } = NO_FOREIGN_FUNCTIONS;
  throw new Error(`Cannot open ${wanted}: it needs ${what} (${remedy})`);
}
