/**
 * What `console.log` shows of objects that hold secrets.
 *
 * @module
 */

type Inspect = (value: unknown, options: unknown) => string;

/** Deno gives the function that shows a value first, Node.js last. */
type Hook = (first: unknown, options: unknown, last: unknown) => string;

const HOOKS = [
  Symbol.for("Deno.customInspect"),
  Symbol.for("nodejs.util.inspect.custom"),
];

/**
 * Makes `console.log` of `object` show what `shown` returns, behind `name` where
 * one is given.
 */
export function showInstead(
  object: object,
  shown: () => unknown,
  name?: string,
): void {
  const value: Hook = (first, options, last) => {
    const inspect = (typeof first === "function" ? first : last) as Inspect;
    const text = inspect(shown(), options);
    return name === undefined ? text : `${name} ${text}`;
  };
  for (const hook of HOOKS) Object.defineProperty(object, hook, { value });
}
