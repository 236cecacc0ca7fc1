/**
 * Work in steps that may have to be waited for, and mostly need not.
 *
 * @module
 */

/** What is there, or will be. */
export type Eventual<T> = T | Promise<T>;

/** Yields what it may have to wait for, and is given what that came to. */
export type Steps<Waited, Result> = Generator<
  Eventual<Waited>,
  Result,
  Waited
>;

/** Goes through all steps; at once where nothing has to be waited for. */
export function takeSteps<Waited, Result>(
  steps: Steps<Waited, Result>,
): Eventual<Result> {
  let step = steps.next();
  while (!step.done) {
    const { value } = step;
    if (value instanceof Promise) return takeRest(steps, value);
    step = steps.next(value);
  }
  return step.value;
}

async function takeRest<Waited, Result>(
  steps: Steps<Waited, Result>,
  first: Promise<Waited>,
): Promise<Result> {
  let step = steps.next(await first);
  while (!step.done) step = steps.next(await step.value);
  return step.value;
}
