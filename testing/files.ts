/**
 * Files of tests.
 *
 * @module
 */

/** A folder that goes when it is disposed of. */
export async function temporaryFolder(): Promise<
  AsyncDisposable & { readonly path: string }
> {
  const path = await Deno.makeTempDir({ prefix: "vhost-crypto-test-" });
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

/** Whether `path` names anything. */
export async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

/** Waits until `path` names something, for 20 s at most. */
export async function untilExists(path: string): Promise<void> {
  const end = performance.now() + 20_000;
  while (!await exists(path) && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
