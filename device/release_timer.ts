/**
 * Timers that do not keep a program from ending.
 *
 * @module
 */

/** Lets the program end while `timer` is set, wherever timers can do that. */
export function releaseTimer(timer: ReturnType<typeof setInterval>): void {
  if ("Deno" in globalThis) return Deno.unrefTimer(timer);
  // Node and Bun have objects, browsers numbers, and their pages never wait.
  const object: unknown = timer;
  (object as { unref?(): void }).unref?.();
}
