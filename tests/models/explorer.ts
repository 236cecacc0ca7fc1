/**
 * Explores every order in which the steps of a few processes can interleave, and
 * so finds what a test of the running program meets once in a million.
 *
 * @module
 */

/** One way to go on: which step, and the state after it. */
export type Step<State> = readonly [step: string, after: State];

/** Processes over one state; a state is plain data that is never changed. */
export interface Model<State> {
  readonly initial: State;
  /** What can happen next; a process that waits has no step. */
  steps(state: State): Step<State>[];
  /** What is wrong with a state in which nothing can happen any more. */
  problem(state: State): string | undefined;
}

/** What an exploration found. */
export interface Exploration {
  readonly states: number;
  /** What is wrong somewhere; then `steps` lead there. */
  readonly problem?: string;
  readonly steps?: readonly string[];
}

interface Visit<State> {
  readonly state: State;
  readonly step: string;
  readonly before: Visit<State> | undefined;
}

/**
 * Visits every state that can be reached, the nearest first, and stops at the
 * first in which nothing can happen and something is wrong.
 */
export function explore<State>(model: Model<State>): Exploration {
  const seen = new Set([JSON.stringify(model.initial)]);
  const queue: Visit<State>[] = [
    { state: model.initial, step: "", before: undefined },
  ];
  for (const visit of queue) {
    const steps = model.steps(visit.state);
    if (steps.length === 0) {
      const problem = model.problem(visit.state);
      if (problem !== undefined) {
        return { states: seen.size, problem, steps: wayTo(visit) };
      }
    }
    for (const [step, state] of steps) {
      const key = JSON.stringify(state);
      if (seen.has(key)) continue;
      seen.add(key);
      queue.push({ state, step, before: visit });
    }
  }
  return { states: seen.size };
}

function wayTo<State>(last: Visit<State>): string[] {
  const steps: string[] = [];
  for (let at = last; at.before; at = at.before) steps.push(at.step);
  return steps.reverse();
}
