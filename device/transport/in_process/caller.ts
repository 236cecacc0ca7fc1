/**
 * Who calls: paths that a program writes are relative to the file they stand in,
 * as those of its imports are.
 *
 * @module
 */

/** Where a frame of a stack is: a URL, or a path in modules of Node.js' older kind. */
const PLACE =
  /((?:file|https?|blob|data):[^\s)]+?|\/[^\s:)]+):\d+(?::\d+)?\)?$/;

/**
 * The module that has called the function of module `callee` that calls this;
 * `undefined` where the engine does not say.
 *
 * @param callee `import.meta.url`
 */
export function callerOf(callee: string): URL | undefined {
  const frames = (new Error().stack ?? "").split("\n");
  let isWithin = false;
  for (const frame of frames) {
    const place = PLACE.exec(frame)?.[1];
    if (place === undefined) continue;
    if (place === callee) isWithin = true;
    else if (isWithin) return new URL(place, "file:///");
  }
  return undefined;
}
