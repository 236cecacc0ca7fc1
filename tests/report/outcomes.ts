/**
 * What a run of tests came to.
 *
 * @module
 */

/** How a test ended. */
export interface Outcome {
  readonly name: string;
  readonly verdict: "ok" | "FAILED" | "left out";
}

/** What the runtime's TAP reporter tells of each test; steps are their tests'. */
export function outcomesIn(tap: string): Outcome[] {
  return [...tap.matchAll(/^(not )?ok \d+ - (.*?)( # SKIP.*)?$/gm)].map((
    [, not, name, skipped],
  ) => ({
    name: name!,
    verdict: skipped ? "left out" : not ? "FAILED" : "ok",
  }));
}

/** A list, and how many of each there are. */
export function outcomeLines(outcomes: readonly Outcome[]): string[] {
  const count = (verdict: Outcome["verdict"]) =>
    outcomes.filter((one) => one.verdict === verdict).length;
  return [
    `${count("ok")} ok, ${count("FAILED")} failed, ${
      count("left out")
    } left out`,
    "",
    ...outcomes.map(({ name, verdict }) => `- ${verdict}: ${name}`),
  ];
}
